"""Requests in short: what a test says in one line, sent as whole Kafka messages."""

from typing import Any

from penstock.protocol import messages
from penstock.records.batch import build, walk
from penstock.records.record import Record, decode_records
from penstock.testing.broker_in_memory import Exchange, InMemoryBroker

CreateTopics = messages.CreateTopicsRequest
Produce = messages.ProduceRequest
Fetch = messages.FetchRequest
ListOffsets = messages.ListOffsetsRequest
Metadata = messages.MetadataRequest

FETCH_BY_NAME = 12


def create(broker: InMemoryBroker, name: str = "orders", partitions: int = 1, **configs: str) -> bytes:
    """Creates a topic and gives its id. configs: `_` for `.`."""
    wanted = CreateTopics.CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=1,
        configs=[CreateTopics.CreatableTopicConfig(key.replace("_", "."), value) for key, value in configs.items()],
    )
    answer = broker.request(CreateTopics(topics=[wanted], timeout_ms=1_000)).topics[0]
    assert answer.error_code == 0, answer
    return answer.topic_id


def batch(*values: bytes, key: bytes | None = b"k", timestamp_ms: int = 1_700_000_000_000, **header: Any) -> bytes:
    """One batch; header: as of `records.batch.build`."""
    return bytes(build([Record(key, value, (), timestamp_ms) for value in values or (b"v",)], **header))


def produce_request(
    *parts: tuple[str, int, bytes | None], acks: int = 1, timeout_ms: int = 1_000, transactional_id: str | None = None
) -> Any:
    """parts: (topic, partition, batch)."""
    return Produce(
        transactional_id=transactional_id,
        acks=acks,
        timeout_ms=timeout_ms,
        topic_data=[
            Produce.TopicProduceData(name=topic, partition_data=[Produce.PartitionProduceData(index, data)])
            for topic, index, data in parts
        ],
    )


def produce(broker: InMemoryBroker, data: bytes | None, topic: str = "orders", index: int = 0, **rest: Any) -> Any:
    """The answer for one batch to one partition. rest: of the request, and version."""
    version = rest.pop("version", 12)
    answer = broker.request(produce_request((topic, index, data), **rest), version)
    return answer.responses[0].partition_responses[0]


def fetch_request(
    *parts: tuple[str, int, int],
    wait_ms: int = 0,
    min_bytes: int = 1,
    max_bytes: int = 1 << 20,
    session: tuple[int, int] = (0, -1),
    forgotten: list[tuple[str, int]] | None = None,
    part: dict[str, Any] | None = None,
    **rest: Any,
) -> Any:
    """parts: (topic, partition, offset); part: further fields of each partition; session: id and epoch."""
    fields = {"partition_max_bytes": 1 << 20} | (part or {})
    return Fetch(
        max_wait_ms=wait_ms,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        session_id=session[0],
        session_epoch=session[1],
        topics=[
            Fetch.FetchTopic(
                topic=topic, partitions=[Fetch.FetchPartition(partition=index, fetch_offset=offset, **fields)]
            )
            for topic, index, offset in parts
        ],
        forgotten_topics_data=[
            Fetch.ForgottenTopic(topic=topic, partitions=[index]) for topic, index in forgotten or []
        ],
        **rest,
    )


def fetch(broker: InMemoryBroker, *parts: tuple[str, int, int], **rest: Any) -> Any:
    """The whole response to a fetch by names."""
    version = rest.pop("version", FETCH_BY_NAME)
    return broker.request(fetch_request(*parts, **rest), version)


def poll(broker: InMemoryBroker, *parts: tuple[str, int, int], **rest: Any) -> Exchange:
    """A fetch that is on its way, perhaps waiting."""
    return broker.send(fetch_request(*parts, **{"wait_ms": 500} | rest), FETCH_BY_NAME)


def partitions_of(response: Any) -> dict[tuple[str, int], Any]:
    """The partitions of a fetch response by (topic, index)."""
    return {(topic.topic, part.partition_index): part for topic in response.responses for part in topic.partitions}


def records_of(part: Any) -> list[Record]:
    """The records in a partition of a fetch response, those before the offset asked for included."""
    return [record for _, view in walk(memoryview(bytes(part.records))) for record in decode_records(view, 1 << 24)]


def values_of(part: Any) -> list[bytes | None]:
    return [record.value for record in records_of(part)]


def offset_of(broker: InMemoryBroker, timestamp: int, topic: str = "orders", index: int = 0, **rest: Any) -> Any:
    """The answer of ListOffsets for one partition."""
    version = rest.pop("version", None)
    epoch = rest.pop("epoch", -1)
    part = ListOffsets.ListOffsetsPartition(index, epoch, timestamp)
    request = ListOffsets(**{"replica_id": -1} | rest, topics=[ListOffsets.ListOffsetsTopic(topic, [part])])
    return broker.request(request, version).topics[0].partitions[0]


def metadata(broker: InMemoryBroker, *names: str, version: int | None = None, **rest: Any) -> Any:
    topics = [Metadata.MetadataRequestTopic(name=name) for name in names]
    return broker.request(Metadata(topics=topics, **rest), version)
