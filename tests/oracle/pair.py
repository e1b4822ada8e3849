"""Apache Kafka and our broker side by side, with the same settings, warm, and with topics for scripts to use."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from penstock.protocol import messages as m
from penstock.protocol.primitives import to_base64
from penstock.testing.apache_kafka import apache_kafka
from penstock.testing.embedded import kafka
from tests.oracle.script import Script
from tests.oracle.wire import Connection

SETTINGS = {
    "node.id": "0",
    "num.partitions": "2",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "6000",
    # Assignments are made within the heartbeat that asks for them.
    "group.consumer.assignment.interval.ms": "0",
    "group.share.assignment.interval.ms": "0",
    "log.segment.delete.delay.ms": "1000",
    # The scripts' records are old, and the housekeeping that would delete them comes when it comes.
    "log.retention.ms": "-1",
}
_READY_S_MAX = 60
_PAUSE_S = 0.01
CREATE_VERSION, DELETE_VERSION, OFFSETS_VERSION = 7, 6, 7


class Server(NamedTuple):
    """One of the two."""

    name: str
    port: int

    def connect(self) -> Connection:
        return Connection("127.0.0.1", self.port)


class Pair(NamedTuple):
    """Both, and a counter that gives each run of a script names of its own."""

    apache: Server
    ours: Server
    run: str
    numbers: Iterator[int]

    @property
    def both(self) -> tuple[Server, Server]:
        return self.apache, self.ours

    def fresh_prefix(self) -> str:
        """What the names of one run of a script begin with; all are of one length."""
        return f"o{self.run}-{next(self.numbers):06}-"


@contextmanager
def started(apache_port: int = 0) -> Iterator[Pair]:
    """Two servers that answer for every coordinator. apache_port: of one that runs with SETTINGS already."""
    with ExitStack() as stack:
        if not apache_port:
            apache_port = stack.enter_context(apache_kafka(config=SETTINGS, heap="768m")).port
        broker = stack.enter_context(kafka(as_process=True, configs=SETTINGS))
        pair = Pair(Server("apache", apache_port), Server("ours", broker.port), os.urandom(3).hex(), itertools.count())
        for server in pair.both:
            _warm(server)
        _default_in_sync(pair.ours)
        yield pair


@contextmanager
def topics_for(pair: Pair, scripts: Iterable[Script]) -> Iterator[list[str]]:
    """A prefix for each script, and under it the topics that it wants, on both servers; gone afterwards."""
    prefixes, wanted = [], []
    create = m.CreateTopicsRequest
    for script in scripts:
        prefixes.append(pair.fresh_prefix())
        for name, topic in script.topics.items():
            configs = [create.CreatableTopicConfig(*one) for one in topic.get("configs", {}).items()]
            wanted.append(create.CreatableTopic(prefixes[-1] + name, topic["partitions"], 1, configs=configs))
    for server in pair.both:
        with server.connect() as wire:
            if wanted:
                reply = wire.ask(create(topics=wanted, timeout_ms=30_000), CREATE_VERSION)
                assert not any(topic.error_code for topic in reply.topics), reply
            await_topics(wire, {topic.name: topic.num_partitions for topic in wanted})
    try:
        yield prefixes
    finally:
        for server in pair.both:
            with server.connect() as wire:
                _delete_all(wire, tuple(prefixes))


def await_topics(wire: Connection, partitions: dict[str, int]) -> None:
    """Until all partitions (by name: how many there are) answer; Apache Kafka makes them after it said so."""
    offsets = m.ListOffsetsRequest
    request = offsets(
        replica_id=-1,
        topics=[
            offsets.ListOffsetsTopic(name, [offsets.ListOffsetsPartition(index, -1, -1) for index in range(count)])
            for name, count in partitions.items()
        ],
    )
    until(
        lambda: (
            not partitions
            or not any(
                part.error_code for topic in wire.ask(request, OFFSETS_VERSION).topics for part in topic.partitions
            )
        )
    )


def await_no_topics(wire: Connection, names: list[str]) -> None:
    """Until none of them answers."""
    offsets = m.ListOffsetsRequest
    request = offsets(
        replica_id=-1,
        topics=[offsets.ListOffsetsTopic(name, [offsets.ListOffsetsPartition(0, -1, -1)]) for name in names],
    )
    until(
        lambda: all(
            part.error_code == 3 for topic in wire.ask(request, OFFSETS_VERSION).topics for part in topic.partitions
        )
    )


def until(is_done: Callable[[], Any], seconds: float = _READY_S_MAX) -> None:
    """Asks again and again. Error: AssertionError when it does not come."""
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"not done after {seconds} s"
        time.sleep(_PAUSE_S)


def _delete_all(wire: Connection, prefixes: tuple[str, ...]) -> None:
    """Topics that are left open cost Apache Kafka maps of memory, of which there are 65,530."""
    found = wire.ask(m.MetadataRequest(topics=None, allow_auto_topic_creation=False), 12)
    names = [topic.name for topic in found.topics if topic.name.startswith(prefixes)]
    states = [m.DeleteTopicsRequest.DeleteTopicState(name=name) for name in names]
    if states:
        wire.ask(m.DeleteTopicsRequest(topics=states, timeout_ms=30_000), DELETE_VERSION)


def _default_in_sync(server: Server) -> None:
    """A setting of the cluster that Apache Kafka makes by itself when it formats a store."""
    alter = m.IncrementalAlterConfigsRequest
    entry = alter.AlterableConfig("min.insync.replicas", 0, "1")
    with server.connect() as wire:
        reply = wire.ask(alter(resources=[alter.AlterConfigsResource(4, "", [entry])]), 1)
        assert not reply.responses[0].error_code, reply


def _warm(server: Server) -> None:
    """Makes the internal topics and waits until each of their partitions has its coordinator."""
    with server.connect() as wire:
        for kind, key in ((0, "warm"), (1, "warm"), (2, f"warm:{to_base64(b'sixteen bytes ok')}:0")):
            find = m.FindCoordinatorRequest(key_type=kind, coordinator_keys=[key])
            until(lambda find=find: wire.ask(find, 6).coordinators[0].error_code == 0)
        for number in range(40):
            groups = [m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id=f"warm{number}", topics=None)]
            fetch = m.OffsetFetchRequest(groups=groups)
            until(lambda fetch=fetch: not wire.ask(fetch, 8).groups[0].error_code)
            init = m.InitProducerIdRequest(transactional_id=f"warm{number}", transaction_timeout_ms=60_000)
            until(lambda init=init: not wire.ask(init, 4).error_code)
