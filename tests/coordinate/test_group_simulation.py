"""Consumers that come, go, stall and crash, with the range assignor: who owns what, and how far they got.

A run is one seed; a failure names it, and `run(seed)` repeats it.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.coordinate.group_world import World, subscription

from penstock.coordinate.groups import GroupSettings
from penstock.protocol.errors import KafkaError

PARTITIONS = 7
HEARTBEAT_MS = 3_000
SESSION_MS = 10_000
GONE = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID)


def range_assignment(members: list[str]) -> dict[str, bytes]:
    """Consecutive partitions to members in order of their names, the first ones one more."""
    share, more = divmod(PARTITIONS, len(members))
    assignment, start = {}, 0
    for number, member_id in enumerate(sorted(members)):
        count = share + (number < more)
        assignment[member_id] = bytes(range(start, start + count))
        start += count
    return assignment


class Consumer:
    """A consumer's loop, one step at a time: join, sync, then heartbeats and commits until told to rejoin."""

    def __init__(self, world: World, instance_id: str | None) -> None:
        self.world = world
        self.instance_id = instance_id
        self.member_id = ""
        self.generation = -1
        self.owned: bytes = b""
        self.step = self.join
        self.waiting: Any = None
        self.is_stalled = False

    def run(self) -> None:
        if self.is_stalled:
            return
        if self.waiting is not None:
            reply = self.world.answer(self.waiting)
            if reply is None:
                return
            self.waiting = None
            self.step(reply)
        else:
            self.step()

    def join(self, reply: Any = None) -> None:
        if reply is None:
            self.owned = b""
            self._wait(
                self.world.join(
                    self.member_id,
                    group_instance_id=self.instance_id,
                    session_timeout_ms=SESSION_MS,
                    rebalance_timeout_ms=20_000,
                    protocols=[("range", subscription("t"))],
                )
            )
            return
        error = KafkaError(reply.error_code)
        if error is KafkaError.NONE:
            self.member_id, self.generation = reply.member_id, reply.generation_id
            is_assigning = reply.members and not reply.skip_assignment
            members = [member.member_id for member in reply.members] if is_assigning else []
            self.step = self.sync
            self._sync(range_assignment(members) if members else {})
        elif error is KafkaError.MEMBER_ID_REQUIRED:
            self.member_id = reply.member_id
        else:
            self._obey(error)

    def sync(self, reply: Any = None) -> None:
        assert reply is not None
        error = KafkaError(reply.error_code)
        if error is KafkaError.NONE:
            self.owned = reply.assignment
            self.step = self.consume
        else:
            self._obey(error)

    def consume(self, reply: Any = None) -> None:
        """Reads a record of each of its partitions and commits; then says that it lives."""
        as_member = {
            "member_id": self.member_id,
            "group_instance_id": self.instance_id,
            "generation_id_or_member_epoch": self.generation,
        }
        if self.owned:
            positions = self.world.fetched({"t": list(self.owned)})
            result = self.world.commit({place: max(offset, 0) + 1 for place, offset in positions.items()}, **as_member)
            if (error := next(iter(result.values()))) is not KafkaError.NONE:
                self._obey(error)
                return
        error = self.world.heartbeat(self.member_id, self.generation, group_instance_id=self.instance_id)
        if error is not KafkaError.NONE:
            self._obey(error)

    def leave(self) -> None:
        if self.member_id:
            self.world.leave((self.member_id, self.instance_id))
        self.crash()

    def crash(self) -> None:
        """A new process: it knows its instance id only."""
        self.member_id, self.generation, self.owned, self.waiting = "", -1, b"", None
        self.step = self.join

    def _sync(self, assignments: dict[str, bytes]) -> None:
        self._wait(
            self.world.sync(
                self.member_id, self.generation, group_instance_id=self.instance_id, assignments=assignments
            )
        )

    def _wait(self, reply: Any) -> None:
        self.waiting = reply

    def _obey(self, error: KafkaError) -> None:
        self.owned = b""
        self.step = self.join
        if error in GONE:
            self.member_id, self.generation = "", -1


def check_owners(consumers: list[Consumer]) -> None:
    """Among those of one generation nobody owns what another owns."""
    owners: dict[tuple[int, int], Consumer] = {}
    for consumer in consumers:
        for partition in consumer.owned:
            assert owners.setdefault((consumer.generation, partition), consumer) is consumer


def run(seed: int, *, static: bool, restarts: bool) -> None:
    dice = random.Random(seed)
    world = World(GroupSettings(group_initial_rebalance_delay_ms=500))
    consumers = [Consumer(world, f"i-{number}" if static else None) for number in range(5)]
    acknowledged: dict[Any, int] = {}
    for _ in range(150):
        consumer = dice.choice(consumers)
        fate = dice.random()
        if fate < 0.03:
            consumer.leave()
        elif fate < 0.06:
            consumer.crash()
        elif fate < 0.09:
            consumer.is_stalled = not consumer.is_stalled
        elif fate < 0.10 and restarts:
            world.restart()
            for other in consumers:
                if other.waiting is not None:
                    other.crash()
        for other in dice.sample(consumers, len(consumers)):
            other.run()
            check_owners(consumers)
        now = world.fetched()
        assert all(now[place] >= offset for place, offset in acknowledged.items())
        acknowledged = now
        world.wait(dice.choice([50, 500, HEARTBEAT_MS, SESSION_MS // 2]))

    settle(world, consumers)

    assert sorted(b"".join(consumer.owned for consumer in consumers)) == list(range(PARTITIONS))
    assert {consumer.generation for consumer in consumers} == {consumers[0].generation}
    assert world.state() == "Stable"


def settle(world: World, consumers: list[Consumer]) -> None:
    """Everybody behaves for two minutes."""
    for consumer in consumers:
        consumer.is_stalled = False
    for _ in range(120):
        for consumer in consumers:
            consumer.run()
        world.wait(1_000)


@pytest.mark.parametrize("seed", range(12))
def test_dynamic_members_share_all_partitions_in_the_end(seed):
    run(seed, static=False, restarts=False)


@pytest.mark.parametrize("seed", range(12))
def test_static_members_share_all_partitions_in_the_end(seed):
    run(seed, static=True, restarts=False)


@pytest.mark.parametrize("seed", range(12))
def test_restarts_of_the_broker_change_nothing_about_that(seed):
    run(seed, static=seed % 2 == 0, restarts=True)
