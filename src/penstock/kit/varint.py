"""Variable-length integers as Kafka writes them: seven bits a byte, lowest first, the high bit says "more follows".

Three kinds: unsigned (32 bits: lengths in flexible messages), varint and varlong (zigzag, 32 and 64 bits: the
fields of a record). Decoders take a buffer and a position and give (value, position after it); encoders give bytes.
"""

Buffer = bytes | bytearray | memoryview

# Seven bits a byte: 32 bits need five bytes, 64 bits ten.
BYTES_MAX_32 = 5
BYTES_MAX_64 = 10

_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))


class VarintError(ValueError):
    """The bytes are not a variable-length integer of the width asked for."""


def decode_unsigned(buf: Buffer, pos: int = 0) -> tuple[int, int]:
    """The unsigned integer (0 to 2**32 - 1) at `pos`, which is not negative, and the position after it.

    Error: VarintError where the buffer ends inside it or it is wider than 32 bits.
    """
    # Nearly every varint has one byte, or two in records: those are tried before the loop.
    if pos < len(buf) and (byte := buf[pos]) < 0x80:
        return byte, pos + 1
    return _decode(buf, pos, 32, BYTES_MAX_32)


def decode_varint(buf: Buffer, pos: int = 0) -> tuple[int, int]:
    """The zigzag integer of 32 bits at `pos`, and the position after it. Errors as `decode_unsigned`."""
    if pos + 1 < len(buf):
        raw = buf[pos]
        if raw < 0x80:
            return (raw >> 1) ^ -(raw & 1), pos + 1
        high = buf[pos + 1]
        if high < 0x80:
            return (raw & 0x7F | high << 7) >> 1 ^ -(raw & 1), pos + 2
    raw, pos = _decode(buf, pos, 32, BYTES_MAX_32)
    return (raw >> 1) ^ -(raw & 1), pos


def decode_varlong(buf: Buffer, pos: int = 0) -> tuple[int, int]:
    """The zigzag integer of 64 bits at `pos`, and the position after it. Errors as `decode_unsigned`."""
    if pos + 1 < len(buf):
        raw = buf[pos]
        if raw < 0x80:
            return (raw >> 1) ^ -(raw & 1), pos + 1
        high = buf[pos + 1]
        if high < 0x80:
            return (raw & 0x7F | high << 7) >> 1 ^ -(raw & 1), pos + 2
    raw, pos = _decode(buf, pos, 64, BYTES_MAX_64)
    return (raw >> 1) ^ -(raw & 1), pos


def encode_unsigned(value: int) -> bytes:
    """The shortest form of 0 <= value < 2**32: one to five bytes. Error: VarintError outside of that."""
    if 0 <= value < 0x80:
        return _ONE_BYTE[value]
    if not 0 <= value < 1 << 32:
        raise VarintError(f"{value} is no unsigned varint: expected 0 to {(1 << 32) - 1}")
    return _encode(value)


def encode_varint(value: int) -> bytes:
    """The zigzag form of -2**31 <= value < 2**31: one to five bytes. Error: VarintError outside of that."""
    if not -(1 << 31) <= value < 1 << 31:
        raise VarintError(f"{value} is no varint: expected {-(1 << 31)} to {(1 << 31) - 1}")
    if -64 <= value < 64:
        return _ONE_BYTE[(value << 1) ^ (value >> 31)]
    return _encode((value << 1) ^ (value >> 31))


def encode_varlong(value: int) -> bytes:
    """The zigzag form of -2**63 <= value < 2**63: one to ten bytes. Error: VarintError outside of that."""
    if not -(1 << 63) <= value < 1 << 63:
        raise VarintError(f"{value} is no varlong: expected {-(1 << 63)} to {(1 << 63) - 1}")
    if -64 <= value < 64:
        return _ONE_BYTE[(value << 1) ^ (value >> 63)]
    return _encode((value << 1) ^ (value >> 63))


def _decode(buf: Buffer, pos: int, bits: int, bytes_max: int) -> tuple[int, int]:
    assert pos >= 0, pos
    value = shift = 0
    at = pos
    for byte in buf[pos : pos + bytes_max]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> bits:
                raise VarintError(f"varint at byte {pos} is wider than {bits} bits")
            return value, at
        shift += 7
    if at - pos < bytes_max:
        raise VarintError(f"varint at byte {pos} is cut off: the buffer ends at byte {len(buf)}")
    raise VarintError(f"varint at byte {pos} is longer than the {bytes_max} bytes of {bits} bits")


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
