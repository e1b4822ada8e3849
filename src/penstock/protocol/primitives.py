"""The few helpers that compiled codecs call when the straight line does not suffice, and topic ids as text."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from penstock.kit.varint import decode_unsigned
from penstock.protocol.errors import Malformed

_UUID_TEXT: Final = re.compile("[A-Za-z0-9_-]{22}(?:==)?")

ZERO_UUID: Final = bytes(16)

# The bounds of Kafka 4.4's decoder; a string's length is an int16 in the older encoding as well. Kafka counts the
# elements of each array alone, we those of a whole message unless they are numbers.
ELEMENTS_MAX: Final = 1_000_000
STRING_SIZE_MAX: Final = 32_767

# Below this a copy is cheaper than one more buffer to hand to the kernel.
PASS_THROUGH_SIZE_MIN: Final = 1024


def to_base64(uuid: bytes) -> str:
    """A uuid as Kafka prints it: 22 characters of URL-safe base64, without padding."""
    return base64.urlsafe_b64encode(uuid).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """The 16 bytes behind Kafka's text of a uuid.  Error: ValueError when it is none."""
    if _UUID_TEXT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a uuid in base64: expected 22 letters, digits, '-' or '_'")
    return base64.urlsafe_b64decode(text[:22] + "==")


def skip_tags(buffer: Any, pos: int, count: int, end: int) -> int:
    """The position behind a section of tagged fields that nobody here knows.

    count: the byte before pos, how many they are unless it announces more digits.
    Error: Malformed, VarintError or IndexError.
    """
    if count > 127:
        count, pos = decode_unsigned(buffer, pos - 1)
    # A tagged field takes at least its tag and its size.
    if count * 2 > end - pos:
        raise Malformed(f"{count} tagged fields announced, {end - pos} bytes left")
    for _ in range(count):
        _, pos = decode_unsigned(buffer, pos)
        size, pos = decode_unsigned(buffer, pos)
        if size > end - pos:
            raise Malformed(f"a tagged field of {size} bytes announced, {end - pos} left")
        pos += size
    return pos


def size_of(parts: Any) -> int:
    """Bytes of a records value: one buffer, one FileSlice, or a list of them."""
    return sum(map(len, parts)) if type(parts) is list else len(parts)


def pass_through(parts: list[Any], head: bytearray, payload: Any) -> bytearray:
    """Puts `payload` uncopied behind `head`; gives the empty buffer that the next small fields go to."""
    parts.append(head)
    if type(payload) is list:
        parts.extend(payload)
    else:
        parts.append(payload)
    return bytearray()
