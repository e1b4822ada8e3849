"""Java's .properties text: comments, continued lines, three separators and escapes.

Source: the class documentation of java.util.Properties; Kafka's server.properties is such a file.
"""

import re

_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_BLANK = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class PropertiesError(ValueError):
    """The text is not in the .properties syntax; says which line."""


def read_properties(text: str) -> dict[str, str]:
    """The pairs of a .properties text; of a key that occurs twice the last one counts. Error: PropertiesError."""
    pairs = {}
    for number, line in _logical_lines(text):
        key, value = _split(line)
        pairs[_unescape(key, number)] = _unescape(value, number)
    return pairs


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their continuations joined and comments dropped, each with the number of its first line."""
    lines: list[tuple[int, str]] = []
    joined, first = "", 0
    for number, natural in enumerate(_END_OF_LINE.split(text), start=1):
        line = natural.lstrip(_BLANK)
        if not joined:
            # A line that so far is empty may still turn out to be a comment, even after a lone backslash.
            if not line or line[0] in "#!":
                continue
            first = number
        is_continued = _ends_open(line)
        joined += line[:-1] if is_continued else line
        if not is_continued:
            lines.append((first, joined))
            joined = ""
    if joined:
        lines.append((first, joined))
    return lines


def _ends_open(line: str) -> bool:
    """Whether the line ends in an odd number of backslashes: the last one escapes the end of the line."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _split(line: str) -> tuple[str, str]:
    """Key and value, still escaped: separated by white space, "=" or ":", the first of them that is not escaped."""
    at = 0
    while at < len(line) and line[at] not in "=: \t\f":
        at += 2 if line[at] == "\\" else 1
    key, rest = line[:at], line[at:].lstrip(_BLANK)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANK)
    return key, rest


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text
    parts = []
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char != "\\":
            parts.append(char)
            continue
        escaped = text[at : at + 1]
        at += 1
        if escaped == "u":
            parts.append(_unicode(text[at : at + 4], number))
            at += 4
        else:
            parts.append(_ESCAPES.get(escaped, escaped))
    # Two escapes may stand for one character beyond 16 bits; half of such a pair is none and is replaced.
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _unicode(digits: str, number: int) -> str:
    if not re.fullmatch("[0-9a-fA-F]{4}", digits):
        raise PropertiesError(
            f"line {number}: '\\u{digits}' is no character; expected four hexadecimal digits after \\u"
        )
    return chr(int(digits, 16))
