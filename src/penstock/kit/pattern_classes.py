"""Classes of characters in regular expressions, and what may lie around a point between two."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

Test = Callable[[str], bool]
# Told the characters before and after a point; "" at the edges of the text.
Between = Callable[[str, str], bool]

_DIGITS: Final = frozenset("0123456789")
_LOWER: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_UPPER: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WORD: Final = _DIGITS | _LOWER | _UPPER | {"_"}
_GRAPH: Final = frozenset(map(chr, range(0x21, 0x7F)))

# The classes that a letter behind a backslash names; its capital names all other characters.
PERL: Final[Mapping[str, frozenset[str]]] = {"d": _DIGITS, "s": frozenset("\t\n\f\r "), "w": _WORD}
POSIX: Final[Mapping[str, frozenset[str]]] = {
    "alnum": _DIGITS | _LOWER | _UPPER,
    "alpha": _LOWER | _UPPER,
    "ascii": frozenset(map(chr, range(0x80))),
    "blank": frozenset("\t "),
    "cntrl": frozenset(map(chr, range(0x20))) | {"\x7f"},
    "digit": _DIGITS,
    "graph": _GRAPH,
    "lower": _LOWER,
    "print": _GRAPH | {" "},
    "punct": _GRAPH - _DIGITS - _LOWER - _UPPER,
    "space": frozenset("\t\n\v\f\r "),
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": _DIGITS | frozenset("abcdefABCDEF"),
}
# Unicode's general categories: a letter names all that begin with it.
_MINOR: Final = {"C": "cfos", "L": "lmotu", "M": "cen", "N": "dlo", "P": "cdefios", "S": "ckmo", "Z": "lps"}
CATEGORIES: Final = frozenset(_MINOR) | {major + minor for major, minors in _MINOR.items() for minor in minors}


def category(name: str) -> Test:
    """Characters of a Unicode category, one of CATEGORIES."""
    return lambda char: unicodedata.category(char).startswith(name)


def one_of(chars: frozenset[str]) -> Test:
    return chars.__contains__


def between(low: str, high: str) -> Test:
    return lambda char: low <= char <= high


def any_of(tests: Iterable[Test]) -> Test:
    known = tuple(tests)
    return lambda char: any(test(char) for test in known)


def none_of(test: Test) -> Test:
    return lambda char: not test(char)


def in_any_case(test: Test) -> Test:
    return lambda char: test(char) or test(char.lower()) or test(char.upper())


def anything(char: str) -> bool:
    return True


def anything_but_newline(char: str) -> bool:
    return char != "\n"


def text_start(before: str, after: str) -> bool:
    return not before


def text_end(before: str, after: str) -> bool:
    return not after


def line_start(before: str, after: str) -> bool:
    return before in ("", "\n")


def line_end(before: str, after: str) -> bool:
    return after in ("", "\n")


def word_edge(before: str, after: str) -> bool:
    return (before in _WORD) != (after in _WORD)


def no_word_edge(before: str, after: str) -> bool:
    return not word_edge(before, after)
