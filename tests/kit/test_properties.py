"""Rules of .properties text, as java.util.Properties reads it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.properties import PropertiesError, read_properties


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("  a = 1 ", {"a": "1 "}),
        ("a:1\nb 2\nc\t=\t3", {"a": "1", "b": "2", "c": "3"}),
        ("a==1", {"a": "=1"}),
        ("a= =1", {"a": "=1"}),
        ("a b=1", {"a": "b=1"}),
        ("alone", {"alone": ""}),
        ("=value", {"": "value"}),
        ("# comment\n ! other\n\na=1", {"a": "1"}),
        ("# no continuation \\\na=1", {"a": "1"}),
        ("a=1#2", {"a": "1#2"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=1,\\\n   2,\\\n\t3", {"a": "1,2,3"}),
        ("a=1\\\n\nb=2", {"a": "1", "b": "2"}),
        ("a=1,\\\n# part of it", {"a": "1,# part of it"}),
        ("\\\n# a comment after all\na=1", {"a": "1"}),
        ("a=two\\\\\nb=2", {"a": "two\\", "b": "2"}),
        ("a=open\\", {"a": "open"}),
        ("a\\ b\\=c\\:d=1", {"a b=c:d": "1"}),
        (r"a=\t\n\q\u0041\u00e9", {"a": "\t\nqAé"}),
        (r"a=\ud83d\ude00", {"a": "😀"}),
        ("a=1\na=2", {"a": "2"}),
    ],
)
def test_text_is_read_as_java_reads_it(text, pairs):
    assert read_properties(text) == pairs


def test_a_broken_escape_names_its_line():
    with pytest.raises(PropertiesError, match=r"line 2: .*four hexadecimal digits"):
        read_properties("a=1\nb=\\u12x4")


def escaped(text: str) -> str:
    """Every character that means something, and every one beyond ASCII, written as an escape."""
    return "".join(char if char.isascii() and char.isalnum() else f"\\u{ord(char):04x}" for char in text)


CHARACTERS = st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",))


@given(
    st.dictionaries(st.text(CHARACTERS), st.text(CHARACTERS)),
    st.sampled_from(["=", ":", " ", " = ", "\t: "]),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n# comment\n"]),
)
def test_what_was_written_with_escapes_is_read_back(pairs, separator, end_of_line):
    text = end_of_line.join(f"{escaped(key)}{separator}{escaped(value)}" for key, value in pairs.items())

    # A key of no characters needs a separator that is not mere white space, which would be skipped.
    if "" in pairs and separator.strip() == "":
        return
    assert read_properties(text) == pairs


@given(st.text(alphabet=" \t\f\r\n\\=:#!au0041"))
def test_any_text_gives_pairs_or_a_clear_error(text):
    with suppress(PropertiesError):
        pairs = read_properties(text)
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in pairs.items())
