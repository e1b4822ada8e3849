"""Sets of characters in patterns. Topic names are made of 65 characters, so a set is an integer with a bit for each."""

import unicodedata
from string import ascii_letters, digits

ALPHABET = ascii_letters + digits + "._-"
BIT = {char: 1 << place for place, char in enumerate(ALPHABET)}
EVERY = (1 << len(ALPHABET)) - 1


def mask_of(chars: str) -> int:
    """The set of those characters that can be in a topic name."""
    found = 0
    for char in chars:
        found |= BIT.get(char, 0)
    return found


def mask_of_range(low: int, high: int) -> int:
    """The set of the code points from low to high, both included."""
    return mask_of("".join(char for char in ALPHABET if low <= ord(char) <= high))


def folded(mask: int) -> int:
    """The set with both cases of each letter in it."""
    return mask_of("".join(char.swapcase() + char for char in ALPHABET if mask & BIT[char]))


_LOWER, _UPPER = mask_of("abcdefghijklmnopqrstuvwxyz"), mask_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = mask_of(digits)
WORD = _LOWER | _UPPER | _DIGITS | BIT["_"]

# \d, \s and \w; the capital letter is what is not in it.
PERL = {"d": _DIGITS, "s": 0, "w": WORD}

# What stands in brackets inside a class: [[:alpha:]].
POSIX = {
    "alnum": _LOWER | _UPPER | _DIGITS,
    "alpha": _LOWER | _UPPER,
    "ascii": EVERY,
    "blank": 0,
    "cntrl": 0,
    "digit": _DIGITS,
    "graph": EVERY,
    "lower": _LOWER,
    "print": EVERY,
    "punct": mask_of("._-"),
    "space": 0,
    "upper": _UPPER,
    "word": WORD,
    "xdigit": _DIGITS | mask_of("abcdefABCDEF"),
}

_CATEGORIES = "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs"
# Scripts that a pattern may name. All letters of topic names are Latin, all their other characters are Common.
_SCRIPTS = """
Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo
Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common
Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic
Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo
Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada
Katakana Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu
Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek
Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari
New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic
Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa
Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian
Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Telugu
Thaana Thai Tibetan Tifinagh Tirhuta Ugaritic Vai Wancho Warang_Citi Yezidi Yi Zanabazar_Square
"""


def _of_category(name: str) -> int:
    return mask_of("".join(char for char in ALPHABET if unicodedata.category(char).startswith(name)))


# \p{...}: general categories and scripts.
UNICODE = {"Any": EVERY} | {name: _of_category(name) for name in _CATEGORIES.split()}
UNICODE |= dict.fromkeys(_SCRIPTS.split(), 0) | {"Latin": _LOWER | _UPPER, "Common": EVERY & ~(_LOWER | _UPPER)}
