"""Members that do anything at any time, with restarts and full disks in between: what must hold all the same."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.coordinate.group_world import World, subscription

from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.outcome import Pending
from penstock.protocol.errors import KafkaError

SLOTS = st.integers(0, 4)
STATIC_SLOTS = {3: "i-3", 4: "i-4"}
TOPICS = ["t", "u"]


class Client:
    """One consumer as its process knows itself; a static one keeps its instance id over restarts."""

    def __init__(self, instance_id: str | None) -> None:
        self.instance_id = instance_id
        self.member_id = ""
        self.generation = -1
        self.leader = ""
        self.members: list[str] = []
        self.waits: tuple[str, Any] | None = None
        self.wants = "join"


class GroupMachine(RuleBasedStateMachine):
    """Five clients of one group; every reply updates what its client believes, and is held against the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(GroupSettings(group_initial_rebalance_delay_ms=500, offsets_retention_minutes=10**6))
        self.clients = [Client(STATIC_SLOTS.get(slot)) for slot in range(5)]
        self.offsets: dict[tuple[str, int], int] = {}
        # What leaders handed out: member id to assignment, by generation; and who led it.
        self.handed_out: dict[int, dict[str, bytes]] = {}
        self.leaders: dict[int, str] = {}
        self.generation = 0
        self.abandoned: list[Any] = []

    # What clients do

    @rule(slot=SLOTS, version=st.sampled_from([3, 4, 8, 9]), topics=st.sets(st.sampled_from(TOPICS), min_size=1))
    def join(self, slot: int, version: int, topics: set[str]) -> None:
        client = self.clients[slot]
        fields = {
            "protocols": [("range", subscription(*sorted(topics)))],
            "session_timeout_ms": 10_000 + 10_000 * slot,
            "rebalance_timeout_ms": 15_000,
        }
        if client.instance_id is not None:
            version = max(version, 5)
            fields["group_instance_id"] = client.instance_id
        self._abandon(client)
        reply = self.world.join(client.member_id, version=version, **fields)
        client.waits = ("join", reply)
        self._hear(client)

    @rule(slots=st.lists(SLOTS, min_size=2, max_size=4, unique=True), rounds=st.integers(1, 6))
    def behave(self, slots: list[int], rounds: int) -> None:
        """Some clients do for a while what good clients do."""
        for _ in range(rounds):
            for slot in slots:
                client = self.clients[slot]
                if client.waits is not None:
                    continue
                if client.wants == "sync":
                    self.sync(slot)
                elif client.wants == "join":
                    self.join(slot, 9, {"t"})
                else:
                    self.heartbeat(slot)
            self.time_passes(500)

    @rule(slot=SLOTS)
    def sync(self, slot: int) -> None:
        client = self.clients[slot]
        if not client.member_id:
            return
        assignments = {}
        if client.leader == client.member_id:
            assignments = {name: f"{client.generation} {name}".encode() for name in client.members}
            self.handed_out.setdefault(client.generation, {}).update(assignments)
        self._abandon(client)
        reply = self.world.sync(
            client.member_id, client.generation, group_instance_id=client.instance_id, assignments=assignments
        )
        client.waits = ("sync", reply)
        self._hear(client)

    @rule(slot=SLOTS)
    def heartbeat(self, slot: int) -> None:
        client = self.clients[slot]
        error = self.world.heartbeat(client.member_id, client.generation, group_instance_id=client.instance_id)
        self._obey(client, error)

    @rule(slot=SLOTS)
    def leave(self, slot: int) -> None:
        client = self.clients[slot]
        if client.member_id:
            self.world.leave((client.member_id, client.instance_id))
            self._reset(client)

    @rule(slot=SLOTS, topic=st.sampled_from(TOPICS), partition=st.integers(0, 2), offset=st.integers(0, 1_000))
    def commit(self, slot: int, topic: str, partition: int, offset: int) -> None:
        client = self.clients[slot]
        result = self.world.commit(
            {(topic, partition): offset},
            member_id=client.member_id,
            group_instance_id=client.instance_id,
            generation_id_or_member_epoch=client.generation,
        )
        error = result[topic, partition]
        if error is KafkaError.NONE:
            self.offsets[topic, partition] = offset
        else:
            self._obey(client, error)

    @rule(slot=SLOTS)
    def process_restarts(self, slot: int) -> None:
        """Its connection is gone, and so is all it knew."""
        self._abandon(self.clients[slot])
        self._reset(self.clients[slot])

    # What happens to them

    @rule(ms=st.sampled_from([1, 499, 500, 5_000, 14_999, 15_000, 30_000, 400_000]))
    def time_passes(self, ms: int) -> None:
        self.world.wait(ms)
        self._hear_all()

    @rule(slots=st.lists(SLOTS, min_size=2, max_size=4, unique=True))
    def disk_is_full_for_a_while(self, slots: list[int]) -> None:
        self.world.refuse_with = KafkaError.NOT_ENOUGH_REPLICAS
        self.behave(slots, 3)
        self.world.refuse_with = None

    @rule()
    def broker_restarts(self) -> None:
        before = self.world.describe()
        for client in self.clients:
            if client.waits is not None:
                client.waits, client.wants = None, "join"
        self.abandoned.clear()
        self.world.restart()
        after = self.world.describe()
        if before.group_state == after.group_state == "Stable" and self._is_settled():
            assert _in_order(after) == _in_order(before)
        # A join phase whose assignments were never stored is forgotten, and its number given again.
        self.generation = min(self.generation, self._generation_now())
        for generation in [number for number in self.leaders if number > self.generation]:
            del self.leaders[generation]
            self.handed_out.pop(generation, None)

    # What must hold

    @invariant()
    def committed_offsets_are_those_acknowledged(self) -> None:
        assert self.world.fetched() == self.offsets

    @invariant()
    def generations_only_grow(self) -> None:
        now = self._generation_now()
        assert now >= self.generation, (now, self.generation)
        self.generation = now

    @invariant()
    def the_group_counts_right(self) -> None:
        group = self.world.groups._desk.classic("g")
        if group is not None:
            assert group.awaiting_join == sum(member.join_ticket != 0 for member in group.members.values())
            assert group.bytes_held == sum(member.bytes_held() for member in group.members.values())
            assert set(group.static_members.values()) <= set(group.members)
            assert group.leader_id in group.members or not group.members
            assert group.unsynced <= set(group.members)
            assert not set(group.named) & set(group.members)

    def teardown(self) -> None:
        """All who wait are answered in the end, and a group nobody tends is empty."""
        self.world.wait(3_000_000)
        waiting = [client.waits[1] for client in self.clients if client.waits] + self.abandoned
        assert all(self.world.answer(reply) is not None for reply in waiting)
        if self.world.describe().error_code == KafkaError.NONE:
            assert self.world.state() == "Empty"

    # How a client takes what it hears

    def _hear_all(self) -> None:
        for client in self.clients:
            self._hear(client)

    def _hear(self, client: Client) -> None:
        if client.waits is None:
            return
        what, reply = client.waits
        reply = self.world.answer(reply)
        if reply is None:
            return
        client.waits = None
        error = KafkaError(reply.error_code)
        if what == "join":
            self._joined(client, reply, error)
        elif error is KafkaError.NONE:
            client.wants = "heartbeat"
            self._check_assignment(client, reply.assignment)
        else:
            self._obey(client, error)
        self._hear_all()

    def _check_assignment(self, client: Client, assignment: bytes) -> None:
        """Its own of this generation, or none; a static member inherits what its old self was given."""
        allowed = {
            given
            for name, given in self.handed_out.get(client.generation, {}).items()
            if name == client.member_id or (client.instance_id and name.startswith(client.instance_id))
        }
        assert assignment == b"" or assignment in allowed, (assignment, allowed)

    def _joined(self, client: Client, reply: Any, error: KafkaError) -> None:
        if error is KafkaError.MEMBER_ID_REQUIRED:
            client.member_id = reply.member_id
            return
        if error is not KafkaError.NONE:
            self._obey(client, error)
            return
        client.member_id, client.generation = reply.member_id, reply.generation_id
        client.leader = "" if reply.skip_assignment else reply.leader
        client.members = [member.member_id for member in reply.members]
        client.wants = "sync"
        if client.members and not reply.skip_assignment:
            assert self.leaders.setdefault(reply.generation_id, client.member_id) == client.member_id

    def _obey(self, client: Client, error: KafkaError) -> None:
        if error in (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID):
            self._reset(client)
        elif error is not KafkaError.NONE:
            client.wants = "join"

    def _reset(self, client: Client) -> None:
        self._abandon(client)
        client.wants = "join"
        client.member_id, client.generation, client.leader, client.members = "", -1, "", []

    def _abandon(self, client: Client) -> None:
        if client.waits is not None and isinstance(client.waits[1], Pending):
            self.abandoned.append(client.waits[1])
        client.waits = None

    def _generation_now(self) -> int:
        group = self.world.groups._desk.classic("g")
        # A group that is forgotten begins anew.
        if group is None:
            self.generation = 0
            self.leaders.clear()
            self.handed_out.clear()
            return 0
        return group.generation

    def _is_settled(self) -> bool:
        """Whether the log has all of a stable group: subscriptions changed without a rebalance are not stored."""
        return all(client.instance_id is None or not client.member_id for client in self.clients)


def _in_order(described: Any) -> Any:
    """A member whose replacement the log refused comes back as the last one: the order of members means nothing."""
    described.members.sort(key=lambda member: member.member_id)
    return described


GroupMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_whatever_members_do_the_rules_hold = GroupMachine.TestCase
