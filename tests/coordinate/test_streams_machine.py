"""Streams groups under members that do anything at any time: topics come and go, disks fill, brokers restart."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.coordinate.streams_world import StreamsWorld, Thread, error, settle, state_of

from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.tasks import tasks_in
from penstock.protocol.errors import KafkaError

SLOTS = st.integers(0, 4)
TOPICS = ["t", "r", "c"]
SESSION_MS = 45_000
FINE = {
    KafkaError.NONE,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.GROUP_ID_NOT_FOUND,
    # What it ran is not there any more, as its topics have changed.
    KafkaError.INVALID_REQUEST,
}


class GroupMachine(RuleBasedStateMachine):
    """Five threads in three processes; each believes only what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.world = StreamsWorld(t=3, r=3, c=3)
        self.incarnations = 0
        self.threads = [self._born(slot) for slot in range(5)]
        self.epochs = (0, 0)

    def _born(self, slot: int) -> Thread:
        self.incarnations += 1
        return Thread(self.world, f"m-{slot}-{self.incarnations}", process_id=f"p-{slot % 3}")

    def _heard(self, thread: Thread, reply: Any) -> None:
        """A client that is fenced or unknown gives everything up."""
        assert error(reply) in FINE, reply
        if error(reply) is not KafkaError.NONE:
            thread.active, thread.standby, thread.epoch = {}, {}, 0

    @initialize(interval_ms=st.sampled_from([0, 1_000]), delay_ms=st.sampled_from([0, 3_000]), spares=st.integers(0, 2))
    def begin(self, interval_ms: int, delay_ms: int, spares: int) -> None:
        self.world.configs["streams.assignment.interval.ms"] = interval_ms
        self.world.configs["streams.initial.rebalance.delay.ms"] = delay_ms
        self.world.configs["streams.num.standby.replicas"] = spares

    @rule(slot=SLOTS)
    def join(self, slot: int) -> None:
        thread = self.threads[slot]
        self._heard(thread, thread.join())

    @rule(slot=SLOTS)
    def beat(self, slot: int) -> None:
        thread = self.threads[slot]
        if thread.epoch:
            self._heard(thread, thread.beat())

    @rule(slot=SLOTS)
    def beat_in_haste(self, slot: int) -> None:
        """Without telling what it runs; the answer may bring other tasks all the same."""
        thread = self.threads[slot]
        if thread.epoch:
            self._heard(thread, thread._take(self.world.beat(thread.member_id, thread.epoch)))

    @rule(slot=SLOTS, epoch=st.sampled_from([-1, 1, 2, 99]))
    def say_anything(self, slot: int, epoch: int) -> None:
        thread = self.threads[slot]
        reply = self.world.beat(thread.member_id, epoch)
        assert error(reply) in FINE
        if error(reply) is not KafkaError.NONE:
            return
        if epoch > 0:
            thread._take(reply)
        else:
            # A process that left comes back as a new one.
            self.threads[slot] = self._born(slot)

    @rule(count=st.integers(0, 4))
    def change_topics(self, count: int) -> None:
        for name in TOPICS:
            self.world.changing.set(name, count)

    @rule(name=st.sampled_from(TOPICS), count=st.integers(0, 4))
    def change_topic(self, name: str, count: int) -> None:
        self.world.changing.set(name, count)

    @rule(spares=st.integers(0, 2))
    def change_spares(self, spares: int) -> None:
        self.world.configs["streams.num.standby.replicas"] = spares

    @rule(ms=st.sampled_from([500, 1_000, 5_000, 10_001, SESSION_MS + 1]))
    def let_time_pass(self, ms: int) -> None:
        self.world.wait(ms)

    @rule()
    def fill_the_disk(self) -> None:
        self.world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR
        before = self._state()
        for thread in self.threads:
            assert error(self.world.enter(f"{thread.member_id}-new")) is not KafkaError.NONE
            if thread.epoch:
                self.world.beat(thread.member_id, -1)
        assert self._state() == before
        self.world.refuse_with = None

    @rule()
    def restart(self) -> None:
        before = self._state()
        self.world.restart()
        assert self._state() == before

    @rule(count=st.integers(1, 4))
    def come_to_rest(self, count: int) -> None:
        """All topics are there, and all who live go on reporting: every task runs, and its spares elsewhere."""
        self.change_topics(count)
        for _ in range(5):
            # Targets of before may have tasks that are no more: who has heard of those begins again.
            self.world.wait(1_000)
            for thread in self.threads:
                if thread.epoch:
                    self._heard(thread, thread.beat())
        group = self._group()
        if group is None:
            return
        known = {thread.member_id for thread in self.threads if thread.epoch}
        for member_id in set(group.members) - known:
            assert error(self.world.beat(member_id, -1)) is KafkaError.NONE
        living = [thread for thread in self.threads if thread.epoch and thread.member_id in group.members]
        if not living:
            return
        for _ in range(4):
            self.world.wait(1_000)
            settle(*living)
        assert group.state.value == "Stable"
        wanted = [(name, index) for name in ("0", "1") for index in range(count)]
        assert sorted((name, index) for t in living for name, found in t.active.items() for index in found) == wanted
        spares = sorted((name, index) for t in living for name, found in t.standby.items() for index in found)
        processes = {t.fields["process_id"] for t in living}
        each = min(self.world.configs["streams.num.standby.replicas"], len(processes) - 1)
        assert spares == sorted([("1", index) for index in range(count)] * each)

    # What must hold

    def _group(self) -> StreamsGroup | None:
        return self.world.groups._desk.groups.get("g")

    def _state(self) -> Any:
        group = self._group()
        return None if group is None else state_of(group)

    @invariant()
    def every_active_task_has_one_holder(self) -> None:
        group = self._group()
        if group is None:
            return
        seen: dict[tuple[str, int], str] = {}
        for member in group.members.values():
            for held in (member.assigned, member.revoking):
                for task in tasks_in(held.active):
                    assert seen.setdefault(task, member.member_id) == member.member_id
        assert seen == {task: next(iter(found)) for task, found in group.holders[0].items()}

    @invariant()
    def no_two_clients_run_the_same(self) -> None:
        """Only who is a member counts: one that was fenced and has not heard of it stops when its session is over."""
        group = self._group()
        if group is None:
            return
        used: set[tuple[str, int]] = set()
        for thread in self.threads:
            member = group.members.get(thread.member_id)
            if member is None or not thread.epoch:
                continue
            held = {*tasks_in(member.assigned.active), *tasks_in(member.revoking.active)}
            for task in tasks_in(thread.active):
                if task in held:
                    assert task not in used
                    used.add(task)

    @invariant()
    def epochs_only_grow(self) -> None:
        group = self._group()
        if group is None:
            self.epochs = (0, 0)
            return
        now = group.epoch, group.target_epoch
        assert now >= self.epochs
        assert group.target_epoch <= group.epoch
        assert all(member.epoch <= group.target_epoch for member in group.members.values())
        self.epochs = now

    def teardown(self) -> None:
        self.restart()


GroupMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStreamsGroupMachine = GroupMachine.TestCase
