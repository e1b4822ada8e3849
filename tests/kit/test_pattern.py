"""Regular expressions of strangers: what fits, what is none and in which words, and that no text takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.pattern import PATTERN_LENGTH_MAX, Pattern, PatternError, Patterns, Work
from penstock.kit.pattern_classes import any_of

# The faults and their texts are those that Apache Kafka 4.3.1 answers.
FAULTS = {
    "a**": "invalid nested repetition operator",
    "x{2}{3}": "invalid nested repetition operator",
    "*": "missing argument to repetition operator",
    "a{1001}": "invalid repeat count",
    "a{2,1}": "invalid repeat count",
    "(": "missing closing )",
    "(?P<n>": "missing closing )",
    ")": "unexpected )",
    "[": "missing closing ]",
    "[z-a]": "invalid character class range",
    "[[:foo:]]": "invalid character class range",
    r"\pX": "invalid character class range",
    r"\8": "invalid escape sequence",
    r"\1": "invalid escape sequence",
    "\\": "trailing backslash at end of expression",
    "(?=a)": "invalid or unsupported Perl syntax",
    "(?i": "invalid or unsupported Perl syntax",
    "(?z)": "invalid or unsupported Perl syntax",
    "(?<": "invalid named capture",
    "(?P<n>a)(?P<n>b)": "duplicate capture group name",
    "[]": "missing closing ]",
    "(?>a)": "invalid or unsupported Perl syntax",
    "(?<=a)b": "invalid named capture",
    r"\y": "invalid escape sequence",
    r"\x{110000}": "invalid escape sequence",
    r"\p{Klingon}": "invalid character class range",
}

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
    (r"\p{Greek}+\p{Latin}\p{Common}", "αβé7"),
    (r"\p{Han}", "漢"),
]
DIFFERS = [
    ("a", "ab"),
    ("b", "ab"),
    (".", "\n"),
    ("a{2,3}", "aaaa"),
    ("(?i:a)b", "AB"),
    (r"a\bb", "ab"),
    ("a^b", "ab"),
    ("(?i)[^a-z]", "Q"),
    ("(?i)[A-Z]", "ß"),
]


@pytest.mark.parametrize(("pattern", "text"), FITS)
def test_what_fits(pattern, text):
    assert Pattern(pattern).matches(text)


@pytest.mark.parametrize(("pattern", "text"), DIFFERS)
def test_what_does_not_fit(pattern, text):
    assert not Pattern(pattern).matches(text)


@pytest.mark.parametrize("text", FAULTS)
def test_what_is_no_pattern_is_refused_in_the_words_of_re2(text):
    with pytest.raises(PatternError, match=re.escape(FAULTS[text])):
        Pattern(text)


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("foo.*", ["foo", "foo-1"], ["afoo", "fo"]),
        ("foo|bar", ["foo", "bar"], ["foobar", ""]),
        ("(?i)FOO", ["foo", "Foo"], ["fo"]),
        ("a(?i:b)c", ["abc", "aBc"], ["ABC"]),
        ("(?i)a(?-i)b", ["ab", "Ab"], ["aB"]),
        (r"orders\.\d{2,}", ["orders.12", "orders.123"], ["orders.1", "orders-12"]),
        (r"\Qa.b\E", ["a.b"], ["axb"]),
        (r"^a\b.*$", ["a", "a-b"], ["ab", "a_b"]),
        (r"a\Bb", ["ab"], ["a"]),
        (r"\pL+\x2d[[:digit:]]", ["abc-1"], ["a1-1", "a-a"]),
        (r"[^\w-]", ["."], ["-", "a", "_"]),
        (r"[]a]+", ["aa"], ["b"]),
        (r"\p{Greek}?\P{Lu}", ["a", "1"], ["A"]),
        ("a{0}b", ["b"], ["ab"]),
        ("a{,2}", [], ["a"]),
        ("(|a)*", ["", "aa"], ["b"]),
    ],
)
def test_a_pattern_matches_whole_names(text, matching, other):
    pattern = Pattern(text)

    assert [name for name in (*matching, *other) if pattern.matches(name)] == matching


ATOMS = st.sampled_from(["a", "b", "-", r"\.", ".", "[ab]", "[^a]", r"\d", r"\w", "(?:a|b)", "(ab)", r"\b"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "*?"])
BRANCHES = st.lists(st.tuples(ATOMS, REPEATS).map("".join), max_size=4).map("".join)
PATTERNS = st.lists(BRANCHES, min_size=1, max_size=3).map("|".join)


@given(PATTERNS, st.lists(st.text("ab-.1", max_size=6), min_size=1))
def test_where_both_agree_on_the_syntax_python_says_the_same(text, names):
    try:
        theirs = re.compile(text)
    except re.error:
        return
    pattern = Pattern(text)

    assert [pattern.matches(name) for name in names] == [theirs.fullmatch(name) is not None for name in names]


@pytest.mark.parametrize("text", ["(a*)*b", "(a|a)*b", "(a?){500}a{500}b", "((((a+)+)+)+)+b"])
def test_each_character_is_looked_at_once(text):
    pattern = Pattern(text)

    # A backtracking matcher would not be done within the age of the universe.
    assert not pattern.matches("a" * 249)

    assert len(pattern._moves) <= 250


@pytest.mark.parametrize("text", ["(" * 2_000, "((a{900}){900}){900}", "a" * (PATTERN_LENGTH_MAX + 1)])
def test_what_would_take_too_much_memory_is_refused(text):
    with pytest.raises(PatternError):
        Pattern(text)


@pytest.mark.parametrize("text", ["((((){1000}){1000}){1000}){1000}", "(((){1000}){1000}){1000,}"])
def test_nothing_repeated_again_and_again_is_nothing(text):
    # Gone through one by one they would not be done within a day.
    pattern = Pattern(text)

    assert pattern.matches("")
    assert not pattern.matches("a")


def test_what_takes_too_many_steps_is_given_up():
    pattern = Pattern("(.?){900}")
    names = ["abcdefghij" * 20 + str(number) for number in range(1_000)]
    work = Work(100_000)

    with pytest.raises(PatternError, match="too many steps"):
        pattern.matching(names, work)

    assert work.left < 0
    assert len(Pattern(".*7").matching(names, Work(100_000))) == 100


def test_what_is_remembered_of_moves_has_a_bound():
    pattern = Pattern("(.?){900}")
    for number in range(3):
        pattern.matches(f"{number}" + "abcdefghij" * 20, Work(10_000_000))

    assert sum(map(len, pattern._moves.values())) <= 25_000
    assert len({id(found) for found in pattern._sets}) == len(pattern._sets)


def test_a_class_of_many_parts_is_gone_through_once_for_each_character():
    asked = []

    def part(char: str) -> bool:
        asked.append(char)
        return char == "b"

    test = any_of([part, part])

    assert [test(char) for char in "abab"] == [False, True, False, True]
    assert asked == ["a", "a", "b"]


def test_patterns_are_made_once_until_their_programs_are_too_large():
    patterns = Patterns()
    small = patterns.get("a")
    for number in range(15):
        patterns.get(f"(b{{100}}){{99}}{number}")
    still = patterns.get("a") is small
    for number in range(15):
        patterns.get(f"(b{{100}}){{99}}{number + 15}")

    assert still
    assert patterns.get("a") is not small
    assert sum(found.size for found in patterns._known.values()) <= 200_000
