"""The five codecs of Kafka: what is compressed here is what Kafka's own clients read, and the other way round.

Decompression is bounded: a few bytes that unpack to gigabytes are refused, and no more than `max_size` bytes
(and the window of the codec) are ever held for them.
"""

import zlib
from collections.abc import Callable
from enum import IntEnum
from struct import Struct
from typing import Final

import cramjam

from penstock.kit.varint import Buffer
from penstock.records.fault import CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, BatchError


class Codec(IntEnum):
    """Numbers as they stand in the lowest three bits of a batch's attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


# As Kafka sets out: gzip's own default, zstd's 3. For lz4 the fast compressor.
_LEVELS: Final = {Codec.GZIP: -1, Codec.LZ4: 1, Codec.ZSTD: 3}

# zlib: 15 bits of window, and 16 for "gzip header and trailer".
_GZIP_WBITS: Final = 31

# The block framing of snappy-java: magic, version and the oldest compatible version, then blocks of
# (int32 size, raw snappy). Its blocks hold 32 KiB of data.
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = _XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"
_XERIAL_BLOCK_SIZE: Final = 32 * 1024
_INT32: Final = Struct(">i")

# How many bytes one compressed byte can stand for, by codec. gzip: a match of 258 takes 2 bits; snappy: 64 bytes are
# made out of 3; lz4: a length grows by 255 with each byte; zstd: a block of 128 KiB takes 4.
RATIO_MAX: Final = (1, 1032, 22, 255, 32768)

# The first member of a gzip file mostly is all of it. What follows is fed in pieces, since zlib copies what it leaves.
_GZIP_PIECE: Final = 16 << 10

# Most records shrink to a third or a quarter: a first guess of four times the input mostly fits. When it does
# not, four times more: all failed attempts together cost a third of the last one.
_GROWTH: Final = 4
_GUESS_MIN: Final = 4096


def compress(codec: Codec, data: Buffer, level: int | None = None) -> Buffer:
    """`data` in the form of `codec`; data itself for NONE.

    level: as in `compression.gzip.level`, `.lz4.level` and `.zstd.level`; None is Kafka's default. Snappy has none.
    """
    if codec == Codec.NONE:
        return data
    if codec == Codec.SNAPPY:
        return _compress_xerial(data)
    chosen = _LEVELS[codec] if level is None else level
    if codec == Codec.GZIP:
        return zlib.compress(data, chosen, _GZIP_WBITS)
    if codec == Codec.ZSTD:
        return bytes(cramjam.zstd.compress(data, level=chosen))
    # Java reads only frames whose blocks do not refer to one another.
    compressor = cramjam.lz4.Compressor(level=chosen, content_checksum=False, block_linked=False)
    # It takes nothing but bytes.
    compressor.compress(bytes(data))
    return bytes(compressor.finish())


def decompress(codec: Codec, data: Buffer, max_size: int) -> Buffer:
    """What `compress` was given: at most `max_size` bytes; data itself for NONE.

    Error: BatchError, MESSAGE_TOO_LARGE where it would be more, CORRUPT_MESSAGE where the bytes are not of the codec.
    """
    if codec == Codec.NONE:
        if len(data) > max_size:
            raise _too_large(codec, len(data), max_size)
        return data
    if codec == Codec.GZIP:
        return _decompress_gzip(data, max_size)
    if codec == Codec.SNAPPY:
        return _decompress_snappy(data, max_size)
    into = cramjam.lz4.decompress_into if codec == Codec.LZ4 else cramjam.zstd.decompress_into
    return _decompress_growing(codec, into, data, max_size)


def _decompress_growing(
    codec: Codec, into: Callable[[Buffer, bytearray], int], data: Buffer, max_size: int
) -> bytearray:
    """Fills a buffer that is made larger until the data fits: the sizes in frame headers may lie, or be left out."""
    size = min(max_size, max(_GUESS_MIN, _GROWTH * len(data)))
    while True:
        out = bytearray(size)
        try:
            del out[into(data, out) :]
            return out
        except cramjam.DecompressionError as error:
            # The only word cramjam has for a full buffer is that of Rust's own writer.
            if "whole buffer" not in str(error):
                raise _garbage(codec, error) from None
        if size == max_size:
            raise _too_large(codec, None, max_size)
        size = min(max_size, size * _GROWTH)


def _decompress_gzip(data: Buffer, max_size: int) -> bytes:
    view = memoryview(data)
    parts: list[bytes] = []
    pos, left, step = 0, max_size, len(view)
    member = zlib.decompressobj(_GZIP_WBITS)
    while pos < len(view):
        piece = view[pos : pos + step]
        try:
            # zlib takes 0 for "no limit"; the one byte more also tells a full member from one too large.
            part = member.decompress(piece, left + 1)
        except zlib.error as error:
            raise _garbage(Codec.GZIP, error) from None
        if len(part) > left:
            raise _too_large(Codec.GZIP, None, max_size)
        parts.append(part)
        left -= len(part)
        pos += len(piece) - len(member.unused_data)
        # Java reads on after the end of a member when another one follows, so a file of several is one.
        if member.eof and pos < len(view):
            member = zlib.decompressobj(_GZIP_WBITS)
            step = _GZIP_PIECE
    if not member.eof:
        raise _garbage(Codec.GZIP, "the data is cut off")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _compress_xerial(data: Buffer) -> bytes:
    view = memoryview(data)
    parts: list[Buffer] = [_XERIAL_HEADER]
    for start in range(0, len(view), _XERIAL_BLOCK_SIZE):
        block = bytes(cramjam.snappy.compress_raw(view[start : start + _XERIAL_BLOCK_SIZE]))
        parts += (_INT32.pack(len(block)), block)
    return b"".join(parts)


def _decompress_snappy(data: Buffer, max_size: int) -> Buffer:
    view = memoryview(data)
    if bytes(view[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        return _decompress_block(view, max_size, max_size)
    parts: list[Buffer] = []
    pos, left = len(_XERIAL_HEADER), max_size
    if len(view) < pos:
        raise _garbage(Codec.SNAPPY, "its header is cut off")
    while pos < len(view):
        if len(view) - pos < _INT32.size:
            raise _garbage(Codec.SNAPPY, f"the size of the block at byte {pos} is cut off")
        size = _INT32.unpack_from(view, pos)[0]
        pos += _INT32.size
        if not 0 <= size <= len(view) - pos:
            raise _garbage(Codec.SNAPPY, f"block of {size} bytes at byte {pos}, {len(view) - pos} are left")
        part = _decompress_block(view[pos : pos + size], left, max_size)
        parts.append(part)
        left -= len(part)
        pos += size
    return b"".join(parts)


def _decompress_block(block: memoryview, left: int, max_size: int) -> bytearray:
    """One block of raw snappy, which begins with the size of its content."""
    try:
        size = cramjam.snappy.decompress_raw_len(block)
        if size > left:
            raise _too_large(Codec.SNAPPY, size, max_size)
        if size > RATIO_MAX[Codec.SNAPPY] * len(block):
            raise _garbage(Codec.SNAPPY, f"{len(block)} bytes cannot hold the {size} they announce")
        out = bytearray(size)
        written = cramjam.snappy.decompress_raw_into(block, out)
    except cramjam.DecompressionError as error:
        raise _garbage(Codec.SNAPPY, error) from None
    if written != size:
        raise _garbage(Codec.SNAPPY, f"{size} bytes announced, {written} found")
    return out


def _too_large(codec: Codec, size: int | None, max_size: int) -> BatchError:
    found = "more" if size is None else f"{size} bytes"
    return BatchError(
        MESSAGE_TOO_LARGE, f"{codec.name.lower()} data unpacks to {found}: at most {max_size} bytes are accepted"
    )


def _garbage(codec: Codec, why: object) -> BatchError:
    return BatchError(CORRUPT_MESSAGE, f"{codec.name.lower()} data cannot be unpacked: {why}")
