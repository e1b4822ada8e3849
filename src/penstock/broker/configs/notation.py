"""The compact notation in which configs are declared, turned into `Config`s.

    name kind = default [1..9 or -1] cluster acts <- synonym other.synonym*1000
        What it is for, in one or two sentences.

kind: boolean string int short long double list class password. Without default the config is not set, `""` is the
empty text; a long default may stand on an indented line of its own, again behind `=`. Limits: [low..high], where high
may be missing and `or` allows one value more; {one two} for names, {ONE TWO}i in any case; <word> for a check of
`checks`. Then any of: cluster, per-broker (else read-only); internal; acts, only:reason (else inert); and the synonyms.
"""

import re
from collections.abc import Iterator

from penstock.broker.configs.checks import NAMED
from penstock.broker.configs.definition import REASONS, Config, Stance, Synonym, Update
from penstock.kit.settings import Check, Definition, Kind, all_of, at_least, between, one_of, to_text

_HEAD = re.compile(
    r"(?P<name>[a-z0-9.]+) (?P<kind>[a-z]+)"
    r"(?: = (?P<default>\S+))?"
    r"(?: (?P<limits>\[[^]]+\]|\{[^}]+\}i?|<[a-z]+>))?"
    r"(?P<flags>(?: (?!<-)\S+)*)"
    r"(?: <- (?P<synonyms>.+))?"
)
_RANGE = re.compile(r"\[(?P<low>[-.0-9]+?)\.\.(?P<high>[-.0-9]+)?(?: or (?P<also>-1))?\]")
_UPDATES = {"cluster": Update.CLUSTER_WIDE, "per-broker": Update.PER_BROKER}
_FLAGS = frozenset((*_UPDATES, "internal", "acts"))


def read(text: str) -> dict[str, Config]:
    """The configs of a text, by name, in its order."""
    configs = (_config(head, indented) for head, indented in _entries(text))
    return {config.name: config for config in configs}


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    head, indented = "", list[str]()
    for line in text.splitlines():
        if line.startswith("    "):
            indented.append(line.strip())
            continue
        if head:
            yield head, indented
        head, indented = line, []
    if head:
        yield head, indented


def _config(head: str, indented: list[str]) -> Config:
    match = _HEAD.fullmatch(head)
    assert match is not None, f"not a config: {head!r}"
    default = match["default"]
    if indented[0].startswith("= "):
        default = indented.pop(0)[2:]
    if default == '""':
        default = ""
    flags = match["flags"].split()
    strange = [flag for flag in flags if flag not in _FLAGS and not flag.startswith("only:")]
    assert not strange, f"not in the notation: {strange} in {head!r}"
    kind = Kind[match["kind"].upper()]
    reason = next((flag.removeprefix("only:") for flag in flags if flag.startswith("only:")), "")
    why = REASONS[reason] if reason else ""
    stance = Stance.REFUSED if why else Stance.ACTS if "acts" in flags else Stance.INERT
    return Config(
        name=match["name"],
        kind=kind,
        default=default,
        documentation=" ".join(indented),
        check=_only_default(kind, default, why) if why else _limits(kind, match["limits"]),
        update=next((_UPDATES[flag] for flag in flags if flag in _UPDATES), Update.READ_ONLY),
        stance=stance,
        why=why,
        internal="internal" in flags,
        synonyms=tuple(_synonyms(match["synonyms"] or "")),
    )


def _only_default(kind: Kind, default: str | None, why: str) -> Check:
    """Only the default is taken: any other would promise what is missing. Lists may be empty, or in any order."""
    value = None if default is None else Definition("", kind, default, "").default_value
    shown = to_text(value) or "nothing"
    if isinstance(value, list):
        return Check(f"{shown}, since {why}", lambda given: not given or sorted(given) == sorted(value))
    return Check(f"{shown}, since {why}", lambda given: given == value or (value is None and given == ""))


def _limits(kind: Kind, text: str | None) -> Check | None:
    if text is None:
        return None
    if text.startswith("<"):
        return NAMED[text[1:-1]]
    if text.startswith("{"):
        names = text.removesuffix("i")[1:-1].split()
        return all_of(*names) if kind is Kind.LIST else one_of(*names, any_case=text.endswith("i"))
    match = _RANGE.fullmatch(text)
    assert match is not None, f"not a range: {text!r}"
    number = float if kind is Kind.DOUBLE else int
    low, also = number(match["low"]), None if match["also"] is None else int(match["also"])
    if match["high"] is not None:
        return between(low, number(match["high"]), also)
    return at_least(low) if also is None else at_least_or(low, also)


def at_least_or(low: float, also: int) -> Check:
    return Check(f"at least {low}, or {also}", lambda value: value >= low or value == also)


def _synonyms(text: str) -> Iterator[Synonym]:
    for entry in text.split():
        name, _, factor = entry.partition("*")
        yield Synonym(name, int(factor or 1))
