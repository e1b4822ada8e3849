"""Requests that repeat an earlier one of their connection: a producer's next batch, a reader's next offset.

All but a batch or an offset is then the same, byte for byte, as is all but a few numbers of the reply. What was learnt
from a request that went the long way is kept under the bytes before the batch or the offset, so that nothing else is
decoded again and no reply is composed again. Whatever does not fit goes the long way.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

from penstock.broker.apis.fetch import Fetch, single_fetch
from penstock.broker.apis.produce import Produce, single_batch
from penstock.broker.session import Session
from penstock.broker.topics import ServedTopic
from penstock.kit.files import FileSlice
from penstock.kit.refusal import Refused
from penstock.kit.varint import decode_unsigned, encode_unsigned
from penstock.log.partition import Partition
from penstock.log.results import Appended
from penstock.protocol import messages

Encode = Callable[[int, Any], list[Any]]

# Partitions remembered of a connection, some 600 bytes each; one that speaks of more at random gains nothing by it.
KNOWN_MAX = 64
# What may be kept of one request: racks, forgotten topics and unknown tags may be of any size.
KEPT_BYTES_MAX = 1_024
# So often is anything learnt on one connection, at a third of the price of a request.
LEARNT_MAX = 4_096
# The first versions with compact lengths and tagged fields.
PRODUCE_VERSION_MIN = 9
FETCH_VERSION_MIN = 12

_NO_TAGS = b"\0\0\0"
# What comes after the bytes that repeat: a length of at most five bytes, or an offset, and something else.
_REST_MIN = 9
_CORRELATION_AT = 4
_pack_int32 = Struct(">i").pack_into
_THREE = Struct(">qqq")
_pack_three = _THREE.pack_into
_unpack_int64 = Struct(">q").unpack_from
# Offset, epoch, log start and size of a fetched partition, as they follow each other from version 12 on.
_FETCHED = Struct(">qiqi")
# Numbers that nothing else in a reply looks like, to find out where they go.
_MARKS = (0x7E5A11C3D2B4960F, 0x6B3D5F7791A2C4E8, 0x59E7A3B1C5D2F486)


class Memory:
    """What one connection's requests of one API had in common. size: bytes that repeat; version: of the API."""

    __slots__ = ("known", "learnt", "size", "version")

    def __init__(self) -> None:
        self.known: dict[bytes, Any] = {}
        self.size = 0
        self.version = -1
        self.learnt = 0

    def keep(self, repeated: bytes, version: int, known: Any) -> None:
        if len(repeated) != self.size or version != self.version:
            self.known.clear()
            self.size, self.version = len(repeated), version
        if len(self.known) < KNOWN_MAX or repeated in self.known:
            self.learnt += 1
            self.known[repeated] = known


class Repeated(Protocol):
    """One API in one version."""

    def answer(
        self, view: memoryview, start: int, end: int, correlation_id: int, session: Session, now_ms: int
    ) -> list[Any] | None:
        """The parts of the reply's frame to the body in view[start:end]; None when it has to go the long way."""
        ...

    def learn(self, view: memoryview, start: int, end: int, request: Any, session: Session) -> None:
        """Looks at a body that went the long way, and was answered at once, for what may repeat."""
        ...


class KnownProduce:
    """A partition that is produced to. reply: the whole frame, numbers_at: where its three numbers go."""

    __slots__ = ("index", "numbers_at", "reply", "topic", "topics_version", "wanted")

    def __init__(self, topic: ServedTopic, index: int, wanted: Any, reply: bytes, topics_version: int) -> None:
        self.topic = topic
        self.index = index
        self.wanted = wanted
        self.reply = reply
        self.numbers_at = reply.index(_THREE.pack(*_MARKS))
        self.topics_version = topics_version


class RepeatedProduce:
    """One batch for one partition, outside of a transaction, where no disk is waited for."""

    __slots__ = ("encode", "produce", "topics", "version")

    def __init__(self, produce: Produce, encode: Encode, version: int) -> None:
        self.produce = produce
        self.topics = produce.topics
        self.encode = encode
        self.version = version

    def answer(
        self, view: memoryview, start: int, end: int, correlation_id: int, session: Session, now_ms: int
    ) -> list[Any] | None:
        memory: Memory | None = session.produced
        if memory is None or memory.version != self.version:
            return None
        begin = start + memory.size
        known = memory.known.get(bytes(view[start:begin]))
        if known is None or end - begin < _REST_MIN:
            return None
        topic = known.topic
        if topic.durable or known.topics_version != self.topics.version:
            return None
        size = view[begin]
        begin += 1
        if size > 127:
            more = view[begin]
            if more < 128:
                size += (more << 7) - 128
                begin += 1
            else:
                size, begin = decode_unsigned(view, begin - 1)
        stop = begin + size - 1
        if size < 2 or stop + len(_NO_TAGS) != end or view[stop:end] != _NO_TAGS:
            return None
        done = self.produce.store(topic, known.index, view[begin:stop], session, now_ms)
        if type(done) is not Appended:
            return self.encode(correlation_id, self.produce.reply_to_one(known.wanted, done))
        reply = bytearray(known.reply)
        _pack_int32(reply, _CORRELATION_AT, correlation_id)
        _pack_three(reply, known.numbers_at, done.base_offset, done.log_append_time_ms, done.log_start)
        return [reply]

    def learn(self, view: memoryview, start: int, end: int, request: Any, session: Session) -> None:
        memory: Memory | None = session.produced
        if memory is None:
            memory = session.produced = Memory()
        if memory.learnt >= LEARNT_MAX:
            return
        found = single_batch(self.produce, request, session)
        if found is None or view[end - len(_NO_TAGS) : end] != _NO_TAGS:
            return
        topic, wanted, part = found
        size = len(part.records)
        if end - start - size > KEPT_BYTES_MAX:
            return
        length_at = end - len(_NO_TAGS) - size - len(encode_unsigned(size + 1))
        answer = messages.ProduceResponse.PartitionProduceResponse(part.index, 0, *_MARKS)
        reply = b"".join(self.encode(0, self.produce.reply_to_one(wanted, answer)))
        # Only what names the topic: the request's records would keep the whole frame in memory.
        named = messages.ProduceRequest.TopicProduceData(name=wanted.name, topic_id=wanted.topic_id)
        known = KnownProduce(topic, part.index, named, reply, self.topics.version)
        memory.keep(bytes(view[start:length_at]), self.version, known)


class KnownFetch:
    """A partition that is fetched. head: the frame up to the length of the records, tail: from their end on;
    rest: the body after the offset; min_bytes: 0 when the client does not wait.
    """

    __slots__ = (
        "counters",
        "head",
        "leader_epoch",
        "max_bytes",
        "min_bytes",
        "numbers_at",
        "partition",
        "rest",
        "tail",
        "topics_version",
    )

    def __init__(self, partition: Partition, topic: ServedTopic, rest: bytes, topics_version: int) -> None:
        self.partition = partition
        self.counters = topic.counters
        self.rest = rest
        self.topics_version = topics_version
        self.leader_epoch = self.max_bytes = self.min_bytes = 0
        self.head = self.tail = b""
        self.numbers_at = 0

    def ask(self, request: Any, part: Any, broker_max_bytes: int) -> None:
        """Takes over the limits of a request."""
        max_bytes = min(request.max_bytes, broker_max_bytes)
        self.max_bytes = min(part.partition_max_bytes, max_bytes)
        self.min_bytes = min(request.min_bytes, max_bytes) if request.max_wait_ms > 0 else 0
        self.leader_epoch = part.current_leader_epoch

    def answer_with(self, head: bytes, tail: bytes) -> None:
        """Takes over the frame around a single byte of records: their length is the last byte before them."""
        self.head, self.tail = head[:-1], tail
        self.numbers_at = head.index(_THREE.pack(*_MARKS))


class RepeatedFetch:
    """One partition, outside of a session, all of it readable, with enough there to answer at once."""

    __slots__ = ("encode", "fetch", "topics", "version")

    def __init__(self, fetch: Fetch, encode: Encode, version: int) -> None:
        self.fetch = fetch
        self.topics = fetch.topics
        self.encode = encode
        self.version = version

    def answer(
        self, view: memoryview, start: int, end: int, correlation_id: int, session: Session, now_ms: int
    ) -> list[Any] | None:
        memory: Memory | None = session.fetched
        if memory is None or memory.version != self.version:
            return None
        begin = start + memory.size
        known = memory.known.get(bytes(view[start:begin]))
        if known is None or end - begin < _REST_MIN or view[begin + 8 : end] != known.rest:
            return None
        partition = known.partition
        if known.topics_version != self.topics.version or 0 <= known.leader_epoch != partition.leader_epoch:
            return None
        plan = partition.read_plan(_unpack_int64(view, begin)[0], known.max_bytes, False, True)
        if type(plan) is Refused or plan.slice.size < known.min_bytes:
            return None
        data, high_watermark, last_stable_offset, log_start = plan
        size = data.size
        known.counters.bytes_out.value += size
        head = known.head + encode_unsigned(size + 1)
        frame_size = len(head) + size + len(known.tail) - 4
        reply = bytearray(head)
        _pack_int32(reply, 0, frame_size)
        _pack_int32(reply, _CORRELATION_AT, correlation_id)
        _pack_three(reply, known.numbers_at, high_watermark, last_stable_offset, log_start)
        return [reply, data, known.tail] if size else [reply, known.tail]

    def learn(self, view: memoryview, start: int, end: int, request: Any, session: Session) -> None:
        memory: Memory | None = session.fetched
        if memory is None:
            memory = session.fetched = Memory()
        if memory.learnt >= LEARNT_MAX:
            return
        found = single_fetch(self.fetch, request, session)
        if found is None or end - start > KEPT_BYTES_MAX:
            return
        topic, partition, part = found
        body = bytes(view[start:end])
        place = _FETCHED.pack(
            part.fetch_offset, part.last_fetched_epoch, part.log_start_offset, part.partition_max_bytes
        )
        if body.count(place) != 1:
            return
        at = body.index(place)
        known = KnownFetch(partition, topic, body[at + 8 :], self.topics.version)
        known.ask(request, part, self.fetch.max_bytes)
        a_byte = FileSlice(None, 0, 1)
        answer = messages.FetchResponse.PartitionData(part.partition, 0, *_MARKS, None, None, None, None, -1, a_byte)
        head, _, *tail = self.encode(0, self.fetch.reply_to_one(request.topics[0], answer))
        known.answer_with(bytes(head), b"".join(tail))
        memory.keep(body[:at], self.version, known)
