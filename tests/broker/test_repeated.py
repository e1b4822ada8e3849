"""Requests that repeat others are answered as if they went the long way, byte for byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.broker.apis.repeated import KEPT_BYTES_MAX, KNOWN_MAX
from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.broker.topics import ServedTopic
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.codec import decode, encode
from penstock.server.routes import reply_encoder
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import batch, create, produce_request

Produce, Fetch = messages.ProduceRequest, messages.FetchRequest
PARTITIONS = 3


class Client:
    """One connection to a broker of its own; `short` counts what repeated an earlier request."""

    def __init__(self, is_short: bool) -> None:
        self.broker = InMemoryBroker()
        self.session = Session()
        self.is_short = is_short
        self.short = 0
        create(self.broker, "orders", PARTITIONS)
        create(self.broker, "payments-of-today", PARTITIONS)

    def topic(self, name: str) -> ServedTopic | None:
        return self.broker.broker.topics.by_name.get(name)

    def ask(self, key: int, version: int, body: bytes, correlation_id: int) -> bytes | str:
        """The frame of the reply, or what else became of it."""
        broker, session = self.broker.broker, self.session
        session.version = version
        now_ms = self.broker.clock.now_ms()
        encode_reply = reply_encoder(key, version)
        view = memoryview(bytearray(b"head" + body + b"next request"))
        start, end = 4, 4 + len(body)
        served = broker.served[key]
        repeated = None
        if self.is_short and version >= served.repeated_min:
            repeated = served.repeated(broker, encode_reply, version)
            parts = repeated.answer(view, start, end, correlation_id, session, now_ms)
            if parts is not None:
                self.short += 1
                return joined(parts)
        request, _ = decode(Produce if key == ApiKey.PRODUCE else Fetch, version, view[start:end])
        outcome = broker.handlers[key](request, session, now_ms)
        if type(outcome) is not Reply:
            return type(outcome).__name__
        if repeated is not None:
            repeated.learn(view, start, end, request, session)
        return joined(encode_reply(correlation_id, outcome.message))


def joined(parts) -> bytes:
    return b"".join(part.read() if hasattr(part, "read") else bytes(part) for part in parts)


def body_of(message, version: int) -> bytes:
    return b"".join(map(bytes, encode(message, version)))


BATCHES = [
    batch(b"a"),
    batch(b"b", b"c"),
    batch(b"x" * 100),
    batch(b"x" * 20_000),
    batch(b"damaged")[:-1] + b"?",
    batch(b"cut off")[:-1],
    b"",
]

# Few of everything, so that requests do repeat.
names = st.sampled_from(["orders", "orders", "orders", "payments-of-today"])
indexes = st.sampled_from([0, 0, 0, 1, PARTITIONS])
produces = st.builds(
    lambda version, topic, index, data, acks, transactional_id: (
        "produce",
        version,
        topic,
        index,
        data,
        acks,
        transactional_id,
    ),
    st.sampled_from([3, 9, 12, 12, 12, 13]),
    names,
    indexes,
    st.sampled_from(BATCHES),
    st.sampled_from([1, 1, 1, -1, 0, 5]),
    st.sampled_from([None, None, None, "t"]),
)
fetches = st.builds(
    lambda version, topic, index, offset, size, waiting, epoch: (
        "fetch",
        version,
        topic,
        index,
        offset,
        size,
        waiting,
        epoch,
    ),
    st.sampled_from([4, 12, 12, 12, 13, 18]),
    names,
    indexes,
    st.integers(-1, 6),
    st.sampled_from([10, 1 << 20, 1 << 20]),
    st.sampled_from([(0, 0), (500, 1), (500, 300), (500, 300)]),
    st.sampled_from([(-1, -1), (-1, -1), (0, -1), (7, -1), (-1, 0)]),
)
changes = st.sampled_from([("delete",), ("create",), ("again",), ("retention",), ("more partitions",)])
steps = st.lists(st.tuples(st.integers(1, 3), produces | fetches | fetches | changes), max_size=25)


def make(client: Client, step) -> tuple[int, int, bytes]:
    """(API key, version, body) of a produce or fetch step, as `client`'s broker names the topic."""
    kind, version, name, index, *rest = step
    topic = client.topic(name)
    topic_id = topic.topic_id if topic is not None else b"\7" * 16
    if kind == "produce":
        data, acks, transactional_id = rest
        request = produce_request((name, index, data), acks=acks)
        request.transactional_id = transactional_id
        request.topic_data[0].topic_id = topic_id
        return ApiKey.PRODUCE, version, body_of(request, version)
    offset, size, (wait_ms, min_bytes), (epoch, last_epoch) = rest
    wanted = Fetch.FetchPartition(
        partition=index,
        fetch_offset=offset,
        partition_max_bytes=size,
        current_leader_epoch=epoch if version >= 9 else -1,
        last_fetched_epoch=last_epoch if version >= 12 else -1,
    )
    request = Fetch(
        max_wait_ms=wait_ms,
        min_bytes=min_bytes,
        session_epoch=-1,
        topics=[Fetch.FetchTopic(topic=name, topic_id=topic_id, partitions=[wanted])],
    )
    return ApiKey.FETCH, version, body_of(request, version)


def change(client: Client, what: str) -> None:
    broker = client.broker
    if what in ("delete", "again"):
        broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)
    if what in ("create", "again") and client.topic("orders") is None:
        create(broker, "orders", PARTITIONS)
    elif what == "retention":
        for topic in filter(None, map(client.topic, ("orders", "payments-of-today"))):
            topic.partitions[0].delete_records_before(-1)
    elif what == "more partitions" and client.topic("orders") is not None:
        more = messages.CreatePartitionsRequest
        count = len(client.topic("orders").partitions) + 1
        broker.request(more(topics=[more.CreatePartitionsTopic("orders", count, None)], timeout_ms=1_000))


@settings(max_examples=300, deadline=None)
@given(steps)
def test_the_short_way_answers_what_the_long_one_does(plan):
    short, long = Client(is_short=True), Client(is_short=False)
    correlation_id = 0

    for times, step in plan:
        if len(step) == 1:
            change(short, *step)
            change(long, *step)
            continue
        for _ in range(times):
            correlation_id += 1
            assert short.ask(*make(short, step), correlation_id) == long.ask(*make(long, step), correlation_id)


def test_the_second_batch_goes_the_short_way():
    client = Client(is_short=True)

    for correlation_id, value in enumerate([b"a", b"bb", b"c" * 200, b"d" * 20_000]):
        client.ask(*make(client, ("produce", 12, "orders", 1, batch(value), 1, None)), correlation_id)

    assert client.short == 3
    assert client.topic("orders").partitions[1].next_offset == 4


def test_the_second_fetch_goes_the_short_way():
    client = Client(is_short=True)
    for correlation_id in range(4):
        client.ask(*make(client, ("produce", 12, "orders", 1, batch(b"a"), 1, None)), correlation_id)
    before = client.short

    replies = [
        client.ask(*make(client, ("fetch", 12, "orders", 1, offset, 1 << 20, (500, 1), (-1, -1))), 9)
        for offset in range(4)
    ]

    assert client.short - before == 3
    answers = [decode(messages.FetchResponse, 12, reply[9:])[0].responses[0].partitions[0] for reply in replies]
    assert [answer.high_watermark for answer in answers] == [4] * 4
    assert [len(answer.records) for answer in answers] == sorted((len(a.records) for a in answers), reverse=True)


def test_what_a_connection_may_make_us_remember_is_bounded():
    client = Client(is_short=True)
    create(client.broker, "wide", 2 * KNOWN_MAX)

    for index in range(2 * KNOWN_MAX):
        client.ask(*make(client, ("produce", 12, "wide", index, batch(b"a"), 1, None)), index)

    assert len(client.session.produced.known) == KNOWN_MAX


def test_a_topic_created_anew_is_not_taken_for_the_one_that_was_learnt():
    client = Client(is_short=True)
    put = ("produce", 12, "orders", 0, batch(b"old"), 1, None)
    get = ("fetch", 12, "orders", 0, 0, 1 << 20, (0, 0), (-1, -1))
    for step in (put, put, get, get):
        client.ask(*make(client, step), 1)
    assert client.short == 2

    change(client, "again")
    answer = decode(messages.FetchResponse, 12, client.ask(*make(client, get), 2)[9:])[0].responses[0].partitions[0]

    assert client.short == 2
    assert (answer.error_code, answer.high_watermark, answer.records) == (0, 0, b"")


def test_a_fetch_that_finds_too_little_waits_as_ever():
    client = Client(is_short=True)
    for value in (b"x" * 20_000, b"a"):
        client.ask(*make(client, ("produce", 12, "orders", 0, batch(value), 1, None)), 1)

    replies = [
        client.ask(*make(client, ("fetch", 12, "orders", 0, offset, 1 << 20, (500, 300), (-1, -1))), 2)
        for offset in (0, 0, 1, 2)
    ]

    assert client.short == 2
    assert replies[2:] == ["Wait", "Wait"]


def test_the_same_bytes_in_another_version_are_learnt_anew():
    client = Client(is_short=True)
    step = ("orders", 0, batch(b"a"), 1, None)

    replies = [client.ask(*make(client, ("produce", version, *step)), 1) for version in (9, 10, 9, 10, 10)]

    assert client.short == 1
    for version, reply in zip((9, 10, 9, 10, 10), replies, strict=True):
        _, end = decode(messages.ProduceResponse, version, reply[9:])
        assert end == len(reply) - 9


def test_no_request_is_kept_in_memory():
    client = Client(is_short=True)
    _, version, body = make(client, ("produce", 12, "orders", 0, batch(b"x" * 20_000), 1, None))
    get = Fetch(
        session_epoch=-1, topics=[Fetch.FetchTopic("orders", partitions=[Fetch.FetchPartition(fetch_offset=0)])]
    )
    get.rack_id = "r" * KEPT_BYTES_MAX

    client.ask(ApiKey.PRODUCE, version, body, 1)
    client.ask(ApiKey.FETCH, 12, body_of(get, 12), 2)

    (known,) = client.session.produced.known.values()
    assert known.wanted.partition_data == []
    assert client.session.fetched.known == {}
