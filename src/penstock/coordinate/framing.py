"""Keys and values of the internal topics: two bytes say what follows, or which version of it, then comes a message.

Source: Kafka's CoordinatorRecordSerde, MessageUtil.toVersionPrefixedBytes.
"""

from typing import Any, Final

from penstock.protocol.codec import encode
from penstock.protocol.errors import Malformed

# Where the message begins.
NUMBER_BYTES: Final = 2


def framed(number: int, message: Any, version: int) -> bytes:
    """number: the type of a key, or the version of a value; version: that the message is written in."""
    return b"".join((number.to_bytes(NUMBER_BYTES, "big"), *encode(message, version)))


def number_of(data: bytes, what: str) -> int:
    """The number that `data` begins with. what: for the error, as "key of __consumer_offsets". Error: Malformed."""
    if len(data) < NUMBER_BYTES:
        raise Malformed(f"a {what} has {len(data)} bytes, expected at least the {NUMBER_BYTES} that say what it is")
    return int.from_bytes(data[:NUMBER_BYTES], "big", signed=True)
