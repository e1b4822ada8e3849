"""The transactions of this broker: `coordinate.transactions` decides, this module keeps its records in
`__transaction_state`, and has their ends written."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.broker.internal import read_all
from penstock.broker.outcome import Hangup, Reply, Wait
from penstock.broker.topics import TRANSACTIONS_TOPIC, ServedTopic
from penstock.broker.verification import Claim, Verdict
from penstock.coordinate.groups.placement import group_partition
from penstock.coordinate.transactions.coordinator import Transactions
from penstock.coordinate.transactions.outcome import Answer, Markers, TransactionOutcome
from penstock.coordinate.transactions.settings import TransactionSettings
from penstock.coordinate.transactions.transaction import EPOCH_PER_TRANSACTION, Transaction
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.producers import Producer
from penstock.log.transactions import TransactionEnd
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

log = logging.getLogger("penstock.broker")

_SETTINGS = (
    "transaction_state_log_num_partitions",
    "transaction_max_timeout_ms",
    "transactional_id_expiration_ms",
)
FEATURE = "transaction.version"
# How often markers that a failed disk did not take are tried again.
RETRY_INTERVAL_MS = 2_000
# Transactional ids that are forgotten, transactions aborted, or partitions looked at in one go.
SWEEP_IDS = 256
# To try again would change nothing: the topic is gone, or the partition has seen a later epoch of the producer, so the
# transaction has an end there.  Source: TransactionMarkerRequestCompletionHandler.
_FINAL = frozenset(
    {
        KafkaError.NONE,
        KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.TRANSACTION_COORDINATOR_FENCED,
    }
)
# Why a partition cannot become part of a transaction now, and may later.
_NOT_NOW = frozenset(
    {
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)


class TransactionCoordinator:
    """Runs the outcomes of `Transactions`: appends, applies, answers when on disk, writes markers, completes.

    A decided transaction goes through three writes, each only once the one before it is as safe as the broker makes
    it: its record, the markers, the record that it is over. So a crash in between finds what is left to do.
    """

    __slots__ = ("_broker", "_ending", "_expiring", "_strays", "_unloaded", "machine")

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._ending: dict[str, _End] = {}
        self._expiring: list[str] = []
        # Partitions that may hold batches of transactions that nobody knows.
        self._strays: dict[Partition, None] = {}
        # Partitions that could not be read.
        self._unloaded: set[int] = set()
        self.machine: Transactions
        self.renew()

    # The topic

    def renew(self) -> None:
        """Starts with no transactional ids, spread over as many partitions as the topic has or will have."""
        broker = self._broker
        self._unloaded.clear()
        self._ending.clear()
        topic = broker.topics.by_name.get(TRANSACTIONS_TOPIC)
        given = {name: getattr(broker.settings, name) for name in _SETTINGS}
        settings = TransactionSettings(**given, transaction_version=broker.controller.metadata.features.get(FEATURE, 0))
        if topic is not None:
            settings = replace(settings, transaction_state_log_num_partitions=len(topic.partitions))
        self.machine = Transactions(settings, lambda: broker.producer_ids.take(broker.clock.now_ms()))

    def load(self, partitions: Iterable[Partition], now_ms: int) -> None:
        """Rebuilds the transactional ids of `partitions`, and ends what was decided.

        One that cannot be read leaves its transactional ids without a coordinator.
        """
        for partition in partitions:
            self.machine.load_started(partition.index)
            try:
                for header, records in read_all(partition):
                    for record in records if not header.is_control else ():
                        if record.key is not None:
                            self.machine.replay(record.key, record.value)
            except (OSError, ValueError) as error:
                log.error("%s-%d: its transactions are not available: %s", partition.topic, partition.index, error)
                self.machine.unload(partition.index)
                self._unloaded.add(partition.index)
                continue
            self._unloaded.discard(partition.index)
            for markers in self.machine.loaded(partition.index):
                self._begin(markers, now_ms)

    def recovered(self, partition: Partition, now_ms: int) -> None:
        """A partition works again: its transactional ids are loaded if they could not be before."""
        if partition.topic == TRANSACTIONS_TOPIC and partition.index in self._unloaded:
            self.load([partition], now_ms)

    def opened(self, topic: ServedTopic, first: int, now_ms: int) -> None:
        """The topic is there, or has further partitions from `first` on; what is in them is loaded."""
        if not first:
            self.renew()
        self.load(topic.partitions[first:], now_ms)

    def closed(self) -> None:
        """The topic was deleted, and with it all transactional ids; what they have begun nobody else would end."""
        self.renew()
        self._strays = dict.fromkeys(self._broker.topics.partitions())

    def prepare(self, now_ms: int) -> None:
        """Creates the topic when the first transactional producer needs it."""
        if TRANSACTIONS_TOPIC not in self._broker.topics.by_name:
            self._broker.controller.create([TRANSACTIONS_TOPIC], now_ms)

    def error_for(self, transactional_id: str, now_ms: int) -> KafkaError:
        """COORDINATOR_NOT_AVAILABLE while the transactional id's partition cannot be read or written."""
        self.prepare(now_ms)
        topic = self._broker.topics.by_name.get(TRANSACTIONS_TOPIC)
        if topic is None or not topic.partitions:
            return KafkaError.COORDINATOR_NOT_AVAILABLE
        partition = topic.partitions[group_partition(transactional_id, len(topic.partitions))]
        works = partition.offline is None and partition.index not in self._unloaded
        return KafkaError.NONE if works else KafkaError.COORDINATOR_NOT_AVAILABLE

    # Commands

    def settle(self, outcome: TransactionOutcome, now_ms: int) -> Answer:
        """Appends and applies a command; what it decided is on its way to the partitions."""
        settled = outcome.settle(lambda proposal: self._append(proposal, now_ms))
        if settled.markers is not None:
            self._begin(settled.markers, now_ms)
        return settled.answer

    def when_on_disk(self, outcomes: Iterable[TransactionOutcome], message: Any) -> Reply | Wait:
        """The reply, once what settled `outcomes` wrote is on disk, if the broker syncs at all."""
        written = [self._partition(outcome.partition) for outcome in outcomes if outcome.partition >= 0]
        return self._broker.internal.when_on_disk(written, Reply(message))

    def verify(self, claim: Claim, now_ms: int) -> Verdict:
        """Whether a producer may write to partitions within its transaction. Those that it may add become part of it,
        others must be (TRANSACTION_ABORTABLE when they are not).
        """
        who = (claim.transactional_id, claim.producer_id, claim.producer_epoch)
        if claim.may_add:
            outcome = self.machine.add_partitions(*who, claim.places, EPOCH_PER_TRANSACTION, now_ms)
            written = self._partition(outcome.partition) if outcome.records else None
            return Verdict(dict.fromkeys(claim.places, self.settle(outcome, now_ms).error), written)
        if not self._broker.configs.settings.transaction_partition_verification_enable:
            return Verdict({})
        return Verdict(self.machine.verify(*who, claim.places))

    # What the coordinator does by itself

    def abort_late(self, now_ms: int) -> bool:
        """Aborts transactions that take longer than they may."""
        late = self.machine.time_up(now_ms)
        has_failed = False
        for name in late[:SWEEP_IDS]:
            log.info("the transaction of %r takes too long and is aborted", name[:80])
            has_failed |= bool(self.settle(self.machine.abort_late(name, now_ms), now_ms).error)
        # A disk that fails is not asked again at once.
        return len(late) > SWEEP_IDS and not has_failed

    def expire(self, now_ms: int) -> bool:
        """Forgets transactional ids that were silent for long, some in each call."""
        names = self._expiring or self.machine.silent(now_ms)
        self._expiring = names[SWEEP_IDS:]
        for name in names[:SWEEP_IDS]:
            self.settle(self.machine.expire(name, now_ms), now_ms)
        return bool(self._expiring)

    def retry(self, now_ms: int) -> bool:
        """Goes on with ends that could not be written, and with batches whose transaction could not be asked for."""
        for end in list(self._ending.values()):
            if not end.is_waiting:
                end.again(now_ms)
        self._settle_strays(SWEEP_IDS, now_ms)
        return False

    def settle_strays(self, now_ms: int) -> None:
        """After a crash: batches may be on disk, and the record that their partition was added not. Their transaction
        goes on with them, if it can; if not they are aborted, or readers would wait for its end for ever.

        What was decided before comes to its end first, as long as that takes: only then a producer's next transaction,
        which may be the one that the batches are of, can go on.
        """
        broker = self._broker
        while self._ending and broker.to_sync:
            partition = broker.to_sync.pop()
            try:
                broker.synced(partition, partition.sync())
            except OSError as error:
                broker.sync_failed(partition, error)
            broker.waiting.settle()
        self._strays = dict.fromkeys(broker.topics.partitions())
        self._settle_strays(len(self._strays), now_ms)

    def _settle_strays(self, count: int, now_ms: int) -> None:
        """Looks at some of the partitions that are left; one that does not work, or whose owner is busy, is looked at
        again after all others.
        """
        if not self._strays or self._unloaded:
            return
        owners: dict[int, Transaction] = {}
        for known in self.machine.all():
            owners[known.producer_id] = owners[known.next_producer_id] = known
        for partition in list(self._strays)[:count]:
            del self._strays[partition]
            is_there = self._broker.topics.find(partition.topic, partition.index) is partition
            if is_there and not self._is_settled(partition, owners, now_ms):
                self._strays[partition] = None

    def _is_settled(self, partition: Partition, owners: dict[int, Transaction], now_ms: int) -> bool:
        is_settled = True
        for producer in partition.producers():
            if producer.transaction_start < 0:
                continue
            error = self._take(owners.get(producer.producer_id), producer, partition, now_ms)
            if error in _NOT_NOW:
                is_settled = False
            elif error:
                log.warning(
                    "%s-%d: the transaction of producer %d is not known and is aborted",
                    partition.topic,
                    partition.index,
                    producer.producer_id,
                )
                end = TransactionEnd(producer.producer_id, producer.epoch, False, producer.coordinator_epoch)
                self._broker.markers.write(end, [(partition.topic, partition.index)], now_ms)
        return is_settled and partition.offline is None

    def _take(self, owner: Transaction | None, producer: Producer, partition: Partition, now_ms: int) -> KafkaError:
        """Makes a partition with an open transaction part of the transaction of its producer, if it is not."""
        if owner is None:
            return KafkaError.INVALID_PRODUCER_ID_MAPPING
        if owner.state.is_prepared:
            # Its marker is on its way here; or these are batches of the next transaction already.
            return KafkaError.CONCURRENT_TRANSACTIONS
        place = (partition.topic, partition.index)
        outcome = self.machine.add_partitions(
            owner.transactional_id, producer.producer_id, producer.epoch, (place,), owner.client_version, now_ms
        )
        return self.settle(outcome, now_ms).error

    # Ends

    def _begin(self, markers: Markers, now_ms: int) -> None:
        end = self._ending[markers.transactional_id] = _End(markers)
        self._then(end, [self._record_of(markers)], self._write, now_ms)

    def _write(self, end: "_End", now_ms: int) -> None:
        """Writes the markers that are missing; when none is, the transaction is over."""
        written = self._broker.markers.write(self._end_of(end.markers), end.left, now_ms)
        end.left = [place for place, error in written.errors.items() if error not in _FINAL]
        if end.left:
            end.again = partial(self._write, end)
        else:
            self._then(end, self._found(end.markers), self._complete, now_ms)

    def _complete(self, end: "_End", now_ms: int) -> None:
        markers = end.markers
        if self._ending.get(markers.transactional_id) is end:
            end.again = partial(self._complete, end)
            if not self.settle(self.machine.marked(markers, now_ms), now_ms).error:
                del self._ending[markers.transactional_id]

    def _then(self, end: "_End", partitions: Iterable[Partition | None], step: "Step", now_ms: int) -> None:
        """The next step, once `partitions` are on disk; `retry` takes it up where a disk fails."""
        find = self._broker.topics.find
        # One that was deleted meanwhile will never be on disk.
        known = [part for part in partitions if part is not None and find(part.topic, part.index) is part]
        end.again = partial(self._then, end, known, step)
        ready = self._broker.internal.when_on_disk(known, Reply(None))
        if isinstance(ready, Wait):
            end.is_waiting = True
            self._broker.waiting.add(ready, partial(self._go_on, end, step))
        else:
            step(end, now_ms)

    def _go_on(self, end: "_End", step: "Step", reply: Reply | Hangup) -> None:
        end.is_waiting = False
        if isinstance(reply, Reply):
            step(end, self._broker.clock.now_ms())

    def _end_of(self, markers: Markers) -> TransactionEnd:
        record = self._record_of(markers)
        epoch = 0 if record is None else record.leader_epoch
        return TransactionEnd(markers.producer_id, markers.epoch, markers.commit, epoch, markers.version)

    def _found(self, markers: Markers) -> list[Partition | None]:
        return [self._broker.topics.find(*place) for place in markers.partitions]

    def _record_of(self, markers: Markers) -> Partition | None:
        return self._partition(self.machine.partition_of(markers.transactional_id))

    def _partition(self, index: int) -> Partition | None:
        return self._broker.topics.find(TRANSACTIONS_TOPIC, index)

    def _append(self, proposal: TransactionOutcome, now_ms: int) -> int | Refused:
        return self._broker.internal.append(self._partition(proposal.partition), proposal.records, now_ms)


class _End:
    """A decided transaction on its way. left: partitions without a marker; again: the step to try again, with the
    time; is_waiting: for a disk, which will take the next step.
    """

    __slots__ = ("again", "is_waiting", "left", "markers")

    def __init__(self, markers: Markers) -> None:
        self.markers = markers
        self.left = list(markers.partitions)
        self.again: Callable[[int], None]
        self.is_waiting = False


Step = Callable[[_End, int], None]


def partitions_by_topic(transaction: Transaction) -> dict[str, list[int]]:
    """The partitions of a transaction, by topic."""
    topics: dict[str, list[int]] = {}
    for topic, index in transaction.partitions:
        topics.setdefault(topic, []).append(index)
    return topics
