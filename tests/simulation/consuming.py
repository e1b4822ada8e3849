"""Readers without a group, members of groups of both protocols, and the loop that reads, processes and writes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from penstock.protocol import messages as m
from penstock.protocol.codec import decode, encode
from penstock.protocol.errors import KafkaError as E
from tests.simulation.book import Book, Place, Span, batches_of
from tests.simulation.plan import TOPICS
from tests.simulation.producing import AGAIN, Transactional
from tests.simulation.world import Actor, Life, World

FETCH_VERSION = 12
TOPIC = "in"
CLASSIC_SESSION_MS = 10_000
# A rebalance waits so long for members that do not come.
REBALANCE_MS = 15_000
UUID = "%s-%d-AAAAAAAAAAAAAAAA"


def fetch_request(positions: dict[Place, int], committed: bool, max_bytes: int, wait_ms: int = 500) -> Any:
    fetch = m.FetchRequest
    topics = [
        fetch.FetchTopic(
            topic=topic,
            partitions=[fetch.FetchPartition(partition=index, fetch_offset=offset, partition_max_bytes=max_bytes)],
        )
        for (topic, index), offset in positions.items()
    ]
    return fetch(
        max_wait_ms=wait_ms,
        min_bytes=1,
        max_bytes=max_bytes * 2,
        isolation_level=int(committed),
        session_id=0,
        session_epoch=-1,
        topics=topics,
    )


def offsets_request(group: str, indexes: list[int], who: tuple[str | None, int] = (None, -1)) -> Any:
    fetch = m.OffsetFetchRequest
    topics = [fetch.OffsetFetchRequestTopics(name=TOPIC, partition_indexes=indexes)]
    wanted = fetch.OffsetFetchRequestGroup(group_id=group, member_id=who[0], member_epoch=who[1], topics=topics)
    return fetch(groups=[wanted], require_stable=True)


class Reader(Actor):
    """Has a place in each partition that it reads. spans: what it gets of each without a break."""

    def __init__(self, world: World, name: str, book: Book, committed: bool) -> None:
        super().__init__(world, name)
        self.book = book
        self.committed = committed
        self.spans: dict[Place, Span] = {}
        self.positions: dict[Place, int] = {}

    def seek(self, place: Place, offset: int) -> None:
        self.positions[place] = offset
        self.spans[place] = span = Span(self.name, place, self.committed, offset)
        self.book.spans.append(span)

    def poll(self) -> Generator[Any, Any, dict[Place, list[tuple[int, bytes]]]]:
        """What was new, by place; where it reads from moves behind it."""
        max_bytes = self.dice.choice((100, 400, 5_000, 1 << 20))
        answer = yield from self.ask(fetch_request(self.positions, self.committed, max_bytes), FETCH_VERSION)
        found: dict[Place, list[tuple[int, bytes]]] = {}
        for topic in answer.responses if answer is not None else ():
            for part in topic.partitions:
                place = topic.topic, part.partition_index
                before = self.positions[place]
                if part.error_code == E.OFFSET_OUT_OF_RANGE:
                    self.world.fail("no reader is put off", f"{self.name}: {place} {before} is out of range")
                if part.error_code:
                    continue
                span = self.spans[place]
                after = self.book.read(span, batches_of(part.records), part.aborted_transactions, before)
                self.positions[place] = after
                offsets = [offset for offset in range(before, after) if offset in span.values]
                found[place] = [(offset, span.values[offset]) for offset in offsets]
        return found


class Follower(Reader):
    """Reads everything; begins anew where it likes when it is killed, and now and then."""

    def life(self) -> Life:
        for topic, count in TOPICS.items():
            for index in range(count):
                place = topic, index
                self.seek(place, self.dice.choice((0, self.positions.get(place, 0))))
        while True:
            yield from self.poll()
            yield self.pause(50, 1_500) if not self.world.is_quiet else self.pause(500, 1_000)
            if self.dice.random() < 0.03:
                place = self.dice.choice(sorted(self.positions))
                self.seek(place, self.dice.randint(0, self.positions[place]))


class Classic:
    """Membership of the classic protocol. owned: partitions; changes: how often that became something else."""

    def __init__(self, actor: Actor, group: str) -> None:
        self.actor = actor
        self.group = group
        self.member_id = ""
        self.epoch = -1
        self.owned: list[int] = []
        self.changes = 0
        self.is_in = False
        self.beat_ms = 0

    def lose(self, *, known: bool) -> None:
        self.owned = []
        self.changes += 1
        self.is_in = False
        if not known:
            self.member_id, self.epoch = "", -1

    def step(self) -> Generator[Any, Any, None]:
        """Joins, or says that it lives when it is time for it."""
        if not self.is_in:
            yield from self._join()
        elif self.actor.world.now_ms() - self.beat_ms >= 3_000:
            answer = yield from self.actor.ask(m.HeartbeatRequest(self.group, self.epoch, self.member_id), 4)
            if answer is None:
                yield self.actor.pause(50, 500)
            elif answer.error_code:
                self.lose(known=answer.error_code == E.REBALANCE_IN_PROGRESS)
            else:
                self.beat_ms = self.actor.world.now_ms()

    def leave(self) -> Generator[Any, Any, None]:
        leave = m.LeaveGroupRequest
        if self.member_id:
            yield from self.actor.ask(leave(group_id=self.group, members=[leave.MemberIdentity(self.member_id)]), 5)
        self.lose(known=False)

    def _join(self) -> Generator[Any, Any, None]:
        join = m.JoinGroupRequest
        subscription = _versioned(m.ConsumerProtocolSubscription(topics=[TOPIC]))
        request = join(
            group_id=self.group,
            session_timeout_ms=CLASSIC_SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            member_id=self.member_id,
            protocol_type="consumer",
            protocols=[join.JoinGroupRequestProtocol("range", subscription)],
        )
        answer = yield from self.actor.ask(request, 9, 2 * REBALANCE_MS)
        if answer is None:
            yield self.actor.pause(50, 1_000)
        elif answer.error_code == E.MEMBER_ID_REQUIRED:
            self.member_id = answer.member_id
        elif answer.error_code:
            self.lose(known=answer.error_code in AGAIN or answer.error_code == E.REBALANCE_IN_PROGRESS)
            yield self.actor.pause(50, 1_000)
        else:
            self.member_id, self.epoch = answer.member_id, answer.generation_id
            yield from self._sync([member.member_id for member in answer.members])

    def _sync(self, members: list[str]) -> Generator[Any, Any, None]:
        sync = m.SyncGroupRequest
        shares = {name: range(number, TOPICS[TOPIC], len(members)) for number, name in enumerate(sorted(members))}
        assigned = sync.SyncGroupRequestAssignment
        assignments = [assigned(name, _assignment(list(share))) for name, share in shares.items()]
        request = sync(self.group, self.epoch, self.member_id, None, "consumer", "range", assignments)
        answer = yield from self.actor.ask(request, 5, 2 * REBALANCE_MS)
        if answer is None:
            yield self.actor.pause(50, 1_000)
        elif answer.error_code:
            self.lose(known=answer.error_code in AGAIN or answer.error_code == E.REBALANCE_IN_PROGRESS)
        else:
            self.owned = assigned_of(answer.assignment)
            self.changes += 1
            self.is_in = True
            self.beat_ms = self.actor.world.now_ms()


class Consumer:
    """Membership of the newer protocol (KIP-848): the broker says what is whose, one heartbeat after the other."""

    def __init__(self, actor: Actor, group: str) -> None:
        self.actor = actor
        self.group = group
        self.member_id = UUID % (actor.name, actor.lives)
        self.epoch = 0
        self.owned: list[int] = []
        self.changes = 0
        self.beat_ms = -5_000

    def step(self) -> Generator[Any, Any, None]:
        """A heartbeat when it is time for one, and at once after something changed."""
        world = self.actor.world
        if world.now_ms() - self.beat_ms < 5_000:
            return
        answer = yield from self.actor.ask(self._request(self.epoch), 1)
        if answer is None or answer.error_code in AGAIN:
            yield self.actor.pause(50, 1_000)
        elif answer.error_code:
            self._lose()
        else:
            self.epoch = answer.member_epoch
            self.beat_ms = world.now_ms()
            if answer.assignment is not None:
                owned = [index for topic in answer.assignment.topic_partitions for index in topic.partitions]
                if sorted(owned) != self.owned:
                    self.owned = sorted(owned)
                    self.changes += 1
                    # What it gave up is free only when it says so.
                    self.beat_ms = -5_000

    def leave(self) -> Generator[Any, Any, None]:
        yield from self.actor.ask(self._request(-1), 1)
        self._lose()

    def _request(self, epoch: int) -> Any:
        beat = m.ConsumerGroupHeartbeatRequest
        owned = self.owned if epoch > 0 else []
        topic_id = self.actor.world.topic_ids[TOPIC]
        return beat(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=epoch,
            rebalance_timeout_ms=300_000,
            subscribed_topic_names=[TOPIC],
            topic_partitions=[beat.TopicPartitions(topic_id, owned)] if owned else [],
        )

    def _lose(self) -> None:
        self.owned = []
        self.changes += 1
        self.epoch = 0
        self.beat_ms = -5_000


Membership = Classic | Consumer


def membership(actor: Actor, group: str, protocol: str) -> Membership:
    return Classic(actor, group) if protocol == "classic" else Consumer(actor, group)


class Placed:
    """What a member of a group does before it reads: finds out where each of its partitions was left."""

    def __init__(self, reader: Reader, member: Membership) -> None:
        self.reader = reader
        self.member = member
        self.seen = -1

    def step(self) -> Generator[Any, Any, bool]:
        """Whether there is something to read."""
        yield from self.member.step()
        reader, member = self.reader, self.member
        if self.seen != member.changes:
            self.seen = member.changes
            reader.positions.clear()
        missing = [index for index in member.owned if (TOPIC, index) not in reader.positions]
        if missing:
            who = (member.member_id, member.epoch) if isinstance(member, Consumer) else (None, -1)
            answer = yield from reader.ask(offsets_request(member.group, missing, who), 9)
            if answer is None or answer.groups[0].error_code or self.seen != member.changes:
                yield reader.pause(50, 1_000)
                return False
            for part in answer.groups[0].topics[0].partitions:
                if not part.error_code:
                    reader.seek((TOPIC, part.partition_index), max(0, part.committed_offset))
        return bool(reader.positions)


class GroupConsumer(Reader):
    """A member that reads, then commits."""

    def __init__(self, world: World, name: str, book: Book, group: str, protocol: str) -> None:
        super().__init__(world, name, book, committed=True)
        self.group = group
        self.protocol = protocol

    def life(self) -> Life:
        self.positions.clear()
        member = membership(self, self.group, self.protocol)
        placed = Placed(self, member)
        while True:
            if (yield from placed.step()):
                yield from self.poll()
                if not self.world.is_quiet and self.dice.random() < 0.04:
                    # It takes longer over its records than its session lasts, and commits as if nothing had been.
                    yield self.pause(10_000, 30_000)
                if self.dice.random() < 0.6:
                    yield from self.commit(member)
            yield self.pause(50, 1_500) if not self.world.is_quiet else self.pause(300, 1_000)
            if not self.world.is_quiet and self.dice.random() < 0.02:
                yield from member.leave()
                yield self.pause(100, 8_000)

    def commit(self, member: Membership) -> Generator[Any, Any, None]:
        commit = m.OffsetCommitRequest
        parts = [commit.OffsetCommitRequestPartition(index, at, -1, "") for (_, index), at in self.positions.items()]
        topics = [commit.OffsetCommitRequestTopic(name=TOPIC, partitions=parts)]
        yield from self.ask(commit(self.group, member.epoch, member.member_id, None, -1, topics), 9)


class Exactly(Transactional):
    """Reads `in`, writes one value for each to `out`, and commits where it is, all in one transaction."""

    def __init__(self, world: World, name: str, book: Book, group: str, protocol: str) -> None:
        super().__init__(world, name, book, name, "out")
        self.reader = Reader(world, name, book, committed=True)
        self.group = group
        self.protocol = protocol

    def life(self) -> Life:
        self.identity = None
        self.reader.positions.clear()
        member = membership(self, self.group, self.protocol)
        placed = Placed(self.reader, member)
        while True:
            yield self.pause(50, 1_000) if not self.world.is_quiet else self.pause(300, 800)
            if self.identity is None:
                # What was left open is over then; where that leaves the group has to be asked again.
                yield from self.init(self.dice.choice((8_000, 25_000)))
                self.reader.positions.clear()
            if self.identity is None or not (yield from placed.step()):
                continue
            found = yield from self.reader.poll()
            if any(found.values()) and not (yield from self.process(found, member)):
                self.reader.positions.clear()

    def process(self, found: dict[Place, list[tuple[int, bytes]]], member: Membership) -> Generator[Any, Any, bool]:
        """One transaction; False when it did not commit, or may not have."""
        attempt = self.begin()
        batches = []
        for (topic, index), records in found.items():
            if records:
                place = self.some_place("out")
                tails = [b":%s@%d@%d" % (topic.encode(), index, offset) for offset, _ in records]
                batches.append(self.batch(place, self.new_values(place, attempt.name, attempt, tails)))
                attempt.offsets[topic, index] = self.reader.positions[topic, index]
        error = yield from self.deliver(batches)
        if not error:
            error = yield from self.commit_offsets(attempt.offsets, member)
        yield self.pause(0, 500)
        is_kept = self.world.is_quiet or self.dice.random() < 0.85
        done = yield from self.end(attempt, not error and is_kept)
        return done and not error and is_kept

    def commit_offsets(self, offsets: dict[Place, int], member: Membership) -> Generator[Any, Any, E]:
        commit = m.TxnOffsetCommitRequest
        parts = [commit.TxnOffsetCommitRequestPartition(index, at, -1, "") for (_, index), at in offsets.items()]
        topics = [commit.TxnOffsetCommitRequestTopic(TOPIC, parts)]
        for _ in range(5):
            assert self.identity is not None
            request = commit(
                self.transactional_id, self.group, *self.identity, member.epoch, member.member_id, None, topics
            )
            answer = yield from self.ask(request, 5)
            error = E.NETWORK_EXCEPTION
            if answer is not None:
                codes = [part.error_code for topic in answer.topics for part in topic.partitions]
                error = next((E(code) for code in codes if code), E.NONE)
            if error not in AGAIN:
                return error
            yield self.pause(20, 800)
        return E.REQUEST_TIMED_OUT


def _versioned(message: Any) -> bytes:
    return b"\x00\x01" + b"".join(bytes(part) for part in encode(message, 1))


def _assignment(indexes: list[int]) -> bytes:
    assignment = m.ConsumerProtocolAssignment
    parts = [assignment.TopicPartition(TOPIC, indexes)] if indexes else []
    return _versioned(assignment(assigned_partitions=parts))


def assigned_of(data: bytes) -> list[int]:
    """The partitions in a member's assignment."""
    if not data:
        return []
    found, _ = decode(m.ConsumerProtocolAssignment, 1, data, 2)
    return sorted(index for topic in found.assigned_partitions for index in topic.partitions)
