"""TxnOffsetCommit: offsets that count when their transaction does."""

import pytest
from tests.coordinate.group_world import World, over_wire, stable_group

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

PRODUCER = 77


def commit_in_transaction(
    world: World, offset: int, *, version: int = 5, producer: int = PRODUCER, **fields
) -> KafkaError:
    topic_class = messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
    partition_class = messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition
    partitions = [partition_class(partition_index=0, committed_offset=offset, committed_metadata="")]
    request = messages.TxnOffsetCommitRequest(
        transactional_id="tx",
        group_id="g",
        producer_id=producer,
        producer_epoch=4,
        topics=[topic_class(name="t", partitions=partitions)],
        **fields,
    )
    outcome = world.groups.txn_offset_commit(over_wire(request, version), version, world.now_ms)
    if outcome.records:
        assert (outcome.producer_id, outcome.producer_epoch) == (producer, 4)
    reply = over_wire(world.settle(outcome), version)
    return KafkaError(reply.topics[0].partitions[0].error_code)


def end(world: World, *, commit: bool, producer: int = PRODUCER) -> None:
    partition = world.groups.partition_of("g")
    world.log.append((partition, None, commit, producer))
    world.groups.transaction_ended(partition, producer, commit=commit)


def stable_fetch(world: World) -> KafkaError:
    (topic,) = world.fetch({"t": [0]}, stable=True).topics
    return KafkaError(topic.partitions[0].error_code)


@pytest.mark.parametrize("restart", [False, True])
def test_an_offset_counts_when_its_transaction_commits(restart):
    world = World()
    assert commit_in_transaction(world, 5) is KafkaError.NONE
    if restart:
        world.restart()

    assert world.fetched({"t": [0]}) == {("t", 0): -1}
    end(world, commit=True)

    assert world.fetched({"t": [0]}) == {("t", 0): 5}
    world.restart()
    assert world.fetched({"t": [0]}) == {("t", 0): 5}


def test_an_offset_of_an_aborted_transaction_never_was():
    world = World()
    world.commit({("t", 0): 1})
    commit_in_transaction(world, 5)

    end(world, commit=False)

    assert world.fetched({"t": [0]}) == {("t", 0): 1}
    world.restart()
    assert world.fetched({"t": [0]}) == {("t", 0): 1}


def test_who_wants_stable_offsets_waits_for_open_transactions():
    world = World()
    world.commit({("t", 0): 1})
    commit_in_transaction(world, 5)

    assert stable_fetch(world) is KafkaError.UNSTABLE_OFFSET_COMMIT
    assert world.fetched({"t": [0]}) == {("t", 0): 1}
    unstable = world.fetch(None, stable=True).topics[0].partitions[0]
    assert unstable.error_code == KafkaError.UNSTABLE_OFFSET_COMMIT

    end(world, commit=True)
    assert stable_fetch(world) is KafkaError.NONE


def test_a_plain_commit_after_the_transactions_own_wins_over_it():
    world = World()
    commit_in_transaction(world, 5)
    world.commit({("t", 0): 9})

    end(world, commit=True)

    assert world.fetched({"t": [0]}) == {("t", 0): 9}
    world.restart()
    assert world.fetched({"t": [0]}) == {("t", 0): 9}


def test_two_producers_each_end_their_own():
    world = World()
    commit_in_transaction(world, 5, producer=1)
    commit_in_transaction(world, 6, producer=2)

    end(world, commit=False, producer=1)

    assert stable_fetch(world) is KafkaError.UNSTABLE_OFFSET_COMMIT
    end(world, commit=True, producer=2)
    assert world.fetched({"t": [0]}) == {("t", 0): 6}


def test_a_group_deleted_meanwhile_takes_open_offsets_with_it():
    world = World()
    commit_in_transaction(world, 5)

    world.settle(world.groups.delete("g", world.now_ms))
    end(world, commit=True)

    assert world.fetched() == {}
    world.restart()
    assert world.fetched() == {}


def test_offsets_in_open_transactions_do_not_expire_nor_does_their_group():
    world = World()
    commit_in_transaction(world, 5)

    world.wait(20 * 60_000)

    assert world.state() == "Empty"
    end(world, commit=True)
    assert world.fetched() == {("t", 0): 5}


def test_a_member_must_be_of_the_generation_but_may_commit_in_any_state():
    world = World()
    generation, (member,) = stable_group(world)
    world.join(member)
    world.wait(0)
    assert world.state() == "CompletingRebalance"

    as_member = {"member_id": member, "generation_id": generation + 1}
    assert commit_in_transaction(world, 5, **as_member) is KafkaError.NONE
    assert commit_in_transaction(world, 5, **as_member | {"generation_id": 1}) is KafkaError.ILLEGAL_GENERATION
    assert commit_in_transaction(world, 5, **as_member | {"member_id": "x"}) is KafkaError.UNKNOWN_MEMBER_ID
    assert commit_in_transaction(world, 5) is KafkaError.NONE


def test_a_generation_of_a_group_that_does_not_exist_is_wrong():
    assert commit_in_transaction(World(), 5, generation_id=1) is KafkaError.ILLEGAL_GENERATION


@pytest.mark.parametrize(
    ("version", "expected"), [(1, "COORDINATOR_NOT_AVAILABLE"), (2, "COORDINATOR_LOAD_IN_PROGRESS")]
)
def test_old_producers_are_not_told_that_groups_are_loading(version, expected):
    world = World()
    world.groups.load_started(world.groups.partition_of("g"))

    assert commit_in_transaction(world, 5, version=version) is KafkaError[expected]


def test_an_unloaded_partition_forgets_open_transactions():
    world = World()
    commit_in_transaction(world, 5)
    partition = world.groups.partition_of("g")
    world.groups.unload(partition, world.now_ms)

    world.groups.load_started(partition)
    world.groups.loaded(partition, world.now_ms)
    world.groups.transaction_ended(partition, PRODUCER, commit=True)

    assert world.fetched({"t": [0]}) == {("t", 0): -1}
