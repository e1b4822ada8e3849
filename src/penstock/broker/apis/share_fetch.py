"""ShareFetch: records for a member of a share group, its own until it says what became of them, or for some time.

Source: ShareFetchRequest v1-2, KIP-932, KIP-1206 (record limit), KIP-1222 (renewal).
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply, Wait
from penstock.broker.session import Session
from penstock.broker.share.acks import Acknowledged, acknowledge_all, acks_of
from penstock.broker.share.partitions import LiveShare
from penstock.broker.share.reading import READ_COMMITTED, Found, Share, read
from penstock.broker.share.sessions import FINAL_EPOCH, FIRST_EPOCH, Place, ShareSession
from penstock.coordinate.share.acquire import Want
from penstock.coordinate.share.store import ShareKey
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ShareFetchResponse = messages.ShareFetchResponse
TopicAnswer = ShareFetchResponse.ShareFetchableTopicResponse
PartitionAnswer = ShareFetchResponse.PartitionData
AcquiredRecords = ShareFetchResponse.AcquiredRecords
Leader = ShareFetchResponse.LeaderIdAndEpoch

ACQUIRE_MODES = BATCH_OPTIMIZED, RECORD_LIMIT = (0, 1)
_NOTHING_DONE = Acknowledged({}, [])
# How often one request looks behind records of aborted transactions before it is answered without any.
_ROUNDS_MAX = 50


class ShareFetch:
    """The handler of one broker."""

    __slots__ = ("broker",)

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Acknowledgements first, then records: at once, or as soon as there are some that nobody holds."""
        broker, group_id, member_id = self.broker, request.group_id, request.member_id
        acks = acks_of(request)
        if _is_invalid(request, bool(acks)):
            return Reply(ShareFetchResponse(error_code=KafkaError.INVALID_REQUEST))
        share_session = self._session(request, session)
        if isinstance(share_session, KafkaError):
            return Reply(ShareFetchResponse(error_code=share_session))
        done = _NOTHING_DONE
        if acks:
            done = acknowledge_all(broker, group_id, member_id, acks, request.is_renew_ack, now_ms)
        poll = SharePoll(broker, request, share_session, done)
        if request.share_session_epoch == FINAL_EPOCH:
            written = done.written + broker.end_share_session(share_session, now_ms)
            return broker.internal.when_on_disk(written, poll.reply())
        if request.max_records <= 0 or request.is_renew_ack:
            return broker.internal.when_on_disk(done.written, poll.reply())
        answer = poll.ready()
        if answer is None and request.max_wait_ms > 0 and share_session.places:
            safe = broker.internal.when_on_disk(done.written, Reply(None))
            if isinstance(safe, Wait):
                ready = partial(poll.acknowledged, safe.ready)
                return safe._replace(ready=ready, expired=ready)
            return Wait(poll.watched(), now_ms + request.max_wait_ms, poll.ready, poll.expired, poll.woken.add)
        return broker.internal.when_on_disk(done.written, answer or poll.expired())

    def _session(self, request: Any, session: Session) -> ShareSession | KafkaError:
        sessions, epoch = self.broker.share_sessions, request.share_session_epoch
        wanted = _places(request.topics)
        if epoch == FIRST_EPOCH:
            before = sessions.get(request.group_id, request.member_id)
            if before is not None:
                sessions.close(before)
            return sessions.open(request.group_id, request.member_id, session, wanted)
        found = sessions.use(request.group_id, request.member_id, epoch)
        if isinstance(found, ShareSession) and epoch != FINAL_EPOCH:
            sessions.change(found, wanted, _forgotten(request.forgotten_topics_data))
        return found


class SharePoll:
    """One ShareFetch from its first look to its answer.

    found: what was acquired or failed, by partition; is_open: nothing was read yet; epoch: that of the session after
    this request, so that an answer overtaken by a later request can be told; by_log: the place of each log that is
    watched; woken: what was said to have changed since the last look.
    """

    __slots__ = ("acked", "broker", "by_log", "epoch", "found", "is_open", "request", "session", "want", "woken")

    def __init__(self, broker: "Broker", request: Any, session: ShareSession, acked: Acknowledged) -> None:
        self.broker = broker
        self.request = request
        self.session = session
        self.epoch = session.epoch
        self.acked = acked
        self.found: dict[Place, Found | KafkaError] = {}
        self.by_log: dict[Hashable, Place] = {}
        self.woken: set[Hashable] = set()
        self.is_open = True
        strict = request.share_acquire_mode == RECORD_LIMIT
        self.want = Want(request.member_id, request.max_records, request.batch_size, strict)

    def watched(self) -> frozenset[Any]:
        """Growing logs, and records that come back."""
        lives = self._lives(self.session.places, self.broker.clock.now_ms())
        self.by_log = {live.log: place for place, live in lives}
        return frozenset((*(live for _, live in lives), *self.by_log))

    def ready(self) -> Reply | None:
        """The reply once there is enough to acquire. A failure waits like nothing at all: asking again at once would
        not mend it.
        """
        if not self.is_open or self._is_stale():
            return self.reply()
        for _ in range(_ROUNDS_MAX):
            if not self._is_enough():
                return None
            self.read()
            found = [found for found in self.found.values() if isinstance(found, Found)]
            if any(one.acquired for one in found):
                return self.reply()
            self.is_open = True
            # What nobody may see is out of the way now, there may be more behind it.
            if not any(one.aborted for one in found):
                return None
        # There is a lot of it: others have their turn before the member asks again.
        return self.reply()

    def _is_enough(self) -> bool:
        """Whether min_bytes of records can be acquired; such as came back are enough whatever their size."""
        config = self.broker.shares.config(self.session.group_id)
        locks_max, committed = config.partition_max_record_locks, config.isolation_level == READ_COMMITTED
        size, min_bytes = 0, int(self.request.min_bytes)
        for _, live in self._lives(self._changed(), self.broker.clock.now_ms()):
            if live.machine.can_acquire(locks_max):
                offset, log = live.machine.fetch_offset(), live.log
                end = log.last_stable_offset if committed else log.high_watermark
                if offset < min(end, live.machine.next):
                    return True
                if offset < end:
                    size += log.bytes_after(offset, committed)
        return 0 < size >= min_bytes

    def acknowledged(self, on_disk: Callable[[], Reply | None]) -> Any:
        """The answer once `on_disk` gives one, with what there is by then: acknowledgements are told without delay,
        and not before they count. None and a Hangup pass through.
        """
        done = on_disk()
        return self.expired() if isinstance(done, Reply) else done

    def expired(self) -> Reply:
        if self.is_open and not self._is_stale():
            self.read()
        return self.reply()

    def read(self) -> None:
        """Acquires what there is, up to the limits of the request; partitions take turns in who comes first."""
        self.is_open = False
        self.found = {}
        broker, now_ms = self.broker, self.broker.clock.now_ms()
        config = broker.shares.config(self.session.group_id)
        lives = self._lives(self.session.places, now_ms)
        able = [(place, live) for place, live in lives if live.machine.can_acquire(config.partition_max_record_locks)]
        left = self.want.records_max
        for place, live in able:
            share = Share(self.request.max_bytes // len(able), config, now_ms)
            found = read(live, self.want._replace(records_max=left), share, must_give_one=not self._has_records())
            # Whatever came of it: records may be acquired, and their lock must end.
            broker.shares.watch(live)
            if isinstance(found, Refused):
                self.found[place] = KafkaError(found.error)
                continue
            self.found[place] = found
            if found.aborted:
                broker.shares.change(live, live.machine.archive(found.aborted), now_ms)
            left -= sum(piece.last - piece.first + 1 for piece in found.acquired)
            if left <= 0:
                break

    def reply(self) -> Reply:
        """With every partition that has something to tell; the first answer of a session names all of them."""
        if self._is_stale():
            return Reply(ShareFetchResponse(error_code=KafkaError.INVALID_SHARE_SESSION_EPOCH))
        places = dict.fromkeys(self.acked.results)
        if self.request.max_records > 0 and self.request.share_session_epoch == FIRST_EPOCH:
            places |= dict.fromkeys(self.session.places)
        places |= {place: None for place, found in self.found.items() if not isinstance(found, Found) or found.acquired}
        topics: dict[bytes, Any] = {}
        for place in places:
            topic = topics.setdefault(place.topic_id, TopicAnswer(place.topic_id, []))
            topic.partitions.append(self._partition(place))
        timeout_ms = self.broker.shares.config(self.session.group_id).record_lock_duration_ms
        return Reply(ShareFetchResponse(acquisition_lock_timeout_ms=timeout_ms, responses=list(topics.values())))

    def _partition(self, place: Place) -> Any:
        found, ack = self.found.get(place), self.acked.results.get(place)
        records: Any = found.records if isinstance(found, Found) else b""
        acquired = found.acquired if isinstance(found, Found) else []
        if len(records):
            topic = self.broker.topics.by_id.get(place.topic_id)
            if topic is not None:
                topic.counters.bytes_out.value += len(records)
        return PartitionAnswer(
            partition_index=place.partition,
            error_code=found if isinstance(found, KafkaError) else 0,
            acknowledge_error_code=0 if ack is None else ack.error,
            acknowledge_error_message=None if ack is None else ack.message or None,
            current_leader=Leader(0, 0),
            records=records,
            acquired_records=[AcquiredRecords(*piece) for piece in acquired],
        )

    def _has_records(self) -> bool:
        return any(isinstance(found, Found) and len(found.records) for found in self.found.values())

    def _is_stale(self) -> bool:
        """Whether the member went on without waiting for this answer: records acquired now would reach nobody."""
        if self.request.share_session_epoch == FINAL_EPOCH:
            return False
        current = self.broker.share_sessions.get(self.session.group_id, self.session.member_id)
        return current is not self.session or current.epoch != self.epoch

    def _changed(self) -> Iterable[Place]:
        """The partitions to look at: all at first, then those whose log has grown. Where sizes are to be added up, or
        records came back, all again.
        """
        woken = set(self.woken)
        self.woken.clear()
        if self.request.min_bytes > 1 or not woken or not woken <= self.by_log.keys():
            return self.session.places
        return [self.by_log[key] for key in woken]

    def _lives(self, places: Iterable[Place], now_ms: int) -> list[tuple[Place, LiveShare]]:
        """The share partitions at `places`; those that cannot be had are noted in `found`."""
        lives = []
        for place in _turned(list(places), self.epoch):
            found = self.broker.shares.get(ShareKey(self.session.group_id, *place), now_ms)
            if isinstance(found, LiveShare):
                lives.append((place, found))
            elif place.topic_id not in self.broker.topics.by_id:
                self.found[place] = KafkaError.UNKNOWN_TOPIC_ID
            else:
                self.found[place] = found
        return lives


def _turned(places: list[Place], by: int) -> Sequence[Place]:
    start = by % len(places) if places else 0
    return places[start:] + places[:start]


def _is_invalid(request: Any, has_acks: bool) -> bool:
    if not request.group_id or not request.member_id or request.share_acquire_mode not in ACQUIRE_MODES:
        return True
    if request.share_session_epoch == FIRST_EPOCH and has_acks:
        return True
    # A member that renews is not ready for more.
    return request.is_renew_ack and any(
        (request.max_wait_ms, request.min_bytes, request.max_bytes, request.max_records)
    )


def _places(topics: Iterable[Any]) -> list[Place]:
    return [Place(topic.topic_id, part.partition_index) for topic in topics for part in topic.partitions]


def _forgotten(topics: Iterable[Any]) -> list[Place]:
    return [Place(topic.topic_id, index) for topic in topics for index in topic.partitions]
