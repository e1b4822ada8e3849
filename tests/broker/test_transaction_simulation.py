"""A whole broker under transactional producers, power cuts and a disk that lags: every transaction ends whole."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from penstock.broker.internal import read_all
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.records.batch import build
from penstock.records.control import read_marker
from penstock.records.record import Record
from penstock.testing.broker_in_memory import Exchange, InMemoryBroker
from tests.broker.calls import create
from tests.broker.transacting import Place, Transactional

SETTINGS = {"offsets.topic.num.partitions": "1", "transaction.state.log.num.partitions": "2"}
NAMES = ["tx-a", "tx-b"]
PLACES = [("orders", 0), ("orders", 1), ("orders", 2)]
OFFSETS = ("__consumer_offsets", 0)
CLIENTS = st.integers(0, 1)
RETRIABLE = {KafkaError.CONCURRENT_TRANSACTIONS, KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.REQUEST_TIMED_OUT}
# Longer than any transaction may take, and than the pauses between looking for those that do.
LONG_MS = 100_000


class Client:
    """One producer and what it was told. acknowledged: where batches of its transaction are safe, with how many;
    unanswered: what it sent and has to send again, as a client does that lost its connection.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.identity: tuple[int, int] | None = None
        self.acknowledged: dict[Place, int] = {}
        self.unanswered: Place | None = None


class Simulation(RuleBasedStateMachine):
    """Two producers on one broker that syncs; what was answered is held against what the logs say in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = InMemoryBroker(SETTINGS, durable=True)
        create(self.broker, "orders", len(PLACES))
        self.ask = Transactional(self.broker)
        self.ask.find(*NAMES)
        self.broker.request(m.FindCoordinatorRequest(coordinator_keys=["g"]), 6)
        # The names of new logs are on disk from here on: what a power cut takes is what was written since.
        self.broker.restart()
        self.clients = [Client(name) for name in NAMES]
        # Producer id and epoch of the markers, what was promised, and where batches were acknowledged.
        self.promised: list[tuple[tuple[int, int], bool, set[Place]]] = []

    @rule(number=CLIENTS)
    def init(self, number: int) -> None:
        client = self.clients[number]
        answer = self._ask(m.InitProducerIdRequest(client.name, 60_000), 5)
        client.identity = client.unanswered = None
        client.acknowledged.clear()
        if answer is not None and not answer.error_code:
            client.identity = (answer.producer_id, answer.producer_epoch)

    @rule(number=CLIENTS, place=st.sampled_from(PLACES))
    def produce(self, number: int, place: Place) -> None:
        client = self.clients[number]
        if client.identity is None:
            return
        place = client.unanswered or place
        sequence = client.acknowledged.get(place, 0)
        header = {"producer_id": client.identity[0], "producer_epoch": client.identity[1], "base_sequence": sequence}
        batch = bytes(build([Record(b"k", b"v", (), -1)], transactional=True, **header))
        part = m.ProduceRequest.PartitionProduceData(place[1], batch)
        topic = m.ProduceRequest.TopicProduceData(name=place[0], partition_data=[part])
        answer = self._ask(m.ProduceRequest(client.name, -1, 60_000, [topic]), 12)
        client.unanswered = place
        error = -1 if answer is None else answer.responses[0].partition_responses[0].error_code
        if error == 0:
            client.acknowledged[place] = sequence + 1
            client.unanswered = None
        elif error > 0 and error not in RETRIABLE:
            client.identity = client.unanswered = None

    @rule(number=CLIENTS)
    def commit_offset(self, number: int) -> None:
        client = self.clients[number]
        if client.identity is None or client.unanswered is not None:
            return
        request = m.TxnOffsetCommitRequest
        part = request.TxnOffsetCommitRequestPartition(0, 5, -1, "")
        topics = [request.TxnOffsetCommitRequestTopic("orders", [part])]
        answer = self._ask(request(client.name, "g", *client.identity, topics=topics), 5)
        if answer is None:
            client.identity = None
        elif not answer.topics[0].partitions[0].error_code:
            client.acknowledged[OFFSETS] = 1

    @rule(number=CLIENTS, commit=st.booleans())
    def end(self, number: int, commit: bool) -> None:
        client = self.clients[number]
        if client.identity is None or client.unanswered is not None:
            return
        producer_id, epoch = client.identity
        answer = self._ask(m.EndTxnRequest(client.name, producer_id, epoch, commit), 5)
        if answer is not None and not answer.error_code:
            self.promised.append(((producer_id, epoch + 1), commit, set(client.acknowledged)))
            client.identity = (answer.producer_id, answer.producer_epoch)
        else:
            client.identity = None
        client.acknowledged.clear()

    @rule(is_syncing=st.booleans())
    def let_the_disk_lag(self, is_syncing: bool) -> None:
        self.broker.is_syncing = is_syncing
        self.broker.settle()

    @rule()
    def sync_once(self) -> None:
        self.broker.sync()
        self.broker.broker.waiting.settle()

    @rule(data=st.data())
    def sync_one(self, data: st.DataObject) -> None:
        """One log gets to the disk before the others."""
        waiting = {(one.topic, one.index): one for one in self.broker.broker.to_sync}
        if waiting:
            chosen = waiting[data.draw(st.sampled_from(sorted(waiting)))]
            self.broker.broker.to_sync.discard(chosen)
            self.broker.broker.synced(chosen, chosen.sync())
            self.broker.broker.waiting.settle()

    @rule(ms=st.sampled_from([100, 5_000, LONG_MS]))
    def pass_time(self, ms: int) -> None:
        self.broker.advance(ms)

    @rule(power_cut=st.booleans())
    def crash(self, power_cut: bool) -> None:
        self.broker.crash(power_cut=power_cut)
        self.broker.settle()

    @rule()
    def restart(self) -> None:
        self.broker.is_syncing = True
        self.broker.settle()
        self.broker.restart()

    def teardown(self) -> None:
        self.broker.is_syncing = True
        self.broker.settle()
        self.broker.crash(power_cut=True)
        self.broker.settle()
        for _ in range(3):
            self.broker.advance(LONG_MS)
        ends = {place: self._ends(place) for place in (*PLACES, OFFSETS)}
        told: dict[tuple[int, int], set[bool]] = {}
        for found in ends.values():
            for who, commit in found:
                told.setdefault(who, set()).add(commit)
        assert all(len(kinds) == 1 for kinds in told.values()), "committed here and aborted there"
        aborted = {place: self._aborted(place) for place in (*PLACES, OFFSETS)}
        for who, commit, places in self.promised:
            for place in places:
                assert (who, commit) in ends[place], "what was promised is not written"
                assert not commit or who not in aborted[place], "what was promised is not seen"
        for name in NAMES:
            assert not self.ask.state(name).startswith(("Ongoing", "Prepare"))

    def _ask(self, message: Any, version: int) -> Any:
        """The answer, None while the disk keeps it waiting: then the client has gone."""
        exchange: Exchange = self.broker.send(message, version)
        return exchange.answer

    def _aborted(self, place: Place) -> set[tuple[int, int]]:
        """The producer ids and epochs of the markers that should have ended what an abort ended."""
        partition = self.broker.broker.topics.find(*place)
        assert partition is not None
        found, began = set(), {}
        for header, records in read_all(partition):
            marker = read_marker(records[0]) if header.is_control else None
            if marker is None:
                began.setdefault(header.producer_id, header.producer_epoch)
            elif header.producer_id in began:
                epoch = began.pop(header.producer_id)
                if marker.type.name == "ABORT":
                    found.add((header.producer_id, epoch + 1))
        return found

    def _ends(self, place: Place) -> list[tuple[tuple[int, int], bool]]:
        """The markers of a partition, in which nothing is open."""
        partition = self.broker.broker.topics.find(*place)
        assert partition is not None
        assert [one.producer_id for one in partition.producers() if one.transaction_start >= 0] == []
        found = []
        for header, records in read_all(partition):
            marker = read_marker(records[0]) if header.is_control else None
            if marker is not None:
                found.append(((header.producer_id, header.producer_epoch), marker.type.name == "COMMIT"))
        return found


TestSimulation = Simulation.TestCase
TestSimulation.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, phases=[Phase.generate])
