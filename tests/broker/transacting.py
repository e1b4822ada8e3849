"""A transactional producer in short: each call one request, asked of anything with `request(message, version)`."""

from typing import Any, NamedTuple

from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.records.batch import build
from penstock.records.record import Record

Place = tuple[str, int]


class Got(NamedTuple):
    """What InitProducerId and EndTxn answer."""

    error: str
    producer_id: int
    epoch: int


def name_of(code: int) -> str:
    return KafkaError(code).name


class Transactional:
    """Requests of transactional producers to one broker."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker

    def find(self, *names: str) -> list[str]:
        answer = self.broker.request(m.FindCoordinatorRequest(key_type=1, coordinator_keys=list(names)), 6)
        return [name_of(found.error_code) for found in answer.coordinators]

    def init(self, name: str, timeout_ms: int = 60_000, known: tuple[int, int] = (-1, -1), version: int = 5) -> Got:
        answer = self.broker.request(m.InitProducerIdRequest(name, timeout_ms, *known), version)
        return Got(name_of(answer.error_code), answer.producer_id, answer.producer_epoch)

    def end(self, name: str, who: tuple[int, int], commit: bool = True, version: int = 5) -> Got:
        answer = self.broker.request(m.EndTxnRequest(name, *who, commit), version)
        return Got(name_of(answer.error_code), answer.producer_id, answer.producer_epoch)

    def add(self, name: str, who: tuple[int, int], *places: Place, version: int = 3) -> dict[Place, str]:
        request = m.AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=name,
            v3_and_below_producer_id=who[0],
            v3_and_below_producer_epoch=who[1],
            v3_and_below_topics=_topics(places),
        )
        return _errors(self.broker.request(request, version).results_by_topic_v3_and_below)

    def add_many(
        self, *wanted: tuple[str, tuple[int, int], bool, list[Place]], version: int = 5
    ) -> list[tuple[str, dict[Place, str]]]:
        """wanted: transactional id, producer id and epoch, whether it is only looked, partitions."""
        part = m.AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
        transactions = [part(name, *who, look, _topics(places)) for name, who, look, places in wanted]
        answer = self.broker.request(m.AddPartitionsToTxnRequest(transactions=transactions), version)
        assert answer.error_code == 0
        return [(one.transactional_id, _errors(one.topic_results)) for one in answer.results_by_transaction]

    def add_offsets(self, name: str, who: tuple[int, int], group: str, version: int = 4) -> str:
        return name_of(self.broker.request(m.AddOffsetsToTxnRequest(name, *who, group), version).error_code)

    def commit_offset(
        self,
        name: str,
        who: tuple[int, int],
        group: str,
        offset: int = 5,
        topic: str = "orders",
        member: tuple[int, str] = (-1, ""),
        version: int = 5,
    ) -> str:
        request = m.TxnOffsetCommitRequest
        part = request.TxnOffsetCommitRequestPartition(0, offset, -1, "")
        extra = {} if version < 3 else {"generation_id": member[0], "member_id": member[1]}
        topics = [request.TxnOffsetCommitRequestTopic(topic, [part])]
        answer = self.broker.request(request(name, group, *who, topics=topics, **extra), version)
        return name_of(answer.topics[0].partitions[0].error_code)

    def produce(
        self, name: str | None, who: tuple[int, int], sequence: int = 0, place: Place = ("orders", 0), version: int = 12
    ) -> str:
        """One record; a batch of the transaction."""
        return self.produce_all(name, who, sequence, place, version=version)[0]

    def produce_all(
        self, name: str | None, who: tuple[int, int], sequence: int, *places: Place, version: int = 12
    ) -> list[str]:
        request = m.ProduceRequest
        header = {"producer_id": who[0], "producer_epoch": who[1], "base_sequence": sequence, "transactional": True}
        # Young by any clock: Apache Kafka's is the machine's, and -1 is no time at all.
        data = [bytes(build([Record(b"k", b"v", (), -1)], **header)) for _ in places]
        topics = [
            request.TopicProduceData(name=topic, partition_data=[request.PartitionProduceData(index, batch)])
            for (topic, index), batch in zip(places, data, strict=True)
        ]
        answer = self.broker.request(request(name, -1, 3_000, topics), version)
        return [name_of(part.error_code) for topic in answer.responses for part in topic.partition_responses]

    def describe(self, *names: str) -> list[tuple[Any, ...]]:
        answer = self.broker.request(m.DescribeTransactionsRequest(list(names)), 0)
        return [
            (
                name_of(found.error_code),
                found.transaction_state,
                found.transaction_timeout_ms,
                found.transaction_start_time_ms > 0,
                found.producer_id,
                found.producer_epoch,
                sorted((topic.topic, index) for topic in found.topics for index in topic.partitions),
            )
            for found in answer.transaction_states
        ]

    def state(self, name: str) -> str:
        return self.describe(name)[0][1]

    def list(self, *states: str, version: int = 2, **filters: Any) -> tuple[str, list[str], list[tuple[str, str]]]:
        """Error, states that do not exist, and (transactional id, state) of all that were found, sorted."""
        answer = self.broker.request(m.ListTransactionsRequest(list(states), **filters), version)
        found = sorted((one.transactional_id, one.transaction_state) for one in answer.transaction_states)
        return name_of(answer.error_code), answer.unknown_state_filters, found


def _topics(places: Any) -> list[Any]:
    by_topic: dict[str, list[int]] = {}
    for topic, index in places:
        by_topic.setdefault(topic, []).append(index)
    return [m.AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(*pair) for pair in by_topic.items()]


def _errors(topics: Any) -> dict[Place, str]:
    return {
        (topic.name, part.partition_index): name_of(part.partition_error_code)
        for topic in topics
        for part in topic.results_by_partition
    }
