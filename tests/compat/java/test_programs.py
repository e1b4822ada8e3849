"""Java clients that run for a while: verifiable producers and consumers, performance tests."""

import json
import re
import subprocess
import time

import pytest

from penstock.testing.apache_kafka import tool, tool_command

SECONDS_MAX = 40
ASSIGNORS = ("RangeAssignor", "RoundRobinAssignor", "StickyAssignor", "CooperativeStickyAssignor")


def run(broker, name, *arguments):
    return tool(name, "--bootstrap-server", broker.bootstrap_servers, *arguments).stdout


def produce(broker, topic, count):
    """Numbers as values; gives what the producer said, one entry a line."""
    said = run(broker, "kafka-verifiable-producer", "--topic", topic, "--max-messages", count)
    return [json.loads(line) for line in said.splitlines()]


class Member:
    """A verifiable consumer in the background, and the events that it printed."""

    def __init__(self, broker, topic, assignor, folder):
        self.out = folder
        options = ["--topic", topic, "--group-id", f"{topic}-group", "--session-timeout", 6000, "--verbose"]
        options += ["--assignment-strategy", f"org.apache.kafka.clients.consumer.{assignor}"]
        address = ["--bootstrap-server", broker.bootstrap_servers]
        command = tool_command("kafka-verifiable-consumer", *address, *options)
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def events(self):
        lines = self.out.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

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

    def leave(self):
        self.process.terminate()
        self.process.wait(SECONDS_MAX)


def until(ready):
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.05)


@pytest.mark.parametrize("assignor", ASSIGNORS)
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


def test_records_travel_end_to_end(broker, topic):
    said = run(
        broker, "kafka-e2e-latency", "--topic", topic, "--num-records", 200, "--producer-acks", 1, "--record-size", 100
    )

    assert "Avg latency" in said
    assert re.search(r"Percentiles: 50th = \d+, 99th = \d+, 99.9th = \d+", said)
