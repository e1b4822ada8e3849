"""Transactions of Kafka's own Java client, and what Kafka's tools say of them."""

import re

import pytest
from confluent_kafka import Producer

from penstock.testing.apache_kafka import tool

from ..servers import Server
from .test_programs import run
from .tools import plain

SECONDS_MAX = 30


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
