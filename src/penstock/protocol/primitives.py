"""The few helpers that compiled codecs call when the straight line does not suffice, and topic ids as text."""

from __future__ import annotations

import base64
from typing import Any, Final

from penstock.protocol.errors import Malformed

ZERO_UUID: Final = bytes(16)

# The bounds of Kafka 4.4's decoder; a string's length is an int16 in the older encoding as well.
ELEMENTS_MAX: Final = 1_000_000
STRING_SIZE_MAX: Final = 32_767

# Below this a copy is cheaper than one more buffer to hand to the kernel.
PASS_THROUGH_SIZE_MIN: Final = 1024


def to_base64(uuid: bytes) -> str:
    """A uuid as Kafka prints it: 22 characters of URL-safe base64, without padding."""
    return base64.urlsafe_b64encode(uuid).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """The 16 bytes behind Kafka's text of a uuid.  Error: ValueError when it is none."""
    try:
        uuid = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as fault:
        raise ValueError(f"{text!r} is not a uuid in base64: {fault}") from None
    if len(uuid) != 16:
        raise ValueError(f"{text!r} is not a uuid in base64: it holds {len(uuid)} bytes, expected 16")
    return uuid


def uvarint(value: int) -> bytes:
    """An unsigned varint: 7 bits a byte, lowest first, the top bit says that more follow."""
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def rest_of_uvarint(buffer: Any, pos: int, first: int) -> tuple[int, int]:
    """(value, next position) of a varint whose `first` byte, before pos, announced more.

    Error: Malformed after 5 bytes; IndexError at the buffer's end.
    """
    value = first & 127
    shift = 7
    while shift < 35:
        digit = buffer[pos]
        pos += 1
        value |= (digit & 127) << shift
        if digit < 128:
            return value, pos
        shift += 7
    raise Malformed("a varint of more than 5 bytes")


def read_uvarint(buffer: Any, pos: int) -> tuple[int, int]:
    """(value, next position) of a varint.  Errors as of rest_of_uvarint."""
    first = buffer[pos]
    return (first, pos + 1) if first < 128 else rest_of_uvarint(buffer, pos + 1, first)


def skip_tags(buffer: Any, pos: int, count: int, end: int) -> int:
    """The position behind tagged fields that nobody here knows; `count` is the first byte of how many."""
    if count > 127:
        count, pos = rest_of_uvarint(buffer, pos, count)
    # A tagged field takes at least its tag and its size.
    if count * 2 > end - pos:
        raise Malformed(f"{count} tagged fields announced, {end - pos} bytes left")
    for _ in range(count):
        _, pos = read_uvarint(buffer, pos)
        size, pos = read_uvarint(buffer, pos)
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
