"""Classes of characters in regular expressions: each is a question that is asked of one character."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

Test = Callable[[str], bool]

_ANSWERS_REMEMBERED_MAX: Final = 100

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
_CATEGORIES: Final = frozenset(_MINOR) | {major + minor for major, minors in _MINOR.items() for minor in minors}
_SCRIPT_NAMES: Final = """
Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo
Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Coptic
Cuneiform Cypriot Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic
Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran
Hebrew Hiragana Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana
Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian
Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui
Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue Newa
Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian
Old_Sogdian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician
Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng
Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Thai
Tibetan Tifinagh Tirhuta Ugaritic Vai Wancho Warang_Citi Yezidi Yi Zanabazar_Square
"""
_SCRIPTS: Final = frozenset(_SCRIPT_NAMES.split())
# Scripts whose characters do not carry its name.
_SCRIPT_BEGINS: Final = {"Canadian_Aboriginal": "CANADIAN SYLLABICS", "Han": "CJK", "Phags_Pa": "PHAGS-PA"}


def unicode_class(name: str) -> Test | None:
    """The characters of a category or a script; None if there is none of that name.

    Python does not know scripts: a character is in one if its name begins with it, which holds for letters; what is no
    letter is Common.
    """
    if name == "Any":
        return anything
    if name in _CATEGORIES:
        return lambda char: unicodedata.category(char).startswith(name)
    if name == "Common":
        return lambda char: unicodedata.category(char)[0] not in "LM"
    if name == "Inherited":
        return lambda char: unicodedata.category(char)[0] == "M"
    if name not in _SCRIPTS:
        return None
    begin = _SCRIPT_BEGINS.get(name) or name.replace("_", " ").upper()
    return lambda char: unicodedata.name(char, "").startswith(begin)


def one_of(chars: frozenset[str]) -> Test:
    return chars.__contains__


def between(low: str, high: str) -> Test:
    return lambda char: low <= char <= high


def any_of(tests: Iterable[Test]) -> Test:
    """A class may have thousands of parts, and is asked of the same characters again and again."""
    known = tuple(tests)
    answers: dict[str, bool] = {}

    def test(char: str) -> bool:
        answer = answers.get(char)
        if answer is None:
            if len(answers) >= _ANSWERS_REMEMBERED_MAX:
                answers.clear()
            answer = answers[char] = any(part(char) for part in known)
        return answer

    return test


def none_of(test: Test) -> Test:
    return lambda char: not test(char)


def in_any_case(test: Test) -> Test:
    return lambda char: any(test(other) for other in (char, char.lower(), char.upper()) if len(other) == 1)


def anything(char: str) -> bool:
    return True


def anything_but_newline(char: str) -> bool:
    return char != "\n"


def is_word(char: str) -> bool:
    return char in _WORD
