"""Variable-length integers: known bytes, round trips, and refusal of what is cut or too wide."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.util import decode_varint as kafka_python_decode
from kafka.record.util import encode_varint as kafka_python_encode

from penstock.kit import varint

PAIRS = {
    "unsigned": (varint.encode_unsigned, varint.decode_unsigned, 0, (1 << 32) - 1),
    "varint": (varint.encode_varint, varint.decode_varint, -(1 << 31), (1 << 31) - 1),
    "varlong": (varint.encode_varlong, varint.decode_varlong, -(1 << 63), (1 << 63) - 1),
}


@pytest.mark.parametrize(
    ("encode", "value", "wire"),
    [
        (varint.encode_unsigned, 0, "00"),
        (varint.encode_unsigned, 127, "7f"),
        (varint.encode_unsigned, 128, "8001"),
        (varint.encode_unsigned, 300, "ac02"),
        (varint.encode_unsigned, (1 << 32) - 1, "ffffffff0f"),
        (varint.encode_varint, -1, "01"),
        (varint.encode_varint, 1, "02"),
        (varint.encode_varint, -(1 << 31), "ffffffff0f"),
        (varint.encode_varlong, -(1 << 63), "ffffffffffffffffff01"),
    ],
)
def test_a_value_has_one_known_form(encode: Callable[[int], bytes], value: int, wire: str) -> None:
    assert encode(value) == bytes.fromhex(wire)


@pytest.mark.parametrize("kind", PAIRS)
@given(data=st.data(), before=st.binary(max_size=3), after=st.binary(max_size=3))
def test_what_is_encoded_is_decoded_at_any_position(
    kind: str, data: st.DataObject, before: bytes, after: bytes
) -> None:
    encode, decode, low, high = PAIRS[kind]
    value = data.draw(st.integers(low, high))

    wire = encode(value)

    for buffer in (
        before + wire + after,
        bytearray(before + wire + after),
        memoryview(before + wire + after),
    ):
        assert decode(buffer, len(before)) == (value, len(before) + len(wire))


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_varlongs_are_the_same_as_kafka_pythons(value: int) -> None:
    theirs = bytearray()
    kafka_python_encode(value, theirs.append)

    assert varint.encode_varlong(value) == bytes(theirs)
    assert kafka_python_decode(memoryview(varint.encode_varlong(value)), 0)[0] == value


@pytest.mark.parametrize("kind", PAIRS)
def test_a_cut_varint_is_refused_at_every_cut(kind: str) -> None:
    encode, decode, _, high = PAIRS[kind]
    wire = encode(high)

    for size in range(len(wire)):
        with pytest.raises(varint.VarintError, match="cut off"):
            decode(wire[:size])


@pytest.mark.parametrize("kind", PAIRS)
def test_a_varint_without_an_end_is_refused(kind: str) -> None:
    with pytest.raises(varint.VarintError, match="longer than"):
        PAIRS[kind][1](b"\xff" * 20)


@pytest.mark.parametrize(("kind", "wire"), [("unsigned", b"\xff\xff\xff\xff\x1f"), ("varlong", b"\xff" * 9 + b"\x02")])
def test_bits_beyond_the_width_are_refused(kind: str, wire: bytes) -> None:
    with pytest.raises(varint.VarintError, match="wider than"):
        PAIRS[kind][1](wire)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_value_beyond_the_width_is_not_encoded(kind: str) -> None:
    encode, _, low, high = PAIRS[kind]

    for value in (low - 1, high + 1):
        with pytest.raises(varint.VarintError, match=str(value)):
            encode(value)
