"""Walks over the batches of a log file: their headers only, or all their bytes with the CRC checked."""

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Final

from penstock.kit.files import File
from penstock.kit.refusal import Refused
from penstock.records.batch import HEADER_SIZE, BatchHeader, check_stored, read_header
from penstock.records.header import LENGTH_OVERHEAD, MAGIC

# Two intervals of the offset index: one read nearly always finds the batch.
_SEARCH_CHUNK: Final = 8 << 10
_HEADER_CHUNK: Final = 64 << 10
_CHECK_CHUNK: Final = 1 << 20

_MAGIC_AT: Final = 16
_START_SIZE: Final = _MAGIC_AT + 1
_LAST_DELTA_AT: Final = 23
_unpack_start = Struct(">qi").unpack_from
_unpack_int32 = Struct(">i").unpack_from

# The two old formats, after offset and length: CRC-32 of the rest, version, attributes, lengths of key and value.
_OLD_CRC_SIZE: Final = 4
_OLD_LENGTH_MIN: Final = 14


class Damaged(OSError):
    """Bytes in a log file that are no batch where one must be: the disk gives back something else than it was given."""


class OldFormat(OSError):
    """Messages of version 0 or 1, sound ones: written before Kafka 0.11 and not to be cut off as garbage."""


def find_batch(file: File, position: int, end: int, offset: int) -> tuple[int, int] | None:
    """(position, size) of the first batch at or after `position` that reaches `offset`, None when none does.

    position: where a batch begins; end: bytes of the log. Error: Damaged.
    """
    while end - position >= HEADER_SIZE:
        chunk = file.pread(min(_SEARCH_CHUNK, end - position), position)
        at, last = 0, len(chunk) - HEADER_SIZE
        while at <= last:
            base_offset, length = _unpack_start(chunk, at)
            size = length + LENGTH_OVERHEAD
            if size < HEADER_SIZE or chunk[at + _MAGIC_AT] != MAGIC:
                raise Damaged(f"{file.path}: no batch at byte {position + at}")
            if base_offset + _unpack_int32(chunk, at + _LAST_DELTA_AT)[0] >= offset:
                return position + at, size
            at += size
        if at == 0:
            break
        position += at
    return None


def batch_at(file: File, position: int, offset: int) -> tuple[int, int] | None:
    """(position, size) of the batch at `position` if it begins with `offset`; None when it does not, or is none."""
    start = file.pread(_START_SIZE, position)
    if len(start) == _START_SIZE:
        base_offset, length = _unpack_start(start)
        if base_offset == offset and start[_MAGIC_AT] == MAGIC and length >= HEADER_SIZE - LENGTH_OVERHEAD:
            return position, length + LENGTH_OVERHEAD
    return None


def walk_headers(file: File, position: int, end: int) -> Iterator[tuple[int, BatchHeader]]:
    """Position and header of each batch that lies whole between `position` and `end`; stops at what is none."""
    while end - position >= HEADER_SIZE:
        chunk = file.pread(min(_HEADER_CHUNK, end - position), position)
        at, last = 0, len(chunk) - HEADER_SIZE
        while at <= last:
            header = read_header(chunk, at)
            size = header.batch_length + LENGTH_OVERHEAD
            if header.magic != MAGIC or size < HEADER_SIZE or position + at + size > end:
                return
            yield position + at, header
            at += size
        if at == 0:
            return
        position += at


def walk_sound(file: File, position: int, end: int) -> Iterator[tuple[int, BatchHeader, memoryview]]:
    """Position, header and bytes of each batch between `position` and `end`; stops at the first that is damaged."""
    size_wanted = _CHECK_CHUNK
    while end - position >= HEADER_SIZE:
        asked = min(size_wanted, end - position)
        chunk = memoryview(file.pread(asked, position))
        at = 0
        size_wanted = _CHECK_CHUNK
        while len(chunk) - at >= HEADER_SIZE:
            size = _unpack_start(chunk, at)[1] + LENGTH_OVERHEAD
            if size < HEADER_SIZE or size > end - position - at:
                return
            if size > len(chunk) - at:
                size_wanted = max(_CHECK_CHUNK, size)
                break
            batch = chunk[at : at + size]
            header = check_stored(batch)
            if isinstance(header, Refused):
                return
            yield position + at, header, batch
            at += size
        if at == 0 and (size_wanted <= len(chunk) or len(chunk) < asked):
            return
        position += at


def refuse_old_format(file: File, position: int) -> None:
    """Error: OldFormat when what lies at `position`, though no batch, is an undamaged message of version 0 or 1."""
    start = file.pread(LENGTH_OVERHEAD, position)
    if len(start) < LENGTH_OVERHEAD:
        return
    length = _unpack_start(start)[1]
    if not _OLD_LENGTH_MIN <= length <= file.size - position - LENGTH_OVERHEAD:
        return
    message = file.pread(length, position + LENGTH_OVERHEAD)
    version = message[_OLD_CRC_SIZE]
    if version in (0, 1) and int.from_bytes(message[:_OLD_CRC_SIZE]) == zlib.crc32(message[_OLD_CRC_SIZE:]):
        raise OldFormat(
            f"{file.path} holds messages of version {version}, expected record batches of version 2;"
            " let Apache Kafka rewrite the topic first"
        )
