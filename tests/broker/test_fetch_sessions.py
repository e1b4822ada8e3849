"""Fetch sessions by themselves: epochs, changes, and who goes when there is no place left (KIP-227)."""

import pytest

from penstock.broker.fetch_sessions import KEEP_MS, FetchContext, FetchSessions
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.dice import Dice

FetchRequest = messages.FetchRequest
NAMED, BY_ID = 12, 13


def request(*partitions: tuple[str, int, int], session_id: int = 0, epoch: int = 0, forgotten=()):
    """partitions: (topic, index, offset)."""
    return FetchRequest(
        session_id=session_id,
        session_epoch=epoch,
        topics=[
            FetchRequest.FetchTopic(
                topic=topic, partitions=[FetchRequest.FetchPartition(partition=index, fetch_offset=offset)]
            )
            for topic, index, offset in partitions
        ],
        forgotten_topics_data=[
            FetchRequest.ForgottenTopic(topic=topic, partitions=[index]) for topic, index in forgotten
        ],
    )


def opened(sessions: FetchSessions, *partitions: tuple[str, int, int], now_ms: int = 0) -> int:
    """The id of a new session, 0 when it found no place."""
    context = sessions.open(request(*partitions), NAMED, now_ms)
    assert isinstance(context, FetchContext)
    return sessions.keep(context, now_ms)


def test_a_session_keeps_partitions_and_takes_changes():
    sessions = FetchSessions(10, Dice())
    session_id = opened(sessions, ("a", 0, 5), ("a", 1, 6), ("b", 0, 7))

    change = request(("a", 1, 60), ("c", 0, 8), session_id=session_id, epoch=1, forgotten=[("b", 0)])
    context = sessions.open(change, NAMED, 0)

    offsets = {key: entry.offset for key, entry in context.entries.items()}
    assert context.incremental
    assert offsets == {("a", 0): 5, ("a", 1): 60, ("c", 0): 8}


def test_the_epoch_counts_up_and_a_repeated_one_is_refused():
    sessions = FetchSessions(10, Dice())
    session_id = opened(sessions, ("a", 0, 0))

    first = sessions.open(request(session_id=session_id, epoch=1), NAMED, 0)
    again = sessions.open(request(session_id=session_id, epoch=1), NAMED, 0)
    second = sessions.open(request(session_id=session_id, epoch=2), NAMED, 0)

    assert isinstance(first, FetchContext)
    assert again is KafkaError.INVALID_FETCH_SESSION_EPOCH
    assert isinstance(second, FetchContext)


def test_the_epoch_after_the_largest_is_one():
    sessions = FetchSessions(10, Dice())
    session_id = opened(sessions, ("a", 0, 0))
    sessions._by_id[session_id].epoch = 2**31 - 1

    sessions.open(request(session_id=session_id, epoch=2**31 - 1), NAMED, 0)

    assert sessions._by_id[session_id].epoch == 1


def test_an_unknown_session_is_not_found():
    sessions = FetchSessions(10, Dice())

    assert sessions.open(request(session_id=7, epoch=1), NAMED, 0) is KafkaError.FETCH_SESSION_ID_NOT_FOUND


def test_a_session_by_name_cannot_go_on_by_id():
    sessions = FetchSessions(10, Dice())
    session_id = opened(sessions, ("a", 0, 0))

    error = sessions.open(request(session_id=session_id, epoch=1), BY_ID, 0)

    assert error is KafkaError.FETCH_SESSION_TOPIC_ID_ERROR


def test_a_final_epoch_closes_the_session():
    sessions = FetchSessions(10, Dice())
    session_id = opened(sessions, ("a", 0, 0))

    context = sessions.open(request(("a", 0, 0), session_id=session_id, epoch=-1), NAMED, 0)

    assert not context.incremental
    assert sessions.keep(context, 0) == 0
    assert len(sessions) == 0


def test_a_whole_request_replaces_the_session_it_names():
    sessions = FetchSessions(10, Dice())
    old = opened(sessions, ("a", 0, 0))

    context = sessions.open(request(("b", 0, 0), session_id=old, epoch=0), NAMED, 0)
    new = sessions.keep(context, 0)

    assert new not in (0, old)
    assert len(sessions) == 1


def test_a_session_without_partitions_left_ends():
    sessions = FetchSessions(10, Dice())
    session_id = opened(sessions, ("a", 0, 0))

    context = sessions.open(request(session_id=session_id, epoch=1, forgotten=[("a", 0)]), NAMED, 0)

    assert context.entries == {}
    assert len(sessions) == 0


def test_a_full_cache_gives_no_session():
    sessions = FetchSessions(1, Dice())
    opened(sessions, ("a", 0, 0))

    assert opened(sessions, ("b", 0, 0)) == 0


def test_no_slots_give_no_session():
    assert opened(FetchSessions(0, Dice()), ("a", 0, 0)) == 0


def test_the_session_unused_for_too_long_makes_place():
    sessions = FetchSessions(2, Dice())
    old = opened(sessions, ("a", 0, 0))
    used = opened(sessions, ("b", 0, 0))
    sessions.open(request(session_id=used, epoch=1), NAMED, KEEP_MS)

    new = opened(sessions, ("c", 0, 0), now_ms=KEEP_MS + 1)

    assert new != 0
    assert set(sessions._by_id) == {used, new}
    assert old not in sessions._by_id
    assert sessions.evicted == 1


@pytest.mark.parametrize(("new_size", "is_kept"), [(1, False), (2, False), (3, True)])
def test_a_smaller_session_in_use_makes_place_for_a_larger_one_once_it_is_old(new_size, is_kept):
    sessions = FetchSessions(1, Dice())
    held = opened(sessions, ("a", 0, 0), ("a", 1, 0))
    sessions.open(request(session_id=held, epoch=1), NAMED, KEEP_MS + 1)

    new = opened(sessions, *[("b", index, 0) for index in range(new_size)], now_ms=KEEP_MS + 1)

    assert (new != 0) is is_kept


def test_a_partition_named_twice_counts_as_named_last():
    context = FetchSessions(1, Dice()).open(request(("a", 0, 1), ("b", 0, 2), ("a", 0, 3)), NAMED, 0)

    assert [(entry.topic, entry.offset) for entry in context.entries.values()] == [("a", 3), ("b", 2)]


def test_all_sessions_together_remember_a_bounded_number_of_partitions():
    sessions = FetchSessions(10, Dice(), partitions_max=4)
    held = opened(sessions, ("a", 0, 0), ("a", 1, 0), ("a", 2, 0))

    too_large = opened(sessions, ("b", 0, 0), ("b", 1, 0))
    fitting = opened(sessions, ("b", 0, 0))
    grown = sessions.open(request(("c", 0, 0), ("c", 1, 0), session_id=held, epoch=1), NAMED, 0)

    assert too_large == 0
    assert fitting != 0
    assert grown is KafkaError.FETCH_SESSION_ID_NOT_FOUND
    assert sessions.partitions == 1


def test_the_number_of_remembered_partitions_follows_the_sessions():
    sessions = FetchSessions(10, Dice())
    first = opened(sessions, ("a", 0, 0), ("a", 1, 0))
    second = opened(sessions, ("b", 0, 0))

    sessions.open(request(("a", 2, 0), session_id=first, epoch=1, forgotten=[("a", 0)]), NAMED, 0)
    after_change = sessions.partitions
    sessions.open(request(session_id=second, epoch=-1), NAMED, 0)
    sessions.open(request(session_id=first, epoch=2, forgotten=[("a", 1), ("a", 2)]), NAMED, 0)

    assert after_change == 3
    assert sessions.partitions == 0
