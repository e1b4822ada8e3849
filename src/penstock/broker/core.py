"""One broker: opens its data, answers requests through its handlers, and does its chores. No socket, loop or thread."""

import logging
from collections.abc import Callable
from typing import Any

from penstock.broker.apis.table import SERVED
from penstock.broker.chores import Chores, Sweep
from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.configs import Configs
from penstock.broker.controller import Controller
from penstock.broker.coordinator import GroupCoordinator
from penstock.broker.fetch_sessions import FetchSessions
from penstock.broker.internal import InternalLog
from penstock.broker.markers import Markers
from penstock.broker.metrics import Metrics
from penstock.broker.outcome import Outcome
from penstock.broker.producer_ids import ProducerIds
from penstock.broker.session import Session
from penstock.broker.share.partitions import SharePartitions
from penstock.broker.share.sessions import ShareSession, ShareSessions
from penstock.broker.topics import OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC, Topics
from penstock.broker.transactions import RETRY_INTERVAL_MS, TransactionCoordinator
from penstock.broker.verification import Verify
from penstock.broker.waiting import Waiting
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.coordinate.share.store import ShareKey
from penstock.kit.clock import Clock
from penstock.kit.files import Files
from penstock.log.directory import LogDirectory
from penstock.log.partition import Partition
from penstock.log.settings import LogSettings

log = logging.getLogger("penstock.broker")

Handler = Callable[[Any, Session, int], Outcome]
# Host and port that the clients of a listener are told to connect to.
Endpoint = tuple[str, int]

# How often it is looked for logs that want to be written through, and for failed ones that may work again.
CARE_INTERVAL_MS = 2_000
# How often it is looked for files of deleted topics and segments whose time has come.
REMOVAL_INTERVAL_MS = 10_000


class Broker:
    """The parts of one broker, and what a server drives it by: handlers, waiting, tick, to_sync, synced, to_remove.

    handlers: by API key; served: which versions of each; endpoints: by listener name, filled before the first request;
    to_sync: partitions that want an fsync, to_remove: deleted files whose time has come, for `remove`; both are the
    server's to do, in threads. verify_transaction: what the transaction coordinator says of a producer's claim;
    markers: how it ends transactions.
    """

    def __init__(self, settings: BrokerSettings, files: Files, clock: Clock, dice: Callable[[int], bytes]) -> None:
        self.settings = settings
        self.configs = Configs(settings)
        self.clock = clock
        self.dice = dice
        self.served = SERVED
        self.metrics = Metrics()
        self.waiting = Waiting()
        self.topics = Topics(self.metrics)
        self.to_sync: set[Partition] = set()
        self.to_remove: list[str] = []
        self.endpoints: dict[str, Endpoint] = {}
        self.fetch_sessions = FetchSessions(settings.max_incremental_fetch_session_cache_slots, dice)
        self.metrics.watch(self.fetch_sessions)
        self.log = LogDirectory(
            files,
            settings.log_dir,
            clock,
            dice,
            node_id=settings.node_id,
            settings=LogSettings(durable=settings.durable),
        )
        self.remove = self.log.ground.rubbish.remove
        self.internal = InternalLog(self)
        self.markers = Markers(self)
        self.handlers: dict[int, Handler] = {}
        self.chores = Chores()
        self.controller: Controller
        self.coordinator: GroupCoordinator
        self.shares: SharePartitions
        self.share_sessions = ShareSessions(settings.group_share_max_share_sessions)
        self.producer_ids: ProducerIds
        self.transactions: TransactionCoordinator
        self.verify_transaction: Verify

    @property
    def cluster_id(self) -> str:
        cluster_id = self.log.identity.cluster_id
        assert cluster_id is not None, "the log directory is not open"
        return cluster_id

    def start(self) -> None:
        """Opens the log directory and replays what it says. Errors: Locked, DirectoryRefused, StartError, OSError."""
        now_ms = self.clock.now_ms()
        self.log.open()
        try:
            self._replay(now_ms)
        except BaseException:
            # As a crash would: a mark of a clean shutdown would have the next start believe what this one could not.
            self.log.abandon()
            raise
        self.handlers = {key: served.make(self) for key, served in self.served.items()}
        self._set_chores(now_ms)

    def close(self) -> bool:
        """Brings everything to the disk; True when the next start need not check it. No request comes after this."""
        return self.log.close(broker_epoch=max(0, self.log.previous_broker_epoch) + 1)

    def endpoint(self, listener: str) -> Endpoint:
        """Where clients of a listener find this broker."""
        found = self.endpoints.get(listener)
        assert found is not None, f"no endpoint is known for the listener {listener}"
        return found

    def tick(self, now_ms: int) -> int:
        """Does what is due; gives the time of the next call, earlier ones do no harm."""
        due_ms = self.chores.do(now_ms)
        self.coordinator.tick(now_ms)
        self.shares.tick(now_ms)
        next_ms = self.next_deadline_ms()
        return due_ms if next_ms is None else min(due_ms, next_ms)

    def next_deadline_ms(self) -> int | None:
        """When something of groups or their records is due; None when nothing is. Chores are not among it."""
        deadlines = (self.coordinator.groups.next_deadline_ms(), self.shares.next_deadline_ms())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def disconnected(self, session: Session) -> None:
        """A connection is gone: what its members of share groups held is given back."""
        for share_session in self.share_sessions.owned_by(session):
            self.end_share_session(share_session, self.clock.now_ms())

    def end_share_session(self, session: ShareSession, now_ms: int) -> list[Partition]:
        """Closes it and gives back what was held in it; where that was written."""
        self.share_sessions.close(session)
        keys = [ShareKey(session.group_id, *place) for place in session.places]
        done = [self.shares.release(key, session.member_id, now_ms) for key in keys]
        return [partition for partition in done if isinstance(partition, Partition)]

    def synced(self, partition: Partition, offset: int) -> None:
        """All before `offset` is on disk: what waits for that goes on."""
        partition.synced(offset)
        self.waiting.wake(partition)

    def sync_failed(self, partition: Partition, error: OSError) -> None:
        """Nobody knows what is on disk now: the partition is offline, and who waits for it is told."""
        partition.sync_failed(error)
        self.waiting.wake(partition)

    def reconfigure(self) -> None:
        """Takes over the dynamic broker configs, which are also the defaults of all topics."""
        metadata = self.controller.metadata
        own = str(self.settings.node_id)
        self.configs.renew(metadata.configs_of(ConfigKind.BROKER, ""), metadata.configs_of(ConfigKind.BROKER, own))
        for topic in self.topics.by_name.values():
            self.controller.configure(topic)

    def _replay(self, now_ms: int) -> None:
        self.controller = Controller(self)
        self.reconfigure()
        self.producer_ids = ProducerIds(self.controller)
        self.controller.start(now_ms)
        if self.log.previous_broker_epoch < 0:
            self._begin_epochs()
        self.shares = SharePartitions(self)
        share_states = self.topics.by_name.get(SHARE_STATE_TOPIC)
        if share_states is not None:
            self.shares.load(share_states.partitions)
        self.coordinator = GroupCoordinator(self)
        offsets = self.topics.by_name.get(OFFSETS_TOPIC)
        if offsets is not None:
            self.coordinator.load(offsets.partitions, now_ms)
        # After the groups, whose offsets wait for the ends of transactions.
        self.transactions = TransactionCoordinator(self)
        self.verify_transaction = self.transactions.verify
        states = self.topics.by_name.get(TRANSACTIONS_TOPIC)
        if states is not None:
            self.transactions.load(states.partitions, now_ms)
        if self.log.previous_broker_epoch < 0:
            self.transactions.settle_strays(now_ms)

    def _begin_epochs(self) -> None:
        """After a crash a log may end before what clients have read: a new leader epoch tells them so (KIP-320)."""
        for partition in self.topics.partitions():
            if partition.offline is None and partition.next_offset:
                try:
                    partition.become_leader(partition.leader_epoch + 1)
                except OSError as error:
                    log.warning("%s-%d: goes on in its old epoch: %s", partition.topic, partition.index, error)

    def _set_chores(self, now_ms: int) -> None:
        every, settings = self.chores.every, self.settings
        # What the last run left behind goes now.
        self._take_rubbish(now_ms)
        every(settings.log_retention_check_interval_ms, Sweep(self.topics.partitions, self._retain), now_ms)
        every(CARE_INTERVAL_MS, Sweep(self.topics.partitions, self._care), now_ms)
        every(REMOVAL_INTERVAL_MS, self._take_rubbish, now_ms)
        transactions = self.transactions
        every(settings.transaction_abort_timed_out_transaction_cleanup_interval_ms, transactions.abort_late, now_ms)
        every(settings.transaction_remove_expired_transaction_cleanup_interval_ms, transactions.expire, now_ms)
        every(RETRY_INTERVAL_MS, transactions.retry, now_ms)
        every(settings.log_flush_offset_checkpoint_interval_ms, self._checkpoint, now_ms)
        every(settings.log_flush_start_offset_checkpoint_interval_ms, self._checkpoint_starts, now_ms)
        every(settings.share_coordinator_cold_partition_snapshot_interval_ms, self.shares.snapshot_cold, now_ms)
        every(settings.share_coordinator_state_topic_prune_interval_ms, self.shares.prune, now_ms)

    def _retain(self, partition: Partition, now_ms: int) -> None:
        if partition.apply_retention(now_ms):
            log.info("%s-%d: begins at offset %d now", partition.topic, partition.index, partition.log_start)

    def _care(self, partition: Partition, now_ms: int) -> None:
        if partition.offline is not None:
            if partition.try_recover(now_ms):
                self.coordinator.recovered(partition, now_ms)
                self.transactions.recovered(partition, now_ms)
                self.shares.recovered(partition)
                self.waiting.wake(partition)
        elif partition.wants_sync(now_ms):
            self.to_sync.add(partition)

    def _take_rubbish(self, now_ms: int) -> bool:
        self.to_remove += self.log.ground.rubbish.take(now_ms)
        return False

    def _checkpoint(self, now_ms: int) -> bool:
        return self._write_down(self.log.checkpoint)

    def _checkpoint_starts(self, now_ms: int) -> bool:
        return self._write_down(self.log.checkpoint_starts)

    def _write_down(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except OSError as error:
            log.warning("a checkpoint was not written, a start after a crash will take longer: %s", error)
        return False
