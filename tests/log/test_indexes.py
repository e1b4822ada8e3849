"""The two indexes: byte for byte Kafka's, found as in a list, forgiving towards files that were not closed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.log.offset_index import OffsetIndex
from penstock.log.time_index import TimeIndex

# The first entries of files that Apache Kafka 4.3.1 wrote, of a segment with base offset 2020.
KAFKAS_OFFSETS = bytes.fromhex("0000002700002851 0000003b000050a2 0000004f000078f3")
KAFKAS_TIMES = bytes.fromhex("000001a1fdeef88a00000013 000001a1fdeef88b0000004f 000001a1fdeef88e0000008b")

rising = st.lists(st.integers(1, 2**31 - 1), unique=True, max_size=40).map(sorted)


def offset_index(entries: list[tuple[int, int]], base: int = 0) -> OffsetIndex:
    index = OffsetIndex(base)
    for offset, position in entries:
        index.add(offset, position)
    return index


def time_index(entries: list[tuple[int, int]], base: int = 0) -> TimeIndex:
    index = TimeIndex(base)
    for timestamp, offset in entries:
        index.add(timestamp, offset)
    return index


def test_offsets_are_read_and_written_as_apache_kafka_does() -> None:
    index = OffsetIndex.decode(2020, KAFKAS_OFFSETS, 1 << 20)

    assert [index.floor(offset) for offset in (2020, 2058, 2059, 2078, 2079, 2099, 9999)] == [
        (-1, 0),
        (-1, 0),
        (2059, 10321),
        (2059, 10321),
        (2079, 20642),
        (2099, 30963),
        (2099, 30963),
    ]
    assert offset_index([(2059, 10321), (2079, 20642), (2099, 30963)], 2020).encode() == KAFKAS_OFFSETS


def test_times_are_read_and_written_as_apache_kafka_does() -> None:
    first = 0x1A1FDEEF88A

    index = TimeIndex.decode(2020, KAFKAS_TIMES)

    assert [index.floor(first + step) for step in (-1, 0, 1, 3, 4, 99)] == [2020, 2039, 2099, 2099, 2159, 2159]
    assert index.last() == (first + 4, 2159)
    assert time_index([(first, 2039), (first + 1, 2099), (first + 4, 2159)], 2020).encode() == KAFKAS_TIMES


@given(rising, st.data())
def test_an_offset_is_found_as_in_a_list(offsets: list[int], data: st.DataObject) -> None:
    positions = sorted(data.draw(st.sets(st.integers(1, 2**31 - 1), min_size=len(offsets), max_size=len(offsets))))
    entries = list(zip(offsets, positions, strict=True))
    wanted = data.draw(st.integers(0, 2**31) | st.sampled_from(offsets or [0]))

    index = OffsetIndex.decode(7, offset_index([(offset + 7, at) for offset, at in entries], 7).encode(), 1 << 31)

    below = [(offset + 7, position) for offset, position in entries if offset + 7 <= wanted]
    assert index.floor(wanted) == (below[-1] if below else (-1, 0))
    assert (index.saved, len(index), index.unsaved()) == (len(entries), len(entries), b"")


@given(st.lists(st.integers(-1, 20) | st.integers(1, 2**62), max_size=40).filter(lambda times: times[:1] != [0]))
def test_a_time_index_keeps_running_maxima(times: list[int]) -> None:
    index = TimeIndex(5)
    kept: list[tuple[int, int]] = []
    for place, timestamp in enumerate(times):
        index.add(timestamp, 5 + place)
        if timestamp > max((known for known, _ in kept), default=-1):
            kept.append((timestamp, 5 + place))

    found = TimeIndex.decode(5, index.encode())

    assert list(zip(found.timestamps, (offset + 5 for offset in found.offsets), strict=True)) == kept
    assert found.last() == (kept[-1] if kept else (-1, -1))


@pytest.mark.parametrize("zeros", [8, 12, 100, 10_000])
def test_room_for_growth_is_not_taken_for_entries(zeros: int) -> None:
    offsets = OffsetIndex.decode(2020, KAFKAS_OFFSETS + bytes(zeros), 1 << 20)
    times = TimeIndex.decode(2020, KAFKAS_TIMES + bytes(zeros))

    assert (offsets.encode(), times.encode()) == (KAFKAS_OFFSETS, KAFKAS_TIMES)


@pytest.mark.parametrize("cut", range(1, 8))
def test_half_an_entry_at_the_end_is_none(cut: int) -> None:
    assert OffsetIndex.decode(0, KAFKAS_OFFSETS[:-cut], 1 << 20).encode() == KAFKAS_OFFSETS[:16]
    assert TimeIndex.decode(0, KAFKAS_TIMES[:-cut]).encode() == KAFKAS_TIMES[:24]


def test_positions_beyond_the_log_are_none() -> None:
    index = OffsetIndex.decode(0, KAFKAS_OFFSETS, 20642)

    assert index.encode() == KAFKAS_OFFSETS[:8]


def test_only_new_entries_wait_to_be_saved() -> None:
    index = OffsetIndex.decode(2020, KAFKAS_OFFSETS[:16], 1 << 20)

    index.add(2099, 30963)

    assert index.unsaved() == KAFKAS_OFFSETS[16:]


def test_an_empty_index_sends_a_search_to_the_start() -> None:
    assert OffsetIndex.decode(5, b"", 0).floor(100) == (-1, 0)
    assert OffsetIndex(5).last() == (-1, 0)
    assert TimeIndex.decode(5, b"").floor(100) == 5
    assert TimeIndex(5).last() == (-1, -1)
