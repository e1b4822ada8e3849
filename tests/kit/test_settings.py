"""Rules of settings: Kafka's value syntax, limits, and errors that say what to do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.settings import (
    Definition,
    Kind,
    SettingError,
    all_of,
    at_least,
    between,
    one_of,
    only,
    parse,
    to_text,
)

RETENTION = Definition("retention.ms", Kind.LONG, "604800000", "How long.", at_least(-1))
POLICY = Definition("cleanup.policy", Kind.LIST, "delete", "What happens to old records.", all_of("compact", "delete"))
SECRET = Definition("key.password", Kind.PASSWORD, None, "Opens the key.", one_of("sesame"))
KNOWN = {definition.name: definition for definition in (RETENTION, POLICY, SECRET)}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.BOOLEAN, "true", True),
        (Kind.BOOLEAN, " FALSE ", False),
        (Kind.INT, " +12 ", 12),
        (Kind.INT, "-2147483648", -(2**31)),
        (Kind.SHORT, "32767", 32767),
        (Kind.LONG, "9223372036854775807", 2**63 - 1),
        (Kind.DOUBLE, "0.5", 0.5),
        (Kind.DOUBLE, "1.7976931348623157E308", 1.7976931348623157e308),
        (Kind.STRING, " producer ", "producer"),
        (Kind.LIST, "", []),
        (Kind.LIST, " compact , delete ", ["compact", "delete"]),
        (Kind.LIST, "a,,b", ["a", "", "b"]),
        (Kind.PASSWORD, " sesame", "sesame"),
    ],
)
def test_values_are_trimmed_and_typed(kind, text, value):
    assert Definition("x", kind, None, "").parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.BOOLEAN, "yes"),
        (Kind.BOOLEAN, "1"),
        (Kind.INT, "2147483648"),
        (Kind.INT, "1_000"),
        (Kind.INT, ""),
        (Kind.SHORT, "40000"),
        (Kind.LONG, "1e3"),
        (Kind.LONG, "9223372036854775808"),
        (Kind.DOUBLE, "nan"),
        (Kind.DOUBLE, "1_0.5"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_name(kind, text):
    with pytest.raises(SettingError, match=r"^some\.name = ") as caught:
        Definition("some.name", kind, None, "").parse(text)

    assert caught.value.name == "some.name"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (at_least(1), "1", "0"),
        (between(1, 9, or_else=-1), "-1", "0"),
        (between(1, 9), "9", "10"),
        (only(4, "no other is served"), "4", "5"),
    ],
)
def test_a_value_beyond_its_limit_is_refused_with_the_limit(check, good, bad):
    definition = Definition("level", Kind.INT, None, "", check)

    assert definition.parse(good) == int(good)
    with pytest.raises(SettingError, match=f"level = '{bad}': expected {check.expected}"):
        definition.parse(bad)


def test_names_are_exact_unless_case_does_not_matter():
    exact = Definition("type", Kind.STRING, None, "", one_of("CreateTime", "LogAppendTime"))
    loose = Definition("policy", Kind.STRING, None, "", one_of("UPGRADE", any_case=True))

    assert loose.parse("upgrade") == "upgrade"
    with pytest.raises(SettingError, match="expected one of CreateTime, LogAppendTime"):
        exact.parse("createtime")


def test_every_element_of_a_list_is_checked():
    assert POLICY.parse("compact,delete") == ["compact", "delete"]
    with pytest.raises(SettingError, match="expected a list of compact, delete"):
        POLICY.parse("compact,sometimes")


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("retention.ms", "7d", "; in milliseconds that is 604800000"),
        ("segment.bytes", "512 MB", "; in bytes that is 536870912"),
        ("retention.ms", "7x", "bits$"),
        ("some.count", "7d", "bits$"),
    ],
)
def test_a_unit_is_answered_with_the_number_that_was_meant(name, text, hint):
    with pytest.raises(SettingError, match=hint):
        Definition(name, Kind.LONG, None, "").parse(text)


def test_an_unknown_name_is_refused_and_its_neighbour_suggested():
    with pytest.raises(SettingError, match=r"no setting 'retention\.m'; did you mean 'retention\.ms'"):
        parse(KNOWN, {"retention.m": "1"})
    with pytest.raises(SettingError, match=r"no setting 'something\.else'$"):
        parse(KNOWN, {"something.else": "1"})


def test_what_is_not_given_has_its_default():
    assert parse(KNOWN, {"cleanup.policy": "compact"}) == {
        "retention.ms": 604800000,
        "cleanup.policy": ["compact"],
        "key.password": None,
    }


def test_a_secret_is_not_shown():
    with pytest.raises(SettingError) as caught:
        SECRET.parse("guess")

    assert "guess" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (["a", "b"], "a,b"),
        (0.5, "0.5"),
        (10_000_000.0, "1.0E7"),
        (123456789.0, "1.23456789E8"),
        (1e-05, "1.0E-5"),
        (0.0, "0.0"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_values_are_printed_as_kafka_prints_them(value, text):
    assert to_text(value) == text


@given(st.floats(allow_nan=False))
def test_a_printed_number_parses_to_itself(value):
    assert Definition("x", Kind.DOUBLE, None, "").parse(to_text(value)) == value


@given(st.text())
def test_any_text_is_taken_or_refused_never_worse(text):
    for kind in Kind:
        definition = Definition("x", kind, None, "")
        try:
            value = definition.parse(text)
        except SettingError:
            continue
        assert definition.parse(to_text(value)) == value
