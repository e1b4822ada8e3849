"""Rules that all definitions keep."""

from pathlib import Path

import pytest

from penstock.broker.configs.catalog import BROKER, GROUP, SECTIONS, TOPIC
from penstock.broker.configs.definition import Config, Stance, Synonym, Update
from penstock.broker.configs.markdown import DEVIATIONS, configs_markdown
from penstock.broker.configs.notation import read
from penstock.coordinate.groups.settings import GROUP_DEFAULTS
from penstock.coordinate.share_groups.settings import ShareConfig
from penstock.kit.settings import Kind, SettingError

ROOT = Path(__file__).parents[3]
ALL = [*BROKER.values(), *TOPIC.values(), *GROUP.values()]


def test_the_page_is_what_the_definitions_say():
    page = ROOT / "docs" / "configs.md"

    assert page.read_text(encoding="utf-8") == configs_markdown(), "write it anew from configs_markdown()"


def test_every_config_is_defined_once_and_documented():
    assert len(BROKER) == sum(len(read(part.SETTINGS)) for part in SECTIONS)
    for config in ALL:
        assert config.documentation.endswith("."), config.name
        assert config.default is None or config.default_value is not None


def test_synonyms_and_deviations_are_broker_configs():
    synonyms = {synonym.name for config in (*TOPIC.values(), *GROUP.values()) for synonym in config.synonyms}

    assert synonyms <= BROKER.keys()
    assert DEVIATIONS.keys() <= BROKER.keys()


def test_a_default_from_the_broker_is_the_default_of_the_config():
    for config in (*TOPIC.values(), *GROUP.values()):
        values = [(BROKER[synonym.name].default_value, synonym.factor) for synonym in config.synonyms]
        first = next(((value, factor) for value, factor in values if value is not None), None)
        if first is not None:
            value, factor = first
            assert config.default_value == (value if factor == 1 else value * factor), config.name


def test_the_notation_says_all_that_a_definition_can():
    text = """
first.one int = 5 [1..9 or -1] cluster acts
    What it is for,
    in two lines.
second.one list per-broker internal <- first.one other.one*60
    = a,b
    What it is for.
third.one string = "" {YES NO}i
    What it is for.
fourth.one double [0..1]
    What it is for.
fifth.one boolean = false only:tls
    What it is for.
sixth.one long [1.. or -1]
    What it is for.
"""

    first, second, third, fourth, fifth, sixth = read(text).values()

    assert (first.kind, first.default, first.update, first.stance) == (Kind.INT, "5", Update.CLUSTER_WIDE, Stance.ACTS)
    assert first.documentation == "What it is for, in two lines."
    assert (first.parse("-1"), first.parse("9")) == (-1, 9)
    assert (second.default, second.internal, second.update) == ("a,b", True, Update.PER_BROKER)
    assert second.synonyms == (Synonym("first.one"), Synonym("other.one", 60))
    assert (third.default, third.parse("yes"), third.stance) == ("", "yes", Stance.INERT)
    assert fourth.default is None
    assert (fifth.stance, fifth.why) == (Stance.REFUSED, "TLS is not served yet")
    assert (sixth.parse("-1"), sixth.parse("7")) == (-1, 7)
    for config, bad in ((first, "0"), (first, "10"), (third, "maybe"), (fourth, "1.1"), (fifth, "true"), (sixth, "0")):
        with pytest.raises(SettingError):
            config.parse(bad)


@pytest.mark.parametrize("text", ["just words\n", "a.b int = 1 [x..]\n    Doc.\n", "a.b int =\n    Doc.\n"])
def test_what_is_not_in_the_notation_is_found_at_once(text):
    with pytest.raises((AssertionError, KeyError, IndexError)):
        read(text)


def source_of(*rooms: str) -> str:
    """The text of all modules of the rooms, without those that only name settings."""
    modules = (path for room in rooms for path in sorted((ROOT / "src" / "penstock" / room).rglob("*.py")))
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in modules
        if path.parent.name not in ("configs", "brokers") and path != ROOT / "src" / "penstock" / "log" / "settings.py"
    )


def is_read(config: Config, source: str) -> bool:
    return f'"{config.name}"' in source or config.name.replace(".", "_") in source


def test_what_is_said_to_act_is_read_by_the_code():
    source = source_of("broker", "server", "app", "coordinate", "log")
    derived = (ROOT / "src" / "penstock" / "broker" / "configs" / "broker_settings.py").read_text(encoding="utf-8")
    through_others = {
        synonym.name
        for config in (*TOPIC.values(), *GROUP.values())
        for synonym in config.synonyms
        if config.stance is Stance.ACTS
    }
    bounds = {name for name in BROKER if name.startswith("group.") and (".min." in name or ".max." in name)}

    idle = [
        config.name
        for config in BROKER.values()
        if config.stance is Stance.ACTS
        and config.name not in through_others | bounds
        and not is_read(config, source)
        and f'"{config.name}"' not in derived
    ]

    assert idle == []


def test_what_a_group_config_is_said_to_do_is_done_by_the_coordinator():
    read = {f"share.{name.replace('_', '.')}" for name in ShareConfig.__dataclass_fields__} | GROUP_DEFAULTS.keys()

    assert {config.name for config in GROUP.values() if config.stance is Stance.ACTS} == read


def test_what_a_topic_config_is_said_to_do_is_done_by_the_log_or_the_broker():
    source = source_of("broker", "log", "records")

    idle = [config.name for config in TOPIC.values() if config.stance is Stance.ACTS and not is_read(config, source)]

    # That one is segment.bytes under another name.
    assert idle == ["internal.segment.bytes"]
