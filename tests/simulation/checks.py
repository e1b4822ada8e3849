"""What must hold of each answer that leaves the broker; `judging` has what takes the whole run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.broker.session import Session
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError as E
from penstock.records.header import read_header
from tests.simulation.book import Book, Place, batches_of
from tests.simulation.consuming import assigned_of
from tests.simulation.sharing import ACCEPT, REJECT, RELEASE, SHARE_GROUP
from tests.simulation.world import LOCK_MS, SESSION_MS, Flight, Watcher, World

DELIVERIES_MAX = 5


class Lock:
    """Who holds a record. may_go: an acknowledgement is on its way whose answer is not known."""

    __slots__ = ("deliveries", "is_done", "may_go", "member", "session", "until_ms")

    def __init__(self) -> None:
        self.member = ""
        self.session: Session | None = None
        self.until_ms = 0
        self.deliveries = 0
        self.is_done = False
        self.may_go = False


class Sharing:
    """Records of the share group: never held by two, never given again after they were accepted or rejected."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.locks: dict[tuple[int, int], Lock] = {}
        # The connection on which a member began its share session: with it the session ends, whoever went on with it.
        self.owners: dict[str, Session] = {}
        # What the member of a request held when it arrived, of what it has something to say about.
        self.claims: dict[Flight, set[tuple[int, int]]] = {}

    def handled(self, flight: Flight) -> None:
        claims = self.claims[flight] = set()
        if flight.message.share_session_epoch == 0:
            # A new session of a member takes over what it held before of the partitions that it names.
            self.owners[flight.message.member_id] = flight.connection.session
            named = {part.partition_index for topic in flight.message.topics for part in topic.partitions}
            for (index, _), lock in self.locks.items():
                if lock.member == flight.message.member_id:
                    lock.session = flight.connection.session if index in named else None
        for index, batch in _acks_of(flight.message):
            for offset in range(batch.first_offset, batch.last_offset + 1):
                lock = self.locks.get((index, offset))
                if lock is not None and lock.member == flight.message.member_id:
                    lock.may_go = True
                    claims.add((index, offset))

    def replied(self, flight: Flight, answer: Any) -> None:
        request = flight.message
        if answer.error_code:
            return
        errors = {
            part.partition_index: getattr(part, "acknowledge_error_code", part.error_code)
            for topic in answer.responses
            for part in topic.partitions
        }
        for index, batch in _acks_of(request):
            if errors.get(index, 0) == 0:
                self._acknowledged(request.member_id, index, batch, flight)
        if isinstance(request, m.ShareFetchRequest):
            for topic in answer.responses:
                for part in topic.partitions:
                    for run in part.acquired_records:
                        for offset in range(run.first_offset, run.last_offset + 1):
                            self._acquired(flight, part.partition_index, offset, run.delivery_count)

    def _acknowledged(self, member: str, index: int, batch: Any, flight: Flight) -> None:
        (kind,) = batch.acknowledge_types
        for offset in range(batch.first_offset, batch.last_offset + 1):
            if (index, offset) not in self.claims[flight]:
                lock = self.locks.get((index, offset))
                if lock is not None and (lock.is_done or lock.deliveries >= DELIVERIES_MAX):
                    # It may lie before the start of the share partition by now: nothing is said of such any more.
                    continue
                text = f"{member} settled in-{index} {offset}, which it did not hold"
                self.world.fail("only who holds a record settles it", text)
                continue
            lock = self.locks[index, offset]
            if lock.member != member:
                # It was released, and somebody took it before the answer left.
                continue
            lock.may_go = False
            lock.member = ""
            lock.is_done = lock.is_done or kind in (ACCEPT, REJECT)
            assert kind in (ACCEPT, REJECT, RELEASE)

    def _acquired(self, flight: Flight, index: int, offset: int, deliveries: int) -> None:
        member, now_ms = flight.message.member_id, self.world.now_ms()
        lock = self.locks.setdefault((index, offset), Lock())
        who = f"in-{index} {offset}: {member} got it"
        if lock.is_done:
            self.world.fail("a settled record is not given again", who)
        elif lock.member and not lock.may_go and lock.until_ms > now_ms:
            text = f"{who} while {lock.member} held it until {lock.until_ms}"
            self.world.fail("a share record has one holder", text)
        if deliveries > DELIVERIES_MAX:
            self.world.fail("deliveries have a limit", f"{who} for the {deliveries}th time")
        lock.member, lock.session, lock.may_go = member, self.owners[member], False
        lock.deliveries = max(lock.deliveries, deliveries)
        # It was taken between the arrival of the request and its answer.
        lock.until_ms = flight.handled_ms + LOCK_MS

    def disconnected(self, session: Session) -> None:
        for lock in self.locks.values():
            if lock.session is session:
                lock.member, lock.session = "", None

    def crashed(self) -> None:
        """Locks are kept by the process alone; what was not answered may or may not be settled."""
        for lock in self.locks.values():
            lock.member, lock.session = "", None


class Holder:
    """What a member of a consumer group may have, as far as the broker was told. seen_ms: when it was last heard of."""

    def __init__(self) -> None:
        self.owned: set[int] = set()
        self.epoch = 0
        self.seen_ms = 0


class Owners:
    """One owner for each partition of a group, in a generation as in an epoch."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.assigned: dict[tuple[str, int, int], str] = {}
        self.holders: dict[tuple[str, str], Holder] = {}
        # The newest generation whose members have their partitions, by classic group.
        self.generations: dict[str, int] = {}
        # Commits that come from members that should know better.
        self.stale: dict[Flight, str] = {}

    def committing(self, flight: Flight) -> None:
        """A commit, inside a transaction or not: whether the one who makes it lost its partitions before it arrived."""
        request = flight.message
        group, member = request.group_id, request.member_id
        is_transactional = isinstance(request, m.TxnOffsetCommitRequest)
        epoch = request.generation_id if is_transactional else request.generation_id_or_member_epoch
        if 0 <= epoch < self.generations.get(group, -1):
            self.stale[flight] = f"{member} of generation {epoch}, the group is at {self.generations[group]}"
        own = self.holders.get((group, member))
        indexes = {part.partition_index for topic in request.topics for part in topic.partitions}
        for (other_group, name), other in self.holders.items():
            lost = other.owned & indexes - (set() if own is None else own.owned)
            if other_group == group and name != member and lost and self._is_alive(other):
                self.stale[flight] = f"{member} for in-{sorted(lost)}, which {name} has"

    def committed(self, flight: Flight, answer: Any) -> None:
        codes = [part.error_code for topic in answer.topics for part in topic.partitions]
        if flight in self.stale and not any(codes):
            self.world.fail("only owners commit", self.stale[flight])

    def _is_alive(self, holder: Holder) -> bool:
        return self.world.now_ms() - holder.seen_ms < SESSION_MS

    def synced(self, flight: Flight, answer: Any) -> None:
        request = flight.message
        if answer.error_code:
            return
        # Only now it is written: a generation whose assignment was never stored may begin anew after a start.
        newest = self.generations.get(request.group_id, -1)
        self.generations[request.group_id] = max(newest, request.generation_id)
        for index in assigned_of(answer.assignment):
            owner = self.assigned.setdefault((request.group_id, request.generation_id, index), request.member_id)
            if owner != request.member_id:
                where = f"{request.group_id} generation {request.generation_id}: in-{index}"
                text = f"{where} of {owner} and {request.member_id}"
                self.world.fail("one owner of a partition", text)

    def heard(self, request: Any) -> None:
        """A member says what it has: all else is free."""
        holder = self.holders.get((request.group_id, request.member_id))
        if holder is not None:
            said = {index for topic in request.topic_partitions or () for index in topic.partitions}
            holder.owned &= said
            if request.member_epoch <= 0:
                holder.owned.clear()

    def beaten(self, flight: Flight, answer: Any) -> None:
        request = flight.message
        key = request.group_id, request.member_id
        if answer.error_code or request.member_epoch == -1:
            if answer.error_code in (E.FENCED_MEMBER_EPOCH, E.UNKNOWN_MEMBER_ID) or request.member_epoch == -1:
                self.holders.pop(key, None)
            return
        holder = self.holders.setdefault(key, Holder())
        if request.member_epoch > 0 and answer.member_epoch < holder.epoch:
            text = f"{request.member_id}: {answer.member_epoch} after {holder.epoch}"
            self.world.fail("member epochs grow", text)
        holder.epoch, holder.seen_ms = answer.member_epoch, flight.handled_ms
        if answer.assignment is None:
            return
        given = {index for topic in answer.assignment.topic_partitions for index in topic.partitions}
        for (group, member), other in self.holders.items():
            if group == key[0] and member != key[1] and self._is_alive(other) and other.owned & given:
                text = f"{group}: in-{sorted(other.owned & given)} given to {key[1]} while {member} has it"
                self.world.fail("one owner of a partition", text)
        holder.owned |= given


class Checks(Watcher):
    """All of them."""

    def __init__(self, world: World, book: Book) -> None:
        self.world = world
        self.book = book
        self.sharing = Sharing(world)
        self.owners = Owners(world)
        self.ends: dict[Place, tuple[int, int]] = {}
        # The newest epoch that was given to a transactional id, and with which producer id.
        self.epochs: dict[str, tuple[int, int]] = {}
        self.claims: dict[Flight, tuple[int, int]] = {}
        self.fenced: set[Flight] = set()
        self.commits = Commits(world)
        # What is looked at in the answer to each kind of request.
        self.looks: dict[Any, Callable[[Flight, Any], None]] = {
            m.ShareFetchRequest: self.sharing.replied,
            m.ShareAcknowledgeRequest: self.sharing.replied,
            m.FetchRequest: self._fetched,
            m.ProduceRequest: self._produced,
            m.InitProducerIdRequest: self._began,
            m.EndTxnRequest: self._began,
            m.SyncGroupRequest: self.owners.synced,
            m.ConsumerGroupHeartbeatRequest: self.owners.beaten,
            m.TxnOffsetCommitRequest: self.owners.committed,
            m.OffsetCommitRequest: self._committed,
            m.OffsetFetchRequest: self.commits.fetched,
        }

    def handled(self, flight: Flight) -> None:
        request = flight.message
        if isinstance(request, m.ShareFetchRequest | m.ShareAcknowledgeRequest):
            self.sharing.handled(flight)
        elif isinstance(request, m.ConsumerGroupHeartbeatRequest):
            self.owners.heard(request)
        elif isinstance(request, m.ProduceRequest) and request.transactional_id is not None:
            self._note_fenced(flight)
        elif isinstance(request, m.OffsetCommitRequest | m.TxnOffsetCommitRequest):
            self.owners.committing(flight)
            if isinstance(request, m.OffsetCommitRequest):
                self.commits.handled(flight)

    def replied(self, flight: Flight, answer: Any) -> None:
        look = self.looks.get(type(flight.message))
        if look is not None:
            look(flight, answer)

    def disconnected(self, session: Session) -> None:
        self.sharing.disconnected(session)

    def crashed(self, *, power_cut: bool) -> None:
        self.sharing.crashed()
        self.commits.crashed()
        self.fenced.clear()

    def _began(self, flight: Flight, answer: Any) -> None:
        name = flight.message.transactional_id
        if name is not None and not answer.error_code:
            now = answer.producer_id, answer.producer_epoch
            self.epochs[name] = max(now, self.epochs.get(name, now))

    def _committed(self, flight: Flight, answer: Any) -> None:
        self.owners.committed(flight, answer)
        self.commits.replied(flight, answer)

    def _note_fenced(self, flight: Flight) -> None:
        """A batch that arrives after its transactional id was given a newer epoch."""
        newest = self.epochs.get(flight.message.transactional_id)
        header = batch_header(flight.message)
        if newest is not None and (header.producer_id, header.producer_epoch) < newest:
            self.fenced.add(flight)

    def _produced(self, flight: Flight, answer: Any) -> None:
        for topic in answer.responses:
            for part in topic.partition_responses if flight in self.fenced else ():
                if not part.error_code and part.base_offset >= 0:
                    seen = self.book.at[topic.name, part.index]
                    value = batches_of(flight.message.topic_data[0].partition_data[0].records)[0].records[0][1]
                    # A repetition is answered with what it was answered before.
                    if seen.get(part.base_offset) != value:
                        self.world.fail("zombies are fenced", f"{flight.actor.name}: {value!r} at {part.base_offset}")

    def _fetched(self, flight: Flight, answer: Any) -> None:
        """Where the ends of a partition are, and that they move forward only."""
        request = flight.message
        for topic in answer.responses:
            for part in topic.partitions:
                if part.error_code:
                    continue
                place = topic.topic, part.partition_index
                high, stable = part.high_watermark, part.last_stable_offset
                before = self.ends.get(place, (0, 0))
                if high < before[0] or stable < before[1]:
                    self.world.fail("ends move forward", f"{place}: {(high, stable)} after {before}")
                if stable > high:
                    self.world.fail("what is stable is visible", f"{place}: {stable} > {high}")
                self.ends[place] = high, stable
                limit = stable if request.isolation_level else high
                last = max((batch.last for batch in batches_of(part.records)), default=-1)
                if last >= limit:
                    self.world.fail("a read ends where it may", f"{place}: {last} read, the end is {limit}")


class Commits:
    """Offsets that groups commit by OffsetCommit: what is found later is what was answered last, or asked since."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[tuple[str, int], set[int]] = {}
        self.pending: dict[Flight, None] = {}

    def handled(self, flight: Flight) -> None:
        self.pending[flight] = None

    def replied(self, flight: Flight, answer: Any) -> None:
        if flight not in self.pending:
            return
        codes = {part.partition_index: part.error_code for topic in answer.topics for part in topic.partitions}
        for index, offset in _committed(flight.message):
            if not codes[index]:
                # What arrived earlier is behind it.
                self.known[flight.message.group_id, index] = {offset}
        if not any(codes.values()):
            for other in list(self.pending):
                if other is flight:
                    break
                if other.message.group_id == flight.message.group_id:
                    self._let_go(other, set(codes))
                    del self.pending[other]
        del self.pending[flight]

    def crashed(self) -> None:
        """What was not answered may count."""
        for flight in self.pending:
            self._let_go(flight, set())
        self.pending.clear()

    def _let_go(self, flight: Flight, behind: set[int]) -> None:
        """Nobody will tell what became of it, which matters where no later commit is known. behind: where one is."""
        for index, offset in _committed(flight.message):
            if index not in behind:
                self.known.setdefault((flight.message.group_id, index), {-1}).add(offset)

    def fetched(self, flight: Flight, answer: Any) -> None:
        for group in answer.groups:
            if group.error_code or group.group_id != "group":
                continue
            for topic in group.topics:
                for part in topic.partitions:
                    allowed = set(self.known.get((group.group_id, part.partition_index), {-1}))
                    for flight in self.pending:
                        allowed |= {at for index, at in _committed(flight.message) if index == part.partition_index}
                    if not part.error_code and part.committed_offset not in allowed:
                        text = f"in-{part.partition_index}: {part.committed_offset}, expected one of {sorted(allowed)}"
                        self.world.fail("committed offsets stay", text)


def batch_header(request: Any) -> Any:
    return read_header(request.topic_data[0].partition_data[0].records)


def _committed(request: Any) -> list[tuple[int, int]]:
    return [(part.partition_index, part.committed_offset) for topic in request.topics for part in topic.partitions]


def _acks_of(request: Any) -> list[tuple[int, Any]]:
    assert request.group_id == SHARE_GROUP
    return [
        (part.partition_index, batch)
        for topic in request.topics
        for part in topic.partitions
        for batch in part.acknowledgement_batches
    ]
