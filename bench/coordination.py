"""What coordinators do: transactions, readers of transactions, rebalances, share groups."""

import itertools
import os
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench import scenarios, servers
from bench.footprint import run_module
from bench.load import Load
from bench.plan import Plan
from bench.rebalance import Spec as Rebalancing
from bench.scenarios import KIB, Shared
from bench.servers import Server
from bench.share_consumers import Spec as Sharing
from bench.transactions import Spec as Transacting

HEARTBEAT_S = servers.HEARTBEAT_MS / 1000
# Of the read_committed topic: the batches of a request, the last one aborted.
TRANSACTIONS_PER_FETCH = 4
_WARM_SECONDS = 3
_WARM_MEMBERS = 20
_numbers = itertools.count()


@dataclass(frozen=True)
class Transactions:
    """Small transactions, one after another for each of `ids`; batches: of each, in different partitions.

    Names are ids x batches.
    """

    name: str
    ids: int
    batches: int
    partitions: int = 10

    def prepare(self, server: Server, shared: Shared) -> None:
        plan = shared.plan
        # The load generator has not warmed these paths.
        self._run(server, replace(plan, seconds=min(plan.seconds, _WARM_SECONDS), seconds_skipped=0))

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        return self._run(server, shared.plan)

    def finish(self, server: Server, shared: Shared) -> None:
        pass

    def _run(self, server: Server, plan: Plan) -> dict[str, Any]:
        topic = f"{self.name}-{next(_numbers)}"
        servers.create_topics(server, {topic: self.partitions})
        spec = Transacting(
            server.port,
            server.pid,
            topic,
            self.partitions,
            self.ids,
            self.batches,
            value_size=scenarios.ONE_RECORD_VALUE,
            seconds_max=plan.seconds,
            seconds_skipped=plan.seconds_skipped,
        )
        try:
            return run_module("bench.transactions", asdict(spec))
        finally:
            servers.delete_topic(server, topic)
            os.sync()


@dataclass(frozen=True)
class FetchTransactions:
    """A topic of transactions of 64 KB in each partition, every fourth aborted, four to a request, markers and all.

    isolation: 0 gives all, 1 tells which are aborted and ends before what is still open.
    """

    name: str
    isolation: int
    batch_size: int = 64 * KIB
    partitions: int = 4
    connections: int = 4
    in_flight: int = 2

    def prepare(self, server: Server, shared: Shared) -> None:
        servers.create_topics(server, {self.name: self.partitions})
        load = self._load(server, shared)
        spec = Transacting(
            server.port,
            server.pid,
            self.name,
            self.partitions,
            batches=self.partitions,
            batch_size=self.batch_size,
            value_size=load.value_size,
            abort_every=TRANSACTIONS_PER_FETCH,
            transactions_max=load.batches * TRANSACTIONS_PER_FETCH,
            seconds_max=600,
        )
        run_module("bench.transactions", asdict(spec))
        os.sync()

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        return scenarios.generate(server, self._load(server, shared))

    def finish(self, server: Server, shared: Shared) -> None:
        servers.delete_topic(server, self.name)
        os.sync()

    def _load(self, server: Server, shared: Shared) -> Load:
        plan = shared.plan
        each = self.partitions * TRANSACTIONS_PER_FETCH * self.batch_size
        return Load(
            "fetch",
            server.port,
            server.pid,
            self.name,
            self.partitions,
            self.connections,
            self.in_flight,
            self.batch_size,
            plan.value_size,
            batches=max(2, plan.bytes_preloaded // each),
            seconds_max=plan.seconds,
            seconds_skipped=plan.seconds_skipped,
            transactions=TRANSACTIONS_PER_FETCH,
            isolation=self.isolation,
        )


@dataclass(frozen=True)
class Rebalance:
    """A new group of `members` (or as many as the plan allows) with a partition for each; protocol: see `rebalance`."""

    name: str
    protocol: str
    members: int

    def prepare(self, server: Server, shared: Shared) -> None:
        self._run(server, min(self._size(shared), _WARM_MEMBERS))

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        return self._run(server, self._size(shared))

    def finish(self, server: Server, shared: Shared) -> None:
        pass

    def _size(self, shared: Shared) -> int:
        return min(self.members, shared.plan.members_max)

    def _run(self, server: Server, members: int) -> dict[str, Any]:
        topic = f"{self.name}-{next(_numbers)}"
        servers.create_topics(server, {topic: members})
        spec = Rebalancing(server.port, server.pid, f"{topic}-group", topic, self.protocol, members, HEARTBEAT_S)
        try:
            return run_module("bench.rebalance", asdict(spec))
        finally:
            servers.delete_topic(server, topic)


@dataclass(frozen=True)
class ShareGroup:
    """A new share group in every round reads the same topic from its start and accepts each record."""

    name: str
    consumers: int
    batch_size: int = 16 * KIB
    partitions: int = 4

    def prepare(self, server: Server, shared: Shared) -> None:
        self._topic.prepare(server, shared)
        plan = shared.plan
        self._run(server, replace(plan, seconds=min(plan.seconds, _WARM_SECONDS), seconds_skipped=0))

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        return self._run(server, shared.plan)

    def finish(self, server: Server, shared: Shared) -> None:
        self._topic.finish(server, shared)

    @property
    def _topic(self) -> scenarios.Fetch:
        return scenarios.Fetch(self.name, self.batch_size, self.partitions)

    def _run(self, server: Server, plan: Plan) -> dict[str, Any]:
        spec = Sharing(
            server.port,
            server.pid,
            f"{self.name}-{next(_numbers)}",
            self.name,
            self.partitions,
            self.consumers,
            HEARTBEAT_S,
            seconds_max=plan.seconds,
            seconds_skipped=plan.seconds_skipped,
        )
        return run_module("bench.share_consumers", asdict(spec))


TRANSACTIONS = tuple(
    Transactions(f"transactions-{ids}x{batches}", ids, batches) for ids in (1, 10) for batches in (1, 10)
)
FETCH_TRANSACTIONS = (
    FetchTransactions("fetch-transactions-uncommitted", isolation=0),
    FetchTransactions("fetch-transactions-committed", isolation=1),
)
REBALANCES = tuple(
    Rebalance(f"rebalance-{protocol}-{members}", protocol, members)
    for members in (100, 1_000)
    for protocol in ("eager", "cooperative", "consumer", "share", "streams")
)
SHARE_GROUPS = tuple(ShareGroup(f"share-group-{consumers}", consumers) for consumers in (1, 4))
