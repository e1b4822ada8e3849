"""What the broker's part of a request costs: decode, handle, encode, for one record and for a larger batch.

    python bench/micro_broker.py

Prints nanoseconds of CPU per call, the best of several rounds: what the machine does otherwise is not in it. Files are
in memory, so write(2) is not in it either.
"""

from time import process_time_ns

from penstock.broker.session import Session
from penstock.protocol import messages
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.codec import decoder, encode, encoder
from penstock.records.batch import build
from penstock.records.record import Record
from penstock.testing.broker_in_memory import InMemoryBroker

ROUNDS = 7
CALLS = 20_000

Produce = messages.ProduceRequest
Fetch = messages.FetchRequest


def best_ns(call, calls: int = CALLS) -> float:
    """The fastest of several rounds: what the machine does otherwise only ever adds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = process_time_ns()
        for _ in range(calls):
            call()
        best = min(best, (process_time_ns() - began) / calls)
    return best


def report(name: str, ns: float) -> None:
    print(f"{name:<44} {ns:>10,.0f} ns")


def broker_with(**topics: int) -> InMemoryBroker:
    """topics: how many partitions each has."""
    broker = InMemoryBroker()
    create = messages.CreateTopicsRequest
    for name, partitions in topics.items():
        topic = create.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
        broker.request(create(topics=[topic], timeout_ms=1_000))
    return broker


def produce_case(version: int, values: list[bytes]) -> None:
    key = ApiKey.PRODUCE
    # A new one each time: what it keeps in memory should not be what the next case pays for.
    broker = broker_with(orders=1)
    batch = bytes(build([Record(None, value, (), broker.clock.now_ms()) for value in values]))
    topic = broker.broker.topics.by_name["orders"]
    request = Produce(
        transactional_id=None,
        acks=1,
        timeout_ms=1_000,
        topic_data=[
            Produce.TopicProduceData("orders", topic.topic_id, [Produce.PartitionProduceData(0, batch)]),
        ],
    )
    body = memoryview(bytearray(b"".join(bytes(part) for part in encode(request, version))))
    read, write = decoder(Produce, version), encoder(API[key].response, version)
    handle, session = broker.broker.handlers[key], Session()
    session.version = version
    now_ms = broker.clock.now_ms()

    def call() -> None:
        message, _ = read(body, 0)
        write(handle(message, session, now_ms).message, bytearray(8))

    def decode_only() -> None:
        read(body, 0)

    message, _ = read(body, 0)
    reply = handle(message, session, now_ms).message
    label = f"produce v{version}, {len(values)} x {len(values[0])} B"
    report(f"{label}: decode", best_ns(decode_only))
    report(f"{label}: handle", best_ns(lambda: handle(message, session, now_ms)))
    report(f"{label}: encode", best_ns(lambda: write(reply, bytearray(8))))
    report(f"{label}: all three", best_ns(call))


def fetch_case(broker: InMemoryBroker, version: int, partitions: int, idle: bool) -> None:
    """A consumer's steady state: an incremental fetch that names one partition of its session."""
    key = ApiKey.FETCH
    topic = broker.broker.topics.by_name["wide"]
    handle, session = broker.broker.handlers[key], Session()
    session.version = version
    parts = [
        Fetch.FetchPartition(partition=index, fetch_offset=1, partition_max_bytes=1 << 20)
        for index in range(partitions)
    ]
    wanted = Fetch.FetchTopic("wide", topic.topic_id, parts)
    first = handle(Fetch(session_epoch=0, max_bytes=1 << 20, topics=[wanted]), session, 0).message
    kept = broker.broker.fetch_sessions._by_id[first.session_id]
    step = Fetch.FetchTopic("wide", topic.topic_id, [Fetch.FetchPartition(0, -1, 1 if idle else 0, -1, -1, 1 << 20)])
    read, write = decoder(Fetch, version), encoder(API[key].response, version)

    def call() -> None:
        request = Fetch(session_id=first.session_id, session_epoch=kept.epoch, max_bytes=1 << 20, topics=[step])
        write(handle(request, session, 0).message, bytearray(9))

    body = memoryview(b"".join(bytes(part) for part in encode(Fetch(topics=[step]), version)))
    label = f"fetch v{version}, session of {partitions}, {'idle' if idle else 'one batch'}"
    report(f"{label}: decode", best_ns(lambda: read(body, 0), CALLS // 4))
    report(f"{label}: handle, encode", best_ns(call, max(200, CALLS // (4 * partitions))))


def main() -> None:
    for version in (9, 13):
        produce_case(version, [b"x" * 100])
    produce_case(13, [b"x" * 1_000] * 64)
    broker = broker_with(wide=5_000)
    batch = memoryview(build([Record(None, b"x" * 1_000, (), broker.clock.now_ms())]))
    for partition in broker.broker.topics.by_name["wide"].partitions:
        broker.broker.internal.append(partition, [(None, bytes(batch))], broker.clock.now_ms())
    for partitions in (1, 100, 5_000):
        fetch_case(broker, 17, partitions, idle=False)
        fetch_case(broker, 17, partitions, idle=True)


if __name__ == "__main__":
    main()
