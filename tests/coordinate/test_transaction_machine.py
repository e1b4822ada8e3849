"""Producers that do anything at any time, with timeouts, restarts and full disks in between.

A decided outcome is never lost, who was fenced never goes on, and what is replayed is what was.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from penstock.coordinate.outcome import Record
from penstock.coordinate.transactions.coordinator import Transactions
from penstock.coordinate.transactions.outcome import Answer, Markers, TransactionOutcome
from penstock.coordinate.transactions.records import record_of
from penstock.coordinate.transactions.settings import TransactionSettings
from penstock.coordinate.transactions.states import MAY_FOLLOW, State
from penstock.coordinate.transactions.transaction import NO_EPOCH, Place, Transaction
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

IDS = ["tx-a", "tx-b"]
PARTITIONS = 2
EXPIRATION_MS = 1_000_000
SETTINGS = TransactionSettings(
    transaction_state_log_num_partitions=PARTITIONS, transactional_id_expiration_ms=EXPIRATION_MS
)
PLACES = st.sets(st.tuples(st.sampled_from(["t", "u"]), st.integers(0, 1)), max_size=3)
CLIENTS = st.integers(0, 3)
OK = KafkaError.NONE


class Client:
    """One producer as its process knows itself: two of them share each transactional id."""

    def __init__(self, number: int) -> None:
        self.name = IDS[number % 2]
        self.identity: tuple[int, int] = (-1, -1)


class TransactionMachine(RuleBasedStateMachine):
    """Four clients; each answer is held against what was granted, decided and written before."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000
        # The second transactional id has all but used up the epochs of its producer id.
        old = Transaction(IDS[1], 1, 10_000, self.now_ms, previous_producer_id=1, epoch=32_765)
        self.log: list[Record] = [record_of(old, SETTINGS.transaction_version)]
        self.clients = [Client(number) for number in range(4)]
        self.disk_is_full = False
        self.ids_given = 1
        # Who may write, by transactional id; None after a fence that was answered to nobody.
        self.owner: dict[str, tuple[int, int] | None] = {}
        # Decided and not over, with the partitions that have a marker; and how each transaction that is over ended.
        self.decided: dict[str, Markers] = {}
        self.marked: dict[str, set[Place]] = {}
        self.outcomes: dict[str, list[bool]] = {name: [] for name in IDS}
        self.commits_promised = dict.fromkeys(IDS, 0)
        self.machine = self._started()

    # What clients do

    @rule(number=CLIENTS, goes_on=st.booleans())
    def init(self, number: int, goes_on: bool) -> None:
        client = self.clients[number]
        expected = client.identity if goes_on and client.identity != (-1, -1) else None
        answer = self._settle(self.machine.init_producer_id(client.name, 10_000, expected, self.now_ms), client.name)
        if answer.error == OK:
            client.identity = (answer.producer_id, answer.epoch)
            self.owner[client.name] = client.identity
        elif answer.error == KafkaError.CONCURRENT_TRANSACTIONS:
            assert client.name in self.decided

    @rule(number=CLIENTS, places=PLACES, version=st.sampled_from([0, 2]))
    def add(self, number: int, places: set[Place], version: int) -> None:
        client = self.clients[number]
        asked = self.machine.add_partitions(client.name, *client.identity, places, version, self.now_ms)
        answer = self._settle(asked, client.name)
        if answer.error == OK:
            assert self.owner[client.name] == client.identity, "who was fenced goes on"
            found = self._get(client.name)
            assert found.state is State.ONGOING
            assert places <= set(found.partitions)
            verified = self.machine.verify(client.name, *client.identity, places)
            assert set(verified.values()) <= {OK}

    @rule(number=CLIENTS, commit=st.booleans(), version=st.sampled_from([0, 2, 2]), hears=st.booleans())
    def end(self, number: int, commit: bool, version: int, hears: bool) -> None:
        client = self.clients[number]
        over_before, was_decided = len(self.outcomes[client.name]), client.name in self.decided
        asked = self.machine.end(client.name, *client.identity, commit, version, self.now_ms)
        is_new = bool(asked.records)
        answer = self._settle(asked, client.name)
        if answer.error != OK:
            return
        if is_new:
            assert self.owner[client.name] == client.identity, "who was fenced goes on"
            assert not was_decided
            assert self.decided[client.name].commit == commit
            self.commits_promised[client.name] += commit
        else:
            assert over_before, "a repetition of nothing"
            assert self.outcomes[client.name][-1] == commit, "the answer is not what was decided"
        if version == 2:
            self.owner[client.name] = (answer.producer_id, answer.epoch)
            if hears:
                client.identity = (answer.producer_id, answer.epoch)

    # What the broker does

    @precondition(lambda self: self.decided)
    @rule(data=st.data())
    def write_a_marker(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.decided)))
        markers = self.decided[name]
        left = sorted(set(markers.partitions) - self.marked[name])
        if left:
            self.marked[name].add(data.draw(st.sampled_from(left)))
        else:
            self._finish(markers)

    @rule()
    def write_all_markers(self) -> None:
        for markers in list(self.decided.values()):
            self.marked[markers.transactional_id] = set(markers.partitions)
            self._finish(markers)

    @rule(ms=st.sampled_from([1, 4_000, 11_000, EXPIRATION_MS]))
    def pass_time(self, ms: int) -> None:
        self.now_ms += ms
        for name in self.machine.time_up(self.now_ms):
            self._settle(self.machine.abort_late(name, self.now_ms), name)
        for name in self.machine.silent(self.now_ms):
            assert self._get(name).updated_ms + EXPIRATION_MS <= self.now_ms
            self._settle(self.machine.expire(name, self.now_ms), name)
            if self.machine.get(name) is KafkaError.TRANSACTIONAL_ID_NOT_FOUND:
                self.owner[name] = None
                self.outcomes[name].clear()
                self.commits_promised[name] = 0

    @rule()
    def fill_the_disk(self) -> None:
        self.disk_is_full = True

    @rule()
    def restart(self) -> None:
        """A crash: what was appended is read again, and what was decided is known at once."""
        self.machine = self._started()

    @invariant()
    def what_is_replayed_is_what_was(self) -> None:
        again = self._replayed()

        def seen(machine: Transactions) -> dict[str, Transaction]:
            # The last epoch is in no record: after a restart a repeated InitProducerId is refused, as in Kafka.
            return {known.transactional_id: replace(known, last_epoch=NO_EPOCH) for known in machine.all()}

        assert seen(again) == seen(self.machine)

    @invariant()
    def no_decision_is_lost(self) -> None:
        for name in IDS:
            pending = [self.decided[name].commit] if name in self.decided else []
            assert sum(self.outcomes[name] + pending) == self.commits_promised[name]
            if pending:
                assert self._get(name).state.is_prepared

    def teardown(self) -> None:
        self.disk_is_full = False
        self.write_all_markers()
        assert not self.decided
        self.no_decision_is_lost()

    # How it is run

    def _settle(self, asked: TransactionOutcome, name: str) -> Answer:
        before = self.machine.get(name)
        settled = asked.settle(self._append)
        after = self.machine.get(name)
        if isinstance(before, Transaction) and isinstance(after, Transaction) and after is not before:
            assert before.state in MAY_FOLLOW[after.state]
            assert after.epoch >= before.epoch or after.producer_id != before.producer_id
        if settled.markers is not None:
            assert name not in self.decided, "decided twice"
            self.decided[name] = settled.markers
            self.marked[name] = set()
            # Whoever decided by EndTxn is told who may go on; nobody is, after a fence.
            if settled.answer.producer_id < 0 and not settled.markers.version < 2:
                self.owner[name] = None
        return settled.answer

    def _finish(self, markers: Markers) -> None:
        name = markers.transactional_id
        if self._settle(self.machine.marked(markers, self.now_ms), name).error == OK:
            assert self._get(name).state in (State.COMPLETE_COMMIT, State.COMPLETE_ABORT)
            self.outcomes[name].append(markers.commit)
            del self.decided[name]

    def _append(self, proposal: TransactionOutcome) -> int | Refused:
        if self.disk_is_full:
            self.disk_is_full = False
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, "the disk is full")
        self.log += proposal.records
        return len(self.log) - 1

    def _started(self) -> Transactions:
        machine = self._replayed()
        found = [markers for partition in range(PARTITIONS) for markers in machine.loaded(partition)]
        assert {markers.transactional_id: markers for markers in found} == self.decided
        return machine

    def _replayed(self) -> Transactions:
        machine = Transactions(SETTINGS, self._new_producer_id)
        for partition in range(PARTITIONS):
            machine.load_started(partition)
        for record in self.log:
            assert machine.replay(*record)
        return machine

    def _new_producer_id(self) -> int:
        self.ids_given += 1
        return self.ids_given

    def _get(self, name: str) -> Transaction:
        found = self.machine.get(name)
        assert isinstance(found, Transaction), found
        return found


TestTransactionMachine = TransactionMachine.TestCase
TestTransactionMachine.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
