"""What is kept of share partitions: Kafka's records, and what they add up to."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.share.flight import RecordState, StateBatch
from penstock.coordinate.share.store import NOWHERE, ShareKey, ShareStates, combined, tombstone
from penstock.protocol import messages
from penstock.protocol.codec import decode

KEY = ShareKey("group", b"\1" * 16, 3)
SAVED = st.sampled_from([RecordState.AVAILABLE, RecordState.ACKNOWLEDGED, RecordState.ARCHIVED])


@st.composite
def batches(draw):
    """State batches in order, none over another."""
    edges = sorted(draw(st.sets(st.integers(0, 30), max_size=8)))
    return [
        StateBatch(first, last - 1, draw(SAVED), draw(st.integers(1, 3)))
        for first, last in zip(edges[::2], edges[1::2], strict=False)
    ]


def by_offset(found):
    return {at: batch[2:] for batch in found for at in range(batch.first, batch.last + 1)}


@given(batches(), batches(), st.integers(0, 20))
def test_the_later_word_counts_offset_by_offset(before, after, start):
    result = combined(before, after, start)

    told = by_offset(before) | by_offset(after)
    assert by_offset(result) == {at: said for at, said in told.items() if at >= start}
    assert all(a.last < b.first for a, b in pairwise(result))


def test_a_snapshot_comes_after_so_many_updates_and_says_all_of_them():
    states = ShareStates(50, updates_max=2)
    states.replay(7, *states.initialize(KEY, 4, NOWHERE, 1_000), 0)

    records = []
    for offset in range(1, 5):
        batch = StateBatch(offset, offset, RecordState.ACKNOWLEDGED, 1)
        records.append(states.write(KEY, 0, 1, offset, [batch], 1_000 + offset))
        states.replay(7, *records[-1], offset)

    assert [int.from_bytes(key[:2], "big") for key, _ in records] == [1, 1, 0, 1]
    snapshot, _ = decode(messages.ShareSnapshotValue, 0, records[2][1], 2)
    assert (snapshot.snapshot_epoch, snapshot.state_epoch, snapshot.start_offset) == (1, 4, 1)
    assert snapshot.delivery_complete_count == 3
    assert [(b.first_offset, b.last_offset) for b in snapshot.state_batches] == [(1, 3)]
    assert states.first_needed() == {7: 3}


def test_a_cold_one_is_summed_up_and_a_deleted_one_is_forgotten():
    states = ShareStates(50, updates_max=500)
    states.replay(7, *states.initialize(KEY, 1, 5, 1_000), 0)

    assert states.cold(1_000) == []
    assert states.cold(1_001) == [KEY]
    states.replay(7, *states.summed_up(KEY, 2_000), 9)
    kept = states.kept[KEY]
    needed = states.first_needed()
    states.replay(7, *tombstone(KEY), 10)

    assert (kept.snapshot_epoch, kept.start, kept.complete_count, kept.written_ms) == (1, 5, 0, 2_000)
    assert needed == {7: 9}
    assert states.kept == {}
    assert states.first_needed() == {}


def test_a_share_partition_lies_where_apache_kafka_looks_for_it():
    topic_id = bytes.fromhex("b178ae18123a400abc41722eabbe3ade")
    states = ShareStates(4, 500)

    assert [states.partition_of(ShareKey("g", topic_id, index)) for index in (0, 1)] == [0, 1]
