"""Transactions of Kafka's own Java client, and what Kafka's tools say of them."""

import re
import subprocess
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer

from penstock.testing.apache_kafka import tool, tool_command
from tests.broker.admin.wire import Wire
from tests.broker.transacting import Transactional

from ..servers import Server
from .test_programs import produce, run, until
from .tools import plain

SECONDS_MAX = 30
COPIED = 1200
COPIER = "org.apache.kafka.tools.TransactionalMessageCopier"
# Clients of this version say themselves which partitions a transaction has; these say nothing.
PRODUCE_WITHOUT_ADDING = 11


@pytest.fixture
def ended(pair, empty) -> str:
    """A transactional id that committed one transaction, and its topic, under one name on both."""
    for server in (pair.ours, pair.theirs):
        producer = Producer({"bootstrap.servers": server.bootstrap_servers, "transactional.id": empty})
        producer.init_transactions(SECONDS_MAX)
        producer.begin_transaction()
        producer.produce(empty, b"v", partition=0)
        producer.commit_transaction(SECONDS_MAX)
    return empty


def rows(server: Server, *arguments: object) -> list[dict[str, str]]:
    """What kafka-transactions prints: each row by the names of the columns."""
    lines = run(server, "kafka-transactions", *arguments).splitlines()
    head, *cells = [[cell.strip() for cell in line.split("\t")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in cells]


def test_the_java_producer_sends_in_transactions(broker, topic):
    run(broker, "kafka-topics", "--create", "--topic", topic, "--partitions", 2)
    size = ["--num-records", 5000, "--record-size", 200, "--throughput", -1]
    transactional = ["--transactional-id", topic, "--transaction-duration-ms", 100]

    sent = run(broker, "kafka-producer-perf-test", "--topic", topic, *size, *transactional)

    (row,) = rows(broker, "describe", "--transactional-id", topic)
    assert re.match(r"5000 records sent, ", sent.splitlines()[-1])
    # This client is the first that asks for the epoch to rise with every transaction.
    assert int(row["ProducerEpoch"]) > 0
    assert row["TransactionState"] == "CompleteCommit"


def test_a_transactional_id_is_listed_and_described(pair, ended):
    listings = [["list"], ["list", "--transactional-id-pattern", f"{ended[:4]}.*"]]
    listed = [rows(server, *listing) for server in (pair.ours, pair.theirs) for listing in listings]
    ((ours,), (theirs,)) = [
        rows(server, "describe", "--transactional-id", ended) for server in (pair.ours, pair.theirs)
    ]

    for found in listed:
        assert [row["TransactionState"] for row in found if row["TransactionalId"] == ended] == ["CompleteCommit"]
    assert ours.keys() == theirs.keys()
    for column in ("ProducerEpoch", "TransactionState", "TransactionTimeoutMs", "TopicPartitions"):
        assert ours[column] == theirs[column]


def test_a_transactional_id_that_does_not_exist_is_not_described(pair):
    said = []
    for server in (pair.ours, pair.theirs):
        address = ["--bootstrap-server", server.bootstrap_servers]
        asked = [*address, "describe", "--transactional-id", "nobody-has-this-id"]
        done = tool("kafka-transactions", *asked, check=False)
        said.append((done.returncode, plain(done.stdout, server), plain(done.stderr, server)))

    assert said[0] == said[1]
    assert "could not be found" in said[0][2]


def read_committed(server: Server, topic: str, count: int) -> list[str]:
    """The values that come first, so many and all that come with them."""
    settings = {"bootstrap.servers": server.bootstrap_servers, "group.id": f"{topic}-check"}
    consumer = Consumer({**settings, "auto.offset.reset": "earliest", "enable.partition.eof": True})
    consumer.subscribe([topic])
    values: list[str] = []
    deadline = time.monotonic() + SECONDS_MAX
    while len(values) < count:
        assert time.monotonic() < deadline, f"{len(values)} of {count} came"
        values += [m.value().decode() for m in consumer.consume(1000, 0.2) if m.error() is None]
    consumer.close()
    return values


@pytest.mark.parametrize("in_a_group", [True, False])
def test_copiers_that_abort_at_random_copy_every_record_once(broker, topic, in_a_group):
    """Two, each with transactions of 40 records of which a third is aborted; in a group they share the partitions."""
    out, group = f"{topic}-out", f"{topic}-group"
    for name in (topic, out):
        run(broker, "kafka-topics", "--create", "--topic", name, "--partitions", 2)
    produce(broker, topic, COPIED)
    shared = ["--group-mode", "--use-group-metadata"] if in_a_group else []
    options = ["--broker-list", broker.bootstrap_servers, "--input-topic", topic, "--output-topic", out]
    options += ["--consumer-group", group, "--transaction-size", 40, "--enable-random-aborts", *shared]

    copiers = [
        subprocess.Popen(
            tool_command(COPIER, *options, "--input-partition", number, "--transactional-id", f"{topic}-{number}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for number in range(2)
    ]
    try:
        codes = [copier.wait(3 * SECONDS_MAX) for copier in copiers]
    finally:
        for copier in copiers:
            copier.kill()

    assert codes == [0, 0]
    assert sorted(map(int, read_committed(broker, out, COPIED))) == list(range(COPIED))


def hang(producer: Transactional, name: str) -> None:
    """Writes one record of a transaction that is nobody's, once the coordinator and the setting are there."""
    until(lambda: producer.find(name) == ["NONE"])
    until(lambda: producer.init(name).error == "NONE")
    got = producer.init(name)
    who = got.producer_id, got.epoch
    until(lambda: producer.produce(name, who, place=(name, 0), version=PRODUCE_WITHOUT_ADDING) == "NONE")


@pytest.fixture
def hanging(pair, empty) -> Iterator[str]:
    """A topic with an open transaction that no coordinator knows of, on both: no marker will ever end it."""
    verification = "transaction.partition.verification.enable"
    entity = ["--entity-type", "brokers", "--entity-default"]
    pair.same("kafka-configs", "--alter", *entity, "--add-config", f"{verification}=false")
    try:
        for server in (pair.ours, pair.theirs):
            with Wire(server.host, server.port) as wire:
                hang(Transactional(wire), empty)
        yield empty
    finally:
        pair.same("kafka-configs", "--alter", *entity, "--delete-config", verification)


def test_a_hanging_transaction_is_found_and_aborted(pair, hanging):
    place = ["--topic", hanging, "--partition", 0]
    said = []
    for server in (pair.ours, pair.theirs):
        producer = Producer({"bootstrap.servers": server.bootstrap_servers})
        producer.produce(hanging, b"after", partition=0)
        assert producer.flush(SECONDS_MAX) == 0
        found = rows(server, "find-hanging", "--topic", hanging)
        described = rows(server, "describe-producers", *place)
        run(server, "kafka-transactions", "abort", *place, "--start-offset", 0)
        left = rows(server, "find-hanging", "--topic", hanging)
        after = rows(server, "describe-producers", *place)
        # What is a server's own: the producer's id, and times.
        for row in (*found, *described, *after):
            row.update({name: "" for name in ("ProducerId", "LastTimestamp", "Duration(min)") if name in row})
        said.append((found, described, left, after, read_committed(server, hanging, 1)))

    assert said[0] == said[1]
    found, described, left, after, values = said[0]
    assert [row["StartOffset"] for row in found] == ["0"]
    assert [row["CurrentTransactionStartOffset"] for row in described] == ["0"]
    assert left == []
    assert [row["CurrentTransactionStartOffset"] for row in after] == ["None"]
    assert values == ["after"]
