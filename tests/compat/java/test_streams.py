"""Kafka Streams with `group.protocol=streams` (KIP-1071): Kafka's own word count, in one process and in two."""

import subprocess
import time
from collections import Counter

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from penstock.testing import java
from penstock.testing.apache_kafka import VERSION, jars, tool

# Who is killed is missed when its session is over, after 45 seconds.
SECONDS_MAX = 180
# The names that the program has built in.
INPUT, OUTPUT = "streams-plaintext-input", "streams-wordcount-output"
WORD_COUNT = "org.apache.kafka.streams.examples.wordcount.WordCountDemo"
PARTITIONS = 3


class Instance:
    """One process of the application, with a state directory of its own."""

    def __init__(self, broker, application, folder, **settings):
        folder.mkdir()
        properties = {
            "bootstrap.servers": broker.bootstrap_servers,
            "application.id": application,
            "group.protocol": "streams",
            "state.dir": folder / "state",
            "commit.interval.ms": 100,
            "statestore.cache.max.bytes": 0,
            **{name.replace("_", "."): value for name, value in settings.items()},
        }
        config = folder / "application.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        self.log = folder / "log"
        program = java.classpath(f"org.apache.kafka:kafka-streams-examples:{VERSION}")
        command = java.command(WORD_COUNT, str(config), jars=f"{program}:{jars()}")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def leave(self):
        self.process.terminate()
        self.process.wait(SECONDS_MAX)

    def kill(self):
        self.process.kill()
        self.process.wait(SECONDS_MAX)


class Words:
    """What is sent, and what comes out: the last count of each word."""

    def __init__(self, broker):
        self.address = {"bootstrap.servers": broker.bootstrap_servers}
        self.sent = Counter()
        self.counted = {}
        self.producer = Producer(self.address)
        settings = {"group.id": "reader", "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
        self.consumer = Consumer({**self.address, **settings, "enable.auto.commit": False})
        self.consumer.subscribe([OUTPUT])

    def send(self, *lines):
        for line in lines:
            self.sent.update(line.split())
            self.producer.produce(INPUT, value=line.encode())
        assert self.producer.flush(20) == 0

    def arrive(self):
        """Waits until every word has been counted as often as it was sent."""
        deadline = time.monotonic() + SECONDS_MAX
        while self.counted != self.sent:
            message = self.consumer.poll(0.5)
            if message is not None and message.error() is None:
                self.counted[message.key().decode()] = int.from_bytes(message.value(), "big")
            assert time.monotonic() < deadline, (self.sent, self.counted)

    def close(self):
        self.consumer.close()


@pytest.fixture
def words(broker):
    client = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    topics = [NewTopic(INPUT, PARTITIONS, 1), NewTopic(OUTPUT, 2, 1)]
    for made in client.create_topics(topics).values():
        made.result(20)
    words = Words(broker)
    yield words
    words.close()
    for gone in client.delete_topics([INPUT, OUTPUT]).values():
        gone.result(20)


def groups(broker, application, *arguments, **options):
    """What `kafka-streams-groups` prints of the application."""
    address = ["--bootstrap-server", broker.bootstrap_servers]
    return tool("kafka-streams-groups", *address, "--group", application, *arguments, **options).stdout


def members(broker, application):
    """A line of the tool for each member."""
    said = groups(broker, application, "--describe", "--members", check=False)
    return [line for line in said.splitlines() if line.startswith(application)]


def until(ready, *instances):
    deadline = time.monotonic() + SECONDS_MAX
    while not (found := ready()):
        assert time.monotonic() < deadline, "\n".join(i.log.read_text()[-2000:] for i in instances)
        time.sleep(0.5)
    return found


@pytest.mark.parametrize(("guarantee", "end"), [("at_least_once", Instance.leave), ("exactly_once_v2", Instance.kill)])
def test_words_are_counted_while_instances_come_and_go(guarantee, end, broker, topic, words, tmp_path):
    settings = {"processing_guarantee": guarantee}
    instances = [Instance(broker, topic, tmp_path / "first", **settings)]
    try:
        words.send("a b c", "a b", "a")
        words.arrive()
        instances.append(Instance(broker, topic, tmp_path / "second", **settings))
        until(lambda: len(members(broker, topic)) == 2, *instances)
        words.send(*[f"a w{number}" for number in range(50)])
        words.arrive()
        end(instances[0])
        words.send("a b c d")
        words.arrive()
        left = members(broker, topic)
        state = groups(broker, topic, "--describe", "--state")
        offsets = groups(broker, topic, "--describe", "--offsets")
    finally:
        for instance in instances:
            instance.leave()

    assert len(left) == 1
    assert "Stable" in state
    assert INPUT in offsets
    assert f"{topic}-KSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition" in offsets
    assert words.counted == words.sent
    # With the group go its internal topics.
    deleted = groups(broker, topic, "--delete", "--delete-all-internal-topics", check=False)
    assert topic in deleted, deleted


def test_the_tool_says_of_groups_that_are_not_there_what_it_says_of_apache_kafka(pair):
    described = pair.run("kafka-streams-groups", "--describe", "--group", "nobody-has-this-id")
    deleted = pair.run("kafka-streams-groups", "--delete", "--group", "nobody-has-this-id")
    listed = pair.same("kafka-streams-groups", "--list", "--state")

    assert described[0] == described[1]
    assert deleted[0] == deleted[1]
    assert "nobody-has-this-id" in described[0].out + described[0].error
    assert listed.splitlines()[0].split() == ["GROUP", "STATE"]
