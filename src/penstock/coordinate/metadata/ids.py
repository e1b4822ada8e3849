"""Ids that mean one thing for ever: of topics and of clusters."""

from collections.abc import Callable

from penstock.protocol.primitives import to_base64


def random_id(dice: Callable[[int], bytes]) -> bytes:
    """A random UUID of version 4. dice: gives that many random bytes.

    Tools take an id that begins with "-" for an option, so none does.  Source: Kafka's Uuid.randomUuid.
    """
    drawn = bytearray(dice(16))
    drawn[6] = drawn[6] & 0x0F | 0x40
    drawn[8] = drawn[8] & 0x3F | 0x80
    if to_base64(bytes(drawn)).startswith("-"):
        drawn[0] &= 0x7F
    return bytes(drawn)


def new_cluster_id(dice: Callable[[int], bytes]) -> str:
    """As `kafka-storage random-uuid` prints one."""
    return to_base64(random_id(dice))
