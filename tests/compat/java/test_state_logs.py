"""What coordinators keep on disk is read by Kafka's own tool, record by record, and has the shape of Kafka's own."""

import json
import re
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from penstock.testing.apache_kafka import tool

from ..servers import Server
from .conftest import ROWS

SECONDS_MAX = 60
DECODERS = {
    "__consumer_offsets": "--offsets-decoder",
    "__transaction_state": "--transaction-log-decoder",
    "__share_group_state": "--share-group-state-decoder",
}
# Types of records: the group, its members, targets and assignments; offsets; the pattern.
CONSUMER_GROUP = {"1", "3", "5", "6", "7", "8", "16"}
SHARE_GROUP = {"10", "11", "12", "13", "14", "15"}


def live(server: Server, topic: str) -> None:
    """A member that reads by a pattern, commits within a transaction and without, and leaves."""
    client = {"bootstrap.servers": server.bootstrap_servers}
    group = {"group.id": f"{topic}-group", "group.protocol": "consumer", "auto.offset.reset": "earliest"}
    consumer = Consumer({**client, **group, "enable.auto.commit": False})
    consumer.subscribe([f"^{topic}.*"])
    deadline = time.monotonic() + SECONDS_MAX
    while not consumer.consume(1, 1.0):
        assert time.monotonic() < deadline, "nothing came"
    consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    producer = Producer({**client, "transactional.id": topic})
    producer.init_transactions(SECONDS_MAX)
    for commit in (True, False):
        producer.begin_transaction()
        producer.produce(topic, b"v", partition=0)
        offsets = [TopicPartition(topic, 0, 2)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), SECONDS_MAX)
        if commit:
            producer.commit_transaction(SECONDS_MAX)
        else:
            producer.abort_transaction(SECONDS_MAX)
    consumer.close()


def shapes(server: Server, topic: str, name: str) -> set[tuple[str, ...]]:
    """The records about `name` in a log: the type of the key, the version of the value, and the names in both."""
    files = sorted(str(path) for path in server.log_dir.glob(f"{topic}-*/*.log"))
    done = tool("kafka-dump-log", "--files", ",".join(files), DECODERS[topic], timeout=SECONDS_MAX)
    found = set()
    for line in done.stdout.splitlines():
        match = re.match(r"\| offset: .*? key: (\{.*\}|\S+) payload: (.*)$", line)
        if match is None or name not in line:
            continue
        key, value = (json.loads(text) if text.startswith("{") else None for text in match.groups())
        assert key is not None, line[:300]
        assert value is not None or match[2] == "<DELETE>", line[:300]
        found.add((key["type"], *names_in(key["data"]), *(() if value is None else (value["version"],))))
        if value is not None:
            found.add((key["type"], "value", *names_in(value["data"])))
    return found


def names_in(data: object) -> list[str]:
    """All names in a value, those of its parts too."""
    if isinstance(data, dict):
        return sorted({name for key, part in data.items() for name in (key, *names_in(part))})
    if isinstance(data, list):
        return sorted({name for part in data for name in names_in(part)})
    return []


@pytest.fixture
def lived(pair, filled) -> str:
    """A topic that a consumer group, a share group and a transaction were about, on both."""
    entity = ["--entity-type", "groups", "--entity-name", f"{filled}-share"]
    pair.same("kafka-configs", "--alter", *entity, "--add-config", "share.auto.offset.reset=earliest")
    limits = ["--max-messages", len(ROWS), "--timeout-ms", 60_000]
    pair.same("kafka-console-share-consumer", "--topic", filled, "--group", f"{filled}-share", *limits)
    for server in (pair.ours, pair.theirs):
        live(server, filled)
    return filled


def test_what_coordinators_keep_is_read_by_kafkas_own_tool(pair, lived):
    for topic in DECODERS:
        ours, theirs = (shapes(server, topic, lived) for server in (pair.ours, pair.theirs))
        types = {kind for kind, *_ in ours}

        assert ours <= theirs, topic
        if topic == "__consumer_offsets":
            assert types >= CONSUMER_GROUP | SHARE_GROUP
        else:
            assert types
