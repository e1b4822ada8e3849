"""Bytes that are no message: always Malformed, always with field and position, never much memory."""

from __future__ import annotations

import contextlib
import tracemalloc
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.kit.varint import encode_unsigned
from penstock.protocol import catalog, messages
from penstock.protocol.codec import decode, encode
from penstock.protocol.errors import Malformed

from .samples import all_versions, versioned_messages_of


def cut_everywhere(message: Any, version: int) -> None:
    """No proper prefix of a message is one; of a long message 200 prefixes are tried."""
    data = b"".join(encode(message, version))
    for size in sorted({size * len(data) // 200 for size in range(200)} if len(data) > 200 else range(len(data))):
        with pytest.raises(Malformed, match=f"{type(message).__name__} v{version}: [a-z].* at byte [0-9]+: "):
            decode(type(message), version, data[:size])


def change_anywhere(message: Any, version: int, dice: Random) -> None:
    """What bytes changed at random decode to, if to anything, is a message that can be written again."""
    cls = type(message)
    data = b"".join(encode(message, version))
    for _ in range(20 if data else 0):
        hostile = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            hostile[dice.randrange(len(hostile))] = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
        try:
            found, _ = decode(cls, version, hostile)
        except Malformed:
            continue
        # Compared by repr, because a float that is not a number does not even equal itself.
        again, _ = decode(cls, version, b"".join(encode(found, version)))
        assert _text(again) == _text(found)


def _text(message: Any) -> str:
    """A message as text; records come as views, whose repr is an address."""
    if isinstance(message, list):
        return f"[{', '.join(map(_text, message))}]"
    if hasattr(message, "STRUCT"):
        return f"({', '.join(_text(getattr(message, name)) for name in message.__slots__)})"
    return repr(bytes(message) if isinstance(message, memoryview) else message)


def damage(name: str, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(versioned_messages_of(name), st.integers(0, 1 << 32))
    def check(sample: tuple[int, Any], seed: int) -> None:
        version, message = sample
        cut_everywhere(message, version)
        change_anywhere(message, version, Random(seed))

    check()


@pytest.mark.parametrize("name", catalog.names())
def test_damaged_bytes_are_malformed_or_another_message(name):
    damage(name, examples=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.names())
def test_damaged_bytes_are_malformed_or_another_message_at_length(name):
    damage(name, examples=40)


@pytest.mark.parametrize(
    ("name", "version", "data", "text"),
    [
        ("HeartbeatRequest", 0, "0001", "group_id at byte 2: 1 bytes announced, 0 left"),
        ("HeartbeatRequest", 0, "ffff", "group_id at byte 2: null, but a value is needed"),
        ("HeartbeatRequest", 4, "00", "group_id at byte 1: null, but a value is needed"),
        ("HeartbeatRequest", 4, "03c328", "group_id at byte 1: not UTF-8: invalid continuation byte"),
        ("HeartbeatRequest", 4, "8180808080", "group_id at byte 1: varint at byte 0 is longer than"),
        ("HeartbeatRequest", 4, "81808002", "group_id at byte 4: a string of 4194304 bytes announced, 32767 is"),
        ("HeartbeatRequest", 4, "0267000000", "generation_id at byte 2: the bytes end here, 5 in all"),
        ("HeartbeatRequest", 4, "026700000001", "member_id at byte 6: the bytes end here, 6 in all"),
        ("HeartbeatRequest", 4, "0100000000010001", "tags at byte 8: 1 tagged fields announced, 0 bytes left"),
        ("HeartbeatRequest", 4, "01000000000100010502", "tags at byte 8: a tagged field of 2 bytes announced, 0 left"),
        ("MetadataRequest", 0, "ffffffff", "topics at byte 4: null, but an array is needed"),
        ("MetadataRequest", 1, "7fffffff", "topics at byte 4: an array of 2147483647 elements announced, 0 bytes"),
        ("MetadataRequest", 1, "00000002000161", "topics at byte 4: an array of 2 elements announced, 3 bytes left"),
        ("MetadataRequest", 1, "000000020001610005", "topics[1].name at byte 9: 5 bytes announced, 0 left"),
        ("FetchRequest", 12, "00" * 25 + "01010101000200", "tags at byte 31: a tagged field of 2 bytes"),
        ("VoteResponse", 1, "00000101000100", "node_endpoints at byte 7: null, but an array is needed"),
    ],
)  # fmt: skip
def test_the_fault_is_named_with_its_place(name, version, data, text):
    with pytest.raises(Malformed) as caught:
        decode(getattr(messages, name), version, bytes.fromhex(data))

    assert str(caught.value).startswith(f"{name} v{version}: {text}")


def test_a_tagged_field_must_fill_the_size_it_announced():
    value = messages.ConsumerGroupMetadataValue
    sound = b"".join(encode(value(epoch=1, metadata_hash=7), 0))
    assert sound[4:7] == b"\x01\x00\x08"

    with pytest.raises(Malformed, match="tagged field 0 should end at byte 16"):
        decode(value, 0, sound[:6] + b"\x09" + sound[7:] + b"\0\0")


@pytest.mark.parametrize("count", [1_000_000, 1_000_001])
def test_an_array_has_at_most_a_million_elements(count):
    data = (1).to_bytes(4, "big", signed=True) + (1).to_bytes(2, "big") + b"t"
    data += count.to_bytes(4, "big") + bytes(4 * count) + b"\xff" * 4

    if count > 1_000_000:
        with pytest.raises(Malformed, match="1000001 elements announced"):
            decode(messages.ConsumerProtocolAssignment, 0, data)
    else:
        found, _ = decode(messages.ConsumerProtocolAssignment, 0, data)
        assert len(found.assigned_partitions[0].partitions) == count


@pytest.mark.parametrize("count", [499_999, 500_000])
def test_a_message_has_at_most_a_million_elements_in_all_its_arrays(count):
    resource = b"\x02\x01" + encode_unsigned(count + 1) + b"\x01" * count + b"\0"
    data = b"\x03" + 2 * resource + bytes(3)

    if 2 + 2 * count > 1_000_000:
        with pytest.raises(Malformed, match=r"resources\[1\].configuration_keys .* 500000 .* room for 499998"):
            decode(messages.DescribeConfigsRequest, 4, data)
    else:
        found, _ = decode(messages.DescribeConfigsRequest, 4, data)
        assert [len(entry.configuration_keys) for entry in found.resources] == [count, count]


@pytest.mark.parametrize(("name", "version"), all_versions())
def test_a_claimed_length_takes_no_memory(name, version):
    cls = getattr(messages, name)
    # Every byte says "as many as can be", in both encodings of lengths.
    hostile = [b"\xff\xff\xff\xff\x0f" * 20, b"\x7f" * 100, b"\xff\xff\xff\x7f" * 25, b"\xf1\x84\x3d" * 33]
    for data in hostile:
        decode_or_refuse(cls, version, data)

    tracemalloc.start()
    for data in hostile:
        decode_or_refuse(cls, version, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 64 * 1024


def decode_or_refuse(cls: Any, version: int, data: bytes | memoryview) -> None:
    with contextlib.suppress(Malformed):
        decode(cls, version, data)


def test_a_refused_buffer_is_not_held_on_to():
    buffer = bytearray(b"\x00\x00\x00\x00\x00\x00\x00\x02\x05ab")

    decode_or_refuse(messages.ProduceRequest, 9, memoryview(buffer))

    # Growing fails while anybody still holds a view.
    buffer.extend(b"more")
    assert len(buffer) == 15
