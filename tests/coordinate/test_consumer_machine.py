"""Consumer groups under members that do anything at any time: topics come and go, disks fill, brokers restart."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.coordinate.consumer_world import Consumer, ConsumerWorld, error, settle, state_of, topic_id

from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.protocol.errors import KafkaError

SLOTS = st.integers(0, 4)
TOPICS = ["t", "u", "v"]
SUBSCRIPTIONS = st.sets(st.sampled_from(TOPICS))
PATTERNS = st.sampled_from(["t|u", ".*", "u+", "none"])
SESSION_MS = 45_000
FINE = {
    KafkaError.NONE,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.UNRELEASED_INSTANCE_ID,
}


class GroupMachine(RuleBasedStateMachine):
    """Five consumers, the last two of them static; each believes only what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.world = ConsumerWorld(t=3, u=2)
        self.incarnations = 0
        self.consumers = [self._born(slot) for slot in range(5)]
        self.epochs = (0, 0)

    def _born(self, slot: int) -> Consumer:
        self.incarnations += 1
        fields = {"instance_id": f"i-{slot}"} if slot >= 3 else {}
        return Consumer(self.world, f"m-{slot}-{self.incarnations}", **fields)

    def _heard(self, consumer: Consumer, reply: Any) -> None:
        """A client that is fenced or unknown gives everything up."""
        assert error(reply) in FINE, reply
        if error(reply) is not KafkaError.NONE:
            consumer.owned, consumer.epoch = {}, 0

    @initialize(interval_ms=st.sampled_from([0, 1_000]))
    def begin(self, interval_ms: int) -> None:
        self.world.configs["consumer.assignment.interval.ms"] = interval_ms

    @rule(slot=SLOTS, topics=SUBSCRIPTIONS, assignor=st.sampled_from([None, "range", "uniform"]))
    def join(self, slot: int, topics: set[str], assignor: str | None) -> None:
        consumer = self.consumers[slot]
        consumer.topics = sorted(topics)
        consumer.fields.pop("subscribed_topic_regex", None)
        consumer.fields |= {"server_assignor": assignor}
        self._heard(consumer, consumer.join())

    @rule(slot=SLOTS, pattern=PATTERNS)
    def join_by_pattern(self, slot: int, pattern: str) -> None:
        consumer = self.consumers[slot]
        consumer.fields["subscribed_topic_regex"] = pattern
        self._heard(consumer, consumer.join())

    @rule(slot=SLOTS)
    def beat(self, slot: int) -> None:
        consumer = self.consumers[slot]
        if consumer.epoch:
            self._heard(consumer, consumer.beat())

    @rule(slot=SLOTS)
    def beat_in_haste(self, slot: int) -> None:
        """Without telling what it owns; the answer may bring a new assignment all the same."""
        consumer = self.consumers[slot]
        if consumer.epoch:
            fields = {name: value for name, value in consumer.fields.items() if name == "instance_id"}
            self._heard(consumer, consumer._take(self.world.beat(consumer.member_id, consumer.epoch, **fields)))

    @rule(slot=SLOTS, topics=SUBSCRIPTIONS)
    def read_others(self, slot: int, topics: set[str]) -> None:
        consumer = self.consumers[slot]
        if consumer.epoch:
            self._heard(consumer, consumer.read(sorted(topics)))

    @rule(slot=SLOTS, epoch=st.sampled_from([-1, -2, 1, 2, 99]))
    def say_anything(self, slot: int, epoch: int) -> None:
        consumer = self.consumers[slot]
        fields = {name: value for name, value in consumer.fields.items() if name == "instance_id"}
        if epoch == -2 and not fields:
            return
        reply = self.world.beat(consumer.member_id, epoch, **fields)
        assert error(reply) in FINE
        if epoch < 0 and error(reply) is KafkaError.NONE:
            # A process that left comes back as a new one.
            self.consumers[slot] = self._born(slot)

    @rule(name=st.sampled_from(TOPICS), count=st.integers(0, 5))
    def change_topic(self, name: str, count: int) -> None:
        self.world.changing.set(name, count)

    @rule(ms=st.sampled_from([500, 1_000, 5_000, 10_001, SESSION_MS + 1]))
    def let_time_pass(self, ms: int) -> None:
        self.world.wait(ms)

    @rule()
    def fill_the_disk(self) -> None:
        self.world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR
        before = self._state()
        for consumer in self.consumers:
            said = self.world.enter(consumer.member_id, [f"never before {len(self.world.log)}"], **_static(consumer))
            assert error(said) is not KafkaError.NONE
            if consumer.epoch:
                self.world.beat(consumer.member_id, -1, **_static(consumer))
        assert self._state() == before
        self.world.refuse_with = None

    @rule()
    def restart(self) -> None:
        before = self._state()
        self.world.restart()
        assert self._state() == before

    @rule()
    def come_to_rest(self) -> None:
        """All who live go on reporting: everything that is read is shared out, as evenly as the topics allow."""
        self.world.wait(1_000)
        for consumer in self.consumers:
            if consumer.epoch:
                self._heard(consumer, consumer.beat())
        group = self._group()
        if group is None:
            return
        known = {consumer.member_id for consumer in self.consumers if consumer.epoch}
        self._drop_strangers(group, known)
        living = [consumer for consumer in self.consumers if consumer.epoch and consumer.member_id in group.members]
        if not living:
            return
        for _ in range(4):
            self.world.wait(1_000)
            settle(*living)
        assert group.state.value == "Stable"
        counts = self.world.changing.counts
        wanted = {(topic, index) for topic in group.subscribed() if topic in counts for index in range(counts[topic])}
        owned = [(topic, index) for c in living for topic, found in c.owned.items() for index in found]
        assert sorted(owned) == sorted(wanted)

    def _drop_strangers(self, group: ConsumerGroup, known: set[str]) -> None:
        """Members nobody stands behind any more leave, as their sessions would end in time."""
        for member_id, member in list(group.members.items()):
            if member_id not in known:
                static = {} if member.instance_id is None else {"instance_id": member.instance_id}
                assert error(self.world.beat(member_id, -1, **static)) is KafkaError.NONE

    # What must hold

    def _group(self) -> ConsumerGroup | None:
        return self.world.groups._desk.groups.get("g")

    def _state(self) -> Any:
        group = self._group()
        return None if group is None else state_of(group)

    @invariant()
    def every_partition_has_one_owner(self) -> None:
        group = self._group()
        if group is None:
            return
        seen: dict[tuple[bytes, int], str] = {}
        for member in group.members.values():
            for topic, partitions in member.held().items():
                for partition in partitions:
                    assert seen.setdefault((topic, partition), member.member_id) == member.member_id
        assert seen == {(t, p): owner for t, found in group.owners.items() for p, owner in found.items()}

    @invariant()
    def no_two_clients_use_the_same(self) -> None:
        """Only who is a member counts: one that was fenced and has not heard of it stops when its session is over."""
        group = self._group()
        if group is None:
            return
        used: set[tuple[str, int]] = set()
        for consumer in self.consumers:
            member = group.members.get(consumer.member_id)
            if member is None or not consumer.epoch:
                continue
            held = member.held()
            for topic, partitions in consumer.owned.items():
                for partition in partitions:
                    if partition in held.get(topic_id(topic), ()):
                        assert (topic, partition) not in used
                        used.add((topic, partition))

    @invariant()
    def epochs_only_grow(self) -> None:
        group = self._group()
        if group is not None:
            now = group.epoch, group.assignment_epoch
            assert now >= self.epochs
            assert group.assignment_epoch <= group.epoch
            assert all(member.epoch <= group.assignment_epoch for member in group.members.values())
            self.epochs = now

    def teardown(self) -> None:
        self.restart()


def _static(consumer: Consumer) -> dict[str, Any]:
    return {name: value for name, value in consumer.fields.items() if name == "instance_id"}


GroupMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestConsumerGroupMachine = GroupMachine.TestCase
