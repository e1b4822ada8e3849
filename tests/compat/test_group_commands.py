"""`penstock group` says of Apache Kafka what it says of Penstock: it asks by Kafka's protocol alone."""

import json
import subprocess
import sys
import time

import pytest
from confluent_kafka import Consumer, Producer, ShareConsumer
from confluent_kafka.admin import AdminClient, NewTopic

from penstock.testing.apache_kafka import tool

SECONDS_MAX = 60
RECORDS = 20
KINDS = ("classic", "consumer", "share")
# What no two servers have in common. Epochs: members get their partitions one epoch earlier here.
OWN = ("member_id", "host", "epoch")


def run(server, *arguments):
    command = [sys.executable, "-m", "penstock.cli.main", "group", *arguments, "-b", server.bootstrap_servers]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def fill(server, topic):
    servers = {"bootstrap.servers": server.bootstrap_servers}
    admin = AdminClient(servers)
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(20)
    producer = Producer(servers)
    for number in range(RECORDS):
        producer.produce(topic, value=str(number), partition=number % 2)
    assert producer.flush(30) == 0
    of_group = ["--entity-type", "groups", "--entity-name", f"{topic}-share", "--alter"]
    earliest = ["--add-config", "share.auto.offset.reset=earliest"]
    tool("kafka-configs", "--bootstrap-server", server.bootstrap_servers, *of_group, *earliest)


def joined(server, topic, kind):
    """A member of the group TOPIC-KIND that has read and committed everything."""
    settings = {"bootstrap.servers": server.bootstrap_servers, "group.id": f"{topic}-{kind}", "client.id": "app"}
    if kind == "share":
        member = ShareConsumer(settings)
    else:
        more = {"group.protocol": kind, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        member = Consumer({**settings, **more})
    member.subscribe([topic])
    read, deadline = 0, time.monotonic() + SECONDS_MAX
    while read < RECORDS:
        assert time.monotonic() < deadline, f"{read} records came"
        read += len(member.poll(0.2) if kind == "share" else member.consume(100, 0.2))
    member.commit_sync() if kind == "share" else member.commit(asynchronous=False)
    return member


def told(server, topic, *arguments):
    """What a command says in JSON of what belongs to the topic, less what is the server's own."""
    done = run(server, *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(done.stdout) if row.get("group", topic).startswith(topic)]
    return [{name: value for name, value in row.items() if name not in OWN} for row in rows]


@pytest.mark.slow
def test_groups_of_every_type_are_shown_moved_and_deleted_alike(broker, apache_neighbour, topic):
    said = []
    for server in (broker, apache_neighbour):
        fill(server, topic)
        members = [joined(server, topic, kind) for kind in KINDS]
        try:
            rows = [told(server, topic, "list")]
            for kind in KINDS:
                rows += [told(server, topic, "describe", f"{topic}-{kind}", *option) for option in ([], ["--members"])]
            refused = [run(server, "delete", f"{topic}-{kind}").returncode for kind in KINDS]
        finally:
            for member in members:
                member.close()
        for kind in KINDS:
            rows.append(told(server, topic, "reset-offsets", f"{topic}-{kind}", "-t", f"{topic}:1", "--to-offset", "3"))
            rows.append(told(server, topic, "describe", f"{topic}-{kind}"))
        deleted = run(server, "delete", *(f"{topic}-{kind}" for kind in KINDS))
        said.append((rows, refused, sorted(deleted.stdout.splitlines()), told(server, topic, "list")))

    assert said[0] == said[1]
    rows, refused, deleted, left = said[0]
    assert [(row["type"], row["state"]) for row in rows[0]] == [(kind.title(), "Stable") for kind in KINDS]
    assert refused == [1, 1, 1]
    assert deleted == [f"Deleted group {topic}-{kind}." for kind in KINDS]
    assert left == []
