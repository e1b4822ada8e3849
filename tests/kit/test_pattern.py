"""Regular expressions of strangers: what fits, what is refused, and that no text takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.pattern import Pattern, PatternError

FITS = [
    ("a|b", "b"),
    ("", ""),
    ("a*", ""),
    ("(a*)*b", "aaab"),
    ("(?:ab){2,3}", "ababab"),
    ("a{2,}", "aaaa"),
    ("a{", "a{"),
    ("[^a-c]+", "xyz"),
    ("[]a]+", "]a"),
    ("[a-]+", "-a"),
    ("x-[[:digit:]]+", "x-12"),
    ("[[:^digit:]]+", "abc"),
    (r"\pL+\p{Nd}", "Äb7"),
    (r"\PL\p{^L}", "12"),
    (r"[\d_]+", "1_2"),
    (r"\w\W\s", "a- "),
    (r"\Qa.b*\E+", "a.b**"),
    (r"\x41\x{42}\103\.", "ABC."),
    ("(?i)tx-Ä", "TX-ä"),
    ("(?i:A)b", "ab"),
    ("(?s).", "\n"),
    ("(?m)a$\n^b", "a\nb"),
    (r"\Aa\z", "a"),
    (r"^a\b-\Ba?$", "a-"),
    ("(?P<name>a)(?<other>b)", "ab"),
    ("a+?b??", "aa"),
]
DIFFERS = [("a", "ab"), ("b", "ab"), (".", "\n"), ("a{2,3}", "aaaa"), ("(?i:a)b", "AB"), (r"a\bb", "ab"), ("a^b", "ab")]
REFUSED = ["(", ")", "a)", "[", "[]", "[b-a]", "a**", "*a", "a{2}{3}", "a{1001}", "a{3,2}", "(a{100}){100}", "(?=a)"]
REFUSED += [r"(a)\1", "(?<=a)b", "(?>a)", "\\", r"\y", r"\x{110000}", r"\p{Greek}", "(?x)a", "(" * 200 + ")" * 200]


@pytest.mark.parametrize(("pattern", "text"), FITS)
def test_what_fits(pattern, text):
    assert Pattern(pattern).matches(text)


@pytest.mark.parametrize(("pattern", "text"), DIFFERS)
def test_what_does_not_fit(pattern, text):
    assert not Pattern(pattern).matches(text)


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_is_no_expression_is_refused(pattern):
    with pytest.raises(PatternError):
        Pattern(pattern)


def test_an_expression_cannot_grow_without_bounds():
    with pytest.raises(PatternError):
        Pattern("(a{1000}){1}" * 30)


def test_what_takes_python_for_ever_is_answered():
    assert not Pattern("(a|aa|a?)*b").matches("a" * 3_000)


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", "^", "$", "c"])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"])),
    )


@given(st.recursive(ATOMS, larger, max_leaves=6), st.text("abc-", max_size=6))
def test_it_says_what_python_says(pattern, text):
    assert Pattern(pattern).matches(text) == (re.fullmatch(pattern.replace("$", r"\Z"), text) is not None)
