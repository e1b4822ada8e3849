"""Fetch sessions (KIP-227): what a consumer fetches is kept here, so that it sends and is sent only what changed."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError

NO_SESSION = 0
FIRST_EPOCH = 0
NO_EPOCH = -1
_EPOCH_MAX = 2**31 - 1
# A session younger or more recently used than this is not evicted for another one.
# Source: MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS.
KEEP_MS = 120_000
# Partitions remembered in all sessions together, about 350 bytes each. Kafka bounds only the number of sessions.
PARTITIONS_MAX = 500_000
# From this version on a topic is named by its id.
TOPIC_ID_VERSION = 13

# A topic as the request names it (id from version 13 on, else name) and a partition index.
Key = tuple[Any, int]


class FetchedPartition:
    """One partition of a fetch: what is wanted of it and, in a session, what was answered last.

    topic: name or id, as the client names it; partition: None while there is none of that name; high_watermark and
    log_start: last answered, -1 so that the next answer is sent in any case.
    """

    __slots__ = (
        "high_watermark",
        "index",
        "last_epoch",
        "leader_epoch",
        "log_start",
        "max_bytes",
        "offset",
        "partition",
        "topic",
    )

    def __init__(self, topic: Any, wanted: Any) -> None:
        self.topic = topic
        self.index: int = wanted.partition
        self.partition: Partition | None = None
        self.high_watermark = -1
        self.log_start = -1
        self.want(wanted)

    def want(self, wanted: Any) -> None:
        """Takes over what a request (FetchPartition) asks."""
        self.offset: int = wanted.fetch_offset
        self.max_bytes: int = wanted.partition_max_bytes
        self.leader_epoch: int = wanted.current_leader_epoch
        self.last_epoch: int = wanted.last_fetched_epoch


class FetchSession:
    """One client's partitions in the order in which they are read: those that gave records go to the end.

    topics_version: that of `Topics` when the entries were last looked up; -1 to look them up again.
    """

    __slots__ = ("by_id", "created_ms", "entries", "epoch", "session_id", "topics_version", "used_ms")

    def __init__(self, session_id: int, by_id: bool, entries: dict[Key, FetchedPartition], now_ms: int) -> None:
        self.session_id = session_id
        self.by_id = by_id
        self.entries = entries
        self.epoch = FIRST_EPOCH + 1
        self.topics_version = -1
        self.created_ms = now_ms
        self.used_ms = now_ms

    def update(self, request: Any) -> int:
        """Takes over a request's changes: partitions added, moved on, forgotten. Gives how many more there are."""
        by_id, entries = self.by_id, self.entries
        before = len(entries)
        for wanted in request.topics:
            topic = wanted.topic_id if by_id else wanted.topic
            for part in wanted.partitions:
                entry = entries.get((topic, part.partition))
                if entry is None:
                    entries[(topic, part.partition)] = FetchedPartition(topic, part)
                    self.topics_version = -1
                else:
                    entry.want(part)
        for gone in request.forgotten_topics_data:
            topic = gone.topic_id if by_id else gone.topic
            for index in gone.partitions:
                entries.pop((topic, index), None)
        return len(entries) - before


class FetchContext:
    """How one Fetch is to be answered: its partitions, and whether only changes are sent.

    session: None outside of one; incremental: only what changed since the last answer is sent;
    epoch: that of the session for this request, so that an answer overtaken by a later request can be told.
    """

    __slots__ = ("by_id", "entries", "epoch", "incremental", "keep", "session")

    def __init__(
        self, by_id: bool, entries: dict[Key, FetchedPartition], session: FetchSession | None, keep: bool
    ) -> None:
        self.by_id = by_id
        self.entries = entries
        self.session = session
        self.incremental = session is not None
        self.epoch = session.epoch if session is not None else FIRST_EPOCH
        self.keep = keep


class FetchSessions:
    """The sessions of all clients, at most `slots` of them.

    Full: the one unused for two minutes longest goes, else one older than two minutes with fewer partitions than the
    new one; else the newcomer gets none and goes on sending whole requests. partitions: remembered in all of them.
    """

    __slots__ = ("_by_id", "dice", "evicted", "partitions", "partitions_max", "slots")

    def __init__(self, slots: int, dice: Callable[[int], bytes], partitions_max: int = PARTITIONS_MAX) -> None:
        self.slots = slots
        self.partitions_max = partitions_max
        self.partitions = 0
        self.dice = dice
        self.evicted = 0
        # In the order of use, least recent first.
        self._by_id: OrderedDict[int, FetchSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    def open(self, request: Any, version: int, now_ms: int) -> FetchContext | KafkaError:
        """What the request is part of. Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH,
        FETCH_SESSION_TOPIC_ID_ERROR.  Source: KIP-227, FetchManager.newContext.
        """
        by_id = version >= TOPIC_ID_VERSION
        epoch = request.session_epoch
        if epoch in (FIRST_EPOCH, NO_EPOCH):
            replaced = self._by_id.get(request.session_id)
            if replaced is not None:
                self._drop(replaced)
            return FetchContext(by_id, _entries(request, by_id), None, epoch == FIRST_EPOCH)
        session = self._by_id.get(request.session_id)
        if session is None:
            return KafkaError.FETCH_SESSION_ID_NOT_FOUND
        if session.epoch != epoch:
            return KafkaError.INVALID_FETCH_SESSION_EPOCH
        if session.by_id != by_id:
            return KafkaError.FETCH_SESSION_TOPIC_ID_ERROR
        if request.topics or request.forgotten_topics_data:
            self.partitions += session.update(request)
        if self.partitions > self.partitions_max:
            # The client then sends a whole request, which finds no place for a session.
            self._drop(session)
            return KafkaError.FETCH_SESSION_ID_NOT_FOUND
        if not session.entries:
            self._drop(session)
            return FetchContext(by_id, {}, None, False)
        session.used_ms = now_ms
        self._by_id.move_to_end(session.session_id)
        session.epoch = 1 if epoch == _EPOCH_MAX else epoch + 1
        return FetchContext(by_id, session.entries, session, True)

    def keep(self, context: FetchContext, now_ms: int) -> int:
        """Makes a session of a whole request that was answered; gives its id, 0 when there is no place."""
        size = len(context.entries)
        if not context.keep or self.partitions + size > self.partitions_max or not self._place_for(size, now_ms):
            return NO_SESSION
        session_id = self._new_id()
        self.partitions += size
        self._by_id[session_id] = FetchSession(session_id, context.by_id, context.entries, now_ms)
        return session_id

    def _place_for(self, size: int, now_ms: int) -> bool:
        if len(self._by_id) < self.slots:
            return True
        if not self._by_id:
            return False
        oldest = next(iter(self._by_id.values()))
        if now_ms - oldest.used_ms > KEEP_MS:
            return self._evict(oldest)
        settled = [session for session in self._by_id.values() if now_ms - session.created_ms > KEEP_MS]
        smallest = min(settled, key=lambda session: len(session.entries), default=None)
        if smallest is None or len(smallest.entries) >= size:
            return False
        return self._evict(smallest)

    def _evict(self, session: FetchSession) -> bool:
        self._drop(session)
        self.evicted += 1
        return True

    def _drop(self, session: FetchSession) -> None:
        del self._by_id[session.session_id]
        self.partitions -= len(session.entries)

    def _new_id(self) -> int:
        while True:
            session_id = int.from_bytes(self.dice(4), "big") & 0x7FFFFFFF
            if session_id != NO_SESSION and session_id not in self._by_id:
                return session_id


def _entries(request: Any, by_id: bool) -> dict[Key, FetchedPartition]:
    """A whole request's partitions; one named twice counts as named last, in its first place."""
    entries = {}
    for wanted in request.topics:
        topic = wanted.topic_id if by_id else wanted.topic
        for part in wanted.partitions:
            entries[(topic, part.partition)] = FetchedPartition(topic, part)
    return entries
