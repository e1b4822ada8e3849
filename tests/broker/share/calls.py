"""A member of a share group in short: what a test says in one line, sent as whole Kafka messages."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from penstock.protocol import messages as m
from penstock.records.batch import build, walk
from penstock.records.record import Record

Request = Callable[[Any, int], Any]
# Partition, first offset, last offset, types.
Said = tuple[int, int, int, Sequence[int]]

ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4
ANN, BOB = "AnnAAAAAAAAAAAAAAAAAAA", "BobAAAAAAAAAAAAAAAAAAA"
TIMESTAMP_MS = 1_700_000_000_000


def heartbeat(
    request: Request, group: str, member: str, epoch: int, topics: Iterable[str] | None = None, **rest: Any
) -> Any:
    names = None if topics is None else list(topics)
    return request(
        m.ShareGroupHeartbeatRequest(
            group_id=group, member_id=member, member_epoch=epoch, subscribed_topic_names=names, **rest
        ),
        1,
    )


def configure(request: Request, group: str, **configs: str) -> None:
    """configs: without `share.`, `_` for `.`."""
    alter = m.IncrementalAlterConfigsRequest
    entries = [alter.AlterableConfig(f"share.{name.replace('_', '.')}", 0, value) for name, value in configs.items()]
    answer = request(alter(resources=[alter.AlterConfigsResource(32, group, entries)]), 1)
    assert answer.responses[0].error_code == 0, answer


def records(count: int = 10, **header: Any) -> bytes:
    """One batch."""
    return bytes(build([Record(None, b"v%d" % n, (), TIMESTAMP_MS) for n in range(count)], **header))


def fetch_request(
    group: str | None,
    member: str | None,
    epoch: int,
    topic_id: bytes,
    partitions: Iterable[int] = (),
    acks: Iterable[Said] = (),
    forgotten: Iterable[int] = (),
    **rest: Any,
) -> Any:
    fetch = m.ShareFetchRequest
    said: dict[int, list[Any]] = {index: [] for index in partitions}
    for index, first, last, types in acks:
        said.setdefault(index, []).append(fetch.AcknowledgementBatch(first, last, list(types)))
    parts = [fetch.FetchPartition(index, batches) for index, batches in said.items()]
    defaults = {"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1 << 20, "max_records": 500, "batch_size": 500}
    return fetch(
        group_id=group,
        member_id=member,
        share_session_epoch=epoch,
        topics=[fetch.FetchTopic(topic_id, parts)] if parts else [],
        forgotten_topics_data=[fetch.ForgottenTopic(topic_id, list(forgotten))] if forgotten else [],
        **(defaults | rest),
    )


def acknowledge_request(
    group: str | None, member: str | None, epoch: int, topic_id: bytes, acks: Iterable[Said] = (), **rest: Any
) -> Any:
    acknowledge = m.ShareAcknowledgeRequest
    said: dict[int, list[Any]] = {}
    for index, first, last, types in acks:
        said.setdefault(index, []).append(acknowledge.AcknowledgementBatch(first, last, list(types)))
    parts = [acknowledge.AcknowledgePartition(index, batches) for index, batches in said.items()]
    return acknowledge(
        group_id=group,
        member_id=member,
        share_session_epoch=epoch,
        topics=[acknowledge.AcknowledgeTopic(topic_id, parts)] if parts else [],
        **rest,
    )


def described_offsets(request: Request, group: str) -> dict[tuple[str, int], tuple[int, int]]:
    """(start, lag) by topic and partition."""
    wanted = m.DescribeShareGroupOffsetsRequest
    answer = request(wanted(groups=[wanted.DescribeShareGroupOffsetsRequestGroup(group_id=group, topics=None)]), 1)
    (found,) = answer.groups
    assert found.error_code == 0, found
    return {
        (topic.topic_name, part.partition_index): (part.start_offset, part.lag)
        for topic in found.topics
        for part in topic.partitions
    }


def batches_of(part: Any) -> list[tuple[int, int]]:
    """First and last offset of the batches in a partition of a ShareFetch response."""
    return [(header.base_offset, header.last_offset) for header, _ in walk(memoryview(bytes(part.records or b"")))]


def acquired_of(part: Any) -> list[tuple[int, int, int]]:
    return [(piece.first_offset, piece.last_offset, piece.delivery_count) for piece in part.acquired_records]


class Member:
    """One member in its session. send: hands a request in; version: of ShareFetch and ShareAcknowledge."""

    def __init__(self, request: Request, group: str, member: str, topic_id: bytes, version: int = 2) -> None:
        self.request = request
        self.names = group, member
        self.topic_id = topic_id
        self.version = version
        self.epoch = 0

    def fetch(self, *acks: Said, **rest: Any) -> Any:
        """The whole response; the first one asks for partition 0."""
        rest.setdefault("partitions", () if self.epoch else (0,))
        message = fetch_request(*self.names, self.epoch, self.topic_id, acks=acks, **rest)
        response = self.request(message, self.version)
        self.epoch += response.error_code == 0
        return response

    def take(self, *acks: Said, **rest: Any) -> list[tuple[int, int, int]]:
        """What is acquired of the one partition: (first, last, deliveries)."""
        response = self.fetch(*acks, **rest)
        assert response.error_code == 0, response
        parts = [part for topic in response.responses for part in topic.partitions]
        assert all(part.error_code == part.acknowledge_error_code == 0 for part in parts), parts
        return [piece for part in parts for piece in acquired_of(part)]

    def say(self, *acks: Said, **rest: Any) -> list[int]:
        """The error codes of the partitions."""
        response = self.request(acknowledge_request(*self.names, self.epoch, self.topic_id, acks, **rest), self.version)
        assert response.error_code == 0, response
        self.epoch += 1
        return [part.error_code for topic in response.responses for part in topic.partitions]

    def close(self) -> Any:
        return self.request(acknowledge_request(*self.names, -1, self.topic_id), self.version)
