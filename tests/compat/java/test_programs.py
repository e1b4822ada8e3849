"""Java clients that run for a while: verifiable producers and consumers, performance tests."""

import json
import re
import subprocess
import time

import pytest

from penstock.testing.apache_kafka import tool, tool_command

SECONDS_MAX = 40
CLASSIC = ("RangeAssignor", "RoundRobinAssignor", "StickyAssignor", "CooperativeStickyAssignor")
# By the name of the assignor: how a member asks for it, of its peers or of the broker.
MEMBERSHIPS = {
    name: ["--session-timeout", 6000, "--assignment-strategy", f"org.apache.kafka.clients.consumer.{name}"]
    for name in CLASSIC
} | {f"848-{name}": ["--group-protocol", "consumer", "--group-remote-assignor", name] for name in ("uniform", "range")}


def run(broker, name, *arguments):
    return tool(name, "--bootstrap-server", broker.bootstrap_servers, *arguments).stdout


def produce(broker, topic, count):
    """Numbers as values; gives what the producer said, one entry a line."""
    said = run(broker, "kafka-verifiable-producer", "--topic", topic, "--max-messages", count)
    return [json.loads(line) for line in said.splitlines()]


class Program:
    """A verifiable client in the background, and the events that it printed."""

    def __init__(self, broker, name, folder, *options):
        self.out = folder
        command = tool_command(name, "--bootstrap-server", broker.bootstrap_servers, *options)
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def events(self):
        lines = self.out.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def leave(self):
        self.process.terminate()
        self.process.wait(SECONDS_MAX)


class Member(Program):
    """A verifiable consumer."""

    def __init__(self, broker, topic, assignor, folder):
        options = ["--topic", topic, "--group-id", f"{topic}-group", "--verbose", *MEMBERSHIPS[assignor]]
        super().__init__(broker, "kafka-verifiable-consumer", folder, *options)

    def share(self):
        held = set()
        for event in self.events():
            partitions = {p["partition"] for p in event.get("partitions", []) if "partition" in p}
            if event["name"] == "partitions_assigned":
                held |= partitions
            elif event["name"] in ("partitions_revoked", "partitions_lost"):
                held -= partitions
        return held

    def read(self):
        return [(e["partition"], e["offset"]) for e in self.events() if e["name"] == "record_data"]


class ShareMember(Program):
    """A verifiable consumer of a share group."""

    def __init__(self, broker, topic, mode, folder):
        options = ["--topic", topic, "--group-id", f"{topic}-group", "--acknowledgement-mode", mode]
        options += ["--offset-reset-strategy", "earliest"]
        super().__init__(broker, "kafka-verifiable-share-consumer", folder, *options)

    def has_joined(self):
        return any(event["name"] == "offset_reset_strategy_set" for event in self.events())

    def acknowledged(self):
        told = [e for e in self.events() if e["name"] == "offsets_acknowledged"]
        assert all(event["success"] for event in told), told
        return [(p["partition"], offset) for e in told for p in e["partitions"] for offset in p["offsets"]]


def until(ready):
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.05)


@pytest.mark.parametrize("assignor", MEMBERSHIPS)
def test_a_java_group_shares_partitions_as_members_come_and_go(assignor, broker, topic, tmp_path):
    run(broker, "kafka-topics", "--create", "--topic", topic, "--partitions", 4)
    first = Member(broker, topic, assignor, tmp_path / "first")
    members = [first]
    try:
        until(lambda: first.share() == {0, 1, 2, 3})
        members.append(Member(broker, topic, assignor, tmp_path / "second"))
        until(lambda: [len(member.share()) for member in members] == [2, 2])
        shared = [member.share() for member in members]
        acknowledged = [e for e in produce(broker, topic, 2000) if e["name"] == "producer_send_success"]
        until(lambda: sum(len(member.read()) for member in members) >= 2000)
        members[1].leave()
        until(lambda: first.share() == {0, 1, 2, 3})
    finally:
        for member in members:
            member.leave()

    assert shared[0] | shared[1] == {0, 1, 2, 3}
    sent = sorted((e["partition"], e["offset"]) for e in acknowledged)
    assert len(sent) == 2000
    assert sorted(pair for member in members for pair in member.read()) == sent


@pytest.mark.parametrize("mode", ["auto", "sync", "async"])
def test_java_members_of_a_share_group_acknowledge_every_record_once(mode, broker, topic, tmp_path):
    run(broker, "kafka-topics", "--create", "--topic", topic, "--partitions", 2)
    members = [ShareMember(broker, topic, mode, tmp_path / name) for name in ("first", "second")]
    try:
        until(lambda: all(member.has_joined() for member in members))
        acknowledged = [e for e in produce(broker, topic, 1000) if e["name"] == "producer_send_success"]
        until(lambda: sum(len(member.acknowledged()) for member in members) >= 1000)
    finally:
        for member in members:
            member.leave()

    sent = sorted((e["partition"], e["offset"]) for e in acknowledged)
    assert len(sent) == 1000
    assert sorted(pair for member in members for pair in member.acknowledged()) == sent


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_the_performance_tools_send_and_read_every_record(acks, broker, topic):
    run(broker, "kafka-topics", "--create", "--topic", topic, "--partitions", 2)
    settings = ["--command-property", f"acks={acks}", "--command-property", "compression.type=lz4"]
    size = ["--num-records", 20000, "--record-size", 200, "--throughput", -1]

    sent = run(broker, "kafka-producer-perf-test", "--topic", topic, *size, *settings)
    read = run(broker, "kafka-consumer-perf-test", "--topic", topic, "--num-records", 20000)

    assert re.match(r"20000 records sent, [\d.]+ records/sec \([\d.]+ MB/sec\), ", sent.splitlines()[-1])
    columns = dict(zip(*(line.split(", ") for line in read.splitlines()), strict=True))
    assert int(columns["data.consumed.in.nMsg"]) == 20000


def test_the_performance_tool_of_share_groups_reads_every_record(broker, topic):
    group = f"{topic}-group"
    run(broker, "kafka-topics", "--create", "--topic", topic, "--partitions", 2)
    earliest = ["--add-config", "share.auto.offset.reset=earliest"]
    run(broker, "kafka-configs", "--alter", "--entity-type", "groups", "--entity-name", group, *earliest)
    size = ["--num-records", 10000, "--record-size", 200, "--throughput", -1]
    run(broker, "kafka-producer-perf-test", "--topic", topic, *size)

    limits = ["--num-records", 10000, "--timeout", 30000]
    read = run(broker, "kafka-share-consumer-perf-test", "--topic", topic, "--group", group, *limits)

    columns = dict(zip(*(line.split(", ") for line in read.splitlines()), strict=True))
    assert int(columns["data.consumed.in.nMsg"]) == 10000


def test_records_travel_end_to_end(broker, topic):
    said = run(
        broker, "kafka-e2e-latency", "--topic", topic, "--num-records", 200, "--producer-acks", 1, "--record-size", 100
    )

    assert "Avg latency" in said
    assert re.search(r"Percentiles: 50th = \d+, 99th = \d+, 99.9th = \d+", said)
