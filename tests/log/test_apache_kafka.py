"""Apache Kafka reads what we write, we read what it writes, and each goes on where the other stopped."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from penstock.kit.files import RealFiles
from penstock.log.transactions import TransactionEnd
from penstock.log.txn_index import decode_aborted
from penstock.protocol.primitives import to_base64
from penstock.records.codec import Codec
from penstock.testing.apache_kafka import ApacheKafka, apache_kafka, tool
from penstock.testing.clock import ManualClock
from penstock.testing.contract.log import LogWorld
from tests.log.test_transactions import committed

pytestmark = pytest.mark.apache

COMPLAINTS = re.compile(r"mismatch|non-consecutive|isvalid: false|not found|out of order|exception|error|corrupt", re.I)
# What the tool says of every segment that does not begin at 0, of Apache Kafka's own too.
FALSE_ALARM = re.compile(r"Non-consecutive offsets in \S+\n  -1 is followed by \d+\n")


def dump(files: list[Path], *options: str) -> str:
    done = tool("kafka-dump-log", "--files", ",".join(map(str, files)), *options)
    said = FALSE_ALARM.sub("", done.stdout + done.stderr)
    assert [line for line in said.splitlines() if COMPLAINTS.search(line)] == []
    return done.stdout


def partition_files(path: str, *suffixes: str) -> list[Path]:
    return sorted(file for file in Path(path).iterdir() if file.suffix in suffixes)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> LogWorld:
    """A log of several segments by several producers, its last segment still open for appends."""
    world = LogWorld(RealFiles(), str(tmp_path_factory.mktemp("ours")), segment_bytes=20_000, index_interval_bytes=500)
    for number in range(200):
        world.clock.advance(7)
        now = world.clock.now_ms()
        world.add(b"plain %d" % number, at=now)
        world.add(*[b"many"] * 5, at=[now - 50, now, now - 3, now - 2, now - 1], codec=list(Codec)[number % 5])
        world.add(b"a", b"b", producer_id=number % 3, producer_epoch=0, base_sequence=number // 3 * 2)
    return world


def test_dump_log_segments_reads_a_log_that_is_being_written(world: LogWorld) -> None:
    logs = partition_files(world.path, ".log")

    said = dump(logs, "--deep-iteration", "--print-data-log")

    assert len(logs) == 3
    assert len(re.findall(r"payload: ", said)) == world.partition.next_offset
    assert "payload: plain 199" in said


@pytest.mark.parametrize("option", ["--index-sanity-check", "--verify-index-only", "--deep-iteration"])
def test_dump_log_segments_agrees_with_the_indexes(world: LogWorld, option: str) -> None:
    indexes = partition_files(world.path, ".index", ".timeindex")

    said = dump(indexes, option)

    if option == "--index-sanity-check":
        # The active segment's have no entry in their files yet.
        assert said.count("passed sanity check") == len(indexes) - 1
        assert said.count("is empty") == 1


def test_dump_log_segments_lists_the_producers_of_a_snapshot(world: LogWorld) -> None:
    said = dump(partition_files(world.path, ".snapshot")[-1:])

    assert {int(found) for found in re.findall(r"producerId: (\d+)", said)} == {0, 1, 2}
    assert len(re.findall(r"producerEpoch: 0 .*lastTimestamp: \d+", said)) == 3


def test_dump_log_segments_agrees_after_a_crash_and_a_clean_shutdown(world: LogWorld, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(world.root, root)
    (root / ".lock").unlink()
    copy = LogWorld(RealFiles(), str(root), world.clock, segment_bytes=20_000, index_interval_bytes=500)
    copy.add(b"after the crash")
    after_crash = dump(partition_files(copy.path, ".log", ".index", ".timeindex"), "--deep-iteration")

    copy.restart()
    assert copy.directory.close()

    after_shutdown = dump(partition_files(copy.path, ".log", ".index", ".timeindex", ".snapshot"), "--deep-iteration")
    assert "after the crash" not in after_crash
    assert f"{copy.partition.next_offset}.snapshot" in after_shutdown


def test_dump_log_segments_lists_transactions(tmp_path: Path) -> None:
    world = LogWorld(RealFiles(), str(tmp_path / "ours"))
    for producer in (7, 8, 9):
        world.add(b"v", producer_id=producer, producer_epoch=3, base_sequence=0, transactional=True)
    for producer in (8, 7):
        world.partition.end_transaction(TransactionEnd(producer, 3, False, 5), world.clock.now_ms())
    assert world.directory.close()

    indexes = dump(partition_files(world.path, ".txnindex"))
    snapshots = dump(partition_files(world.path, ".snapshot"))

    entries = re.findall(
        r"version: 0 producerId: (\d+) firstOffset: (\d+) lastOffset: (\d+) lastStable\w+: (\d+)", indexes
    )
    assert entries == [("8", "1", "3", "0"), ("7", "0", "4", "2")]
    found = re.findall(r"producerId: (\d+) .*coordinatorEpoch: (-?\d+) currentTxnFirstOffset: (\S+)", snapshots)
    assert found == [("7", "5", "None"), ("8", "5", "None"), ("9", "-1", "2")]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    with apache_kafka(data_dir=tmp_path_factory.mktemp("apache")) as node:
        admin = AdminClient({"bootstrap.servers": node.bootstrap_servers, "log_level": 0})
        topic = NewTopic("orders", 1, 1, config={"segment.bytes": "1048576", "index.interval.bytes": "1000"})
        admin.create_topics([topic])["orders"].result(30)
        yield node


def produce(kafka: ApacheKafka, values: list[bytes]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "log_level": 0,
            "enable.idempotence": True,
            "batch.num.messages": 10,
            "compression.type": "lz4",
        }
    )
    for value in values:
        producer.produce("orders", value, partition=0)
    assert producer.flush(30) == 0


def consume(kafka: ApacheKafka, count: int, isolation: str = "read_uncommitted") -> list[bytes]:
    settings = {"group.id": "unused", "log_level": 0, "isolation.level": isolation}
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers} | settings)
    consumer.assign([TopicPartition("orders", 0, OFFSET_BEGINNING)])
    found: list[bytes] = []
    while len(found) < count:
        messages = consumer.consume(count - len(found), 30)
        assert messages, f"{len(found)} of {count} came"
        found += [message.value() for message in messages]
    consumer.close()
    return found


def open_kafkas(kafka: ApacheKafka) -> LogWorld:
    """Our own view of Apache Kafka's directory; it must not be running."""
    return LogWorld(RealFiles(), str(kafka.log_dir), ManualClock(time.time_ns() // 1_000_000))


@pytest.mark.parametrize("kill", [False, True], ids=["shutting down cleanly", "killed"])
def test_both_go_on_where_the_other_stopped(kafka: ApacheKafka, kill: bool) -> None:
    written = [os.urandom(300).hex().encode() for _ in range(3000)]
    produce(kafka, written)
    count = end_offset(kafka)
    kafka.stop(kill=kill)

    ours = open_kafkas(kafka)
    read = ours.values()
    identity, topic_id = ours.directory.identity, ours.partition.topic_id
    ours_too = [b"ours %d" % number for number in range(50)]
    for value in ours_too:
        ours.add(value)
    if kill:
        ours.directory.abandon()
    else:
        assert ours.directory.close()
    kafka.start()
    produce(kafka, [b"theirs"])

    said = [line for line in kafka.log_file.read_text().splitlines() if "orders-0" in line]
    assert [line for line in said if re.search("WARN|ERROR|corrupt", line)] == []
    assert any("Recovering unflushed segment" in line for line in said) == kill
    assert len(read) == count
    assert read[-3000:] == written
    assert identity.node_id == 0
    assert f"cluster.id={identity.cluster_id}" in (kafka.log_dir / "meta.properties").read_text()
    assert to_base64(topic_id) in (kafka.log_dir / "orders-0" / "partition.metadata").read_text()
    assert consume(kafka, count + 51) == [*read, *ours_too, b"theirs"]


def end_offset(kafka: ApacheKafka) -> int:
    said = kafka.tool("kafka-get-offsets", "--topic", "orders").stdout
    return int(said.strip().rpartition(":")[2])


def transactional_producer(kafka: ApacheKafka, name: str) -> Producer:
    settings = {"transactional.id": name, "log_level": 0, "transaction.timeout.ms": 600_000}
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers} | settings)
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def produce_in(producer: Producer, value: bytes) -> None:
    producer.produce("orders", value, partition=0)
    assert producer.flush(30) == 0


def stable_offset(kafka: ApacheKafka) -> int:
    """As ListOffsets tells it to who reads what is committed."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    place = TopicPartition("orders", 0)
    options = {"isolation_level": IsolationLevel.READ_COMMITTED}
    return admin.list_offsets({place: OffsetSpec.latest()}, **options)[place].result(30).offset


@pytest.mark.parametrize("kill", [False, True], ids=["shut down cleanly", "killed"])
def test_transactions_of_apache_kafka_are_understood_and_ours_by_it(kafka: ApacheKafka, kill: bool) -> None:
    first = end_offset(kafka)
    inside, outside = transactional_producer(kafka, "inside"), transactional_producer(kafka, "outside")
    for number, commit in enumerate((True, False, False)):
        produce_in(outside, b"outside %d" % number)
        produce_in(inside, b"inside %d" % number)
        (inside.commit_transaction if commit else inside.abort_transaction)(30)
        (outside.abort_transaction if commit else outside.commit_transaction)(30)
        inside.begin_transaction()
        outside.begin_transaction()
    produce_in(outside, b"goes on")
    stable = stable_offset(kafka)
    kafka.stop(kill=kill)
    theirs = [
        decode_aborted(file.read_bytes()) for file in partition_files(str(kafka.log_dir / "orders-0"), ".txnindex")
    ]

    ours = open_kafkas(kafka)
    partition = ours.partition
    our_stable = partition.last_stable_offset
    listed = [list(segment.aborted()) for segment in partition.segments if segment.has_aborted]
    seen = [value for offset, value in committed(ours) if offset >= first]
    (going_on,) = [found for found in partition.producers() if found.transaction_start >= 0]
    now = ours.clock.now_ms()
    partition.end_transaction(TransactionEnd(going_on.producer_id, going_on.epoch + 1, False, 0, 2), now)
    ours.add(b"ours, aborted", producer_id=99_000, producer_epoch=0, base_sequence=0, transactional=True)
    partition.end_transaction(TransactionEnd(99_000, 0, False, 0), now)
    ours.add(b"ours")
    ours.add(b"ours, open", producer_id=99_000, producer_epoch=0, base_sequence=1, transactional=True)
    all_of_ours = [value for _, value in committed(ours)]
    our_end = partition.last_stable_offset
    if kill:
        ours.directory.abandon()
    else:
        assert ours.directory.close()
    kafka.start()

    assert our_stable == stable
    assert listed == theirs
    assert sum(map(len, listed)) >= 3
    assert seen == [b"inside 0", b"outside 1", b"outside 2"]
    assert stable_offset(kafka) == our_end
    assert consume(kafka, len(all_of_ours), "read_committed") == all_of_ours
    kafka.stop()
    ours = open_kafkas(kafka)
    ours.partition.end_transaction(TransactionEnd(99_000, 0, True, 0), now)
    assert ours.directory.close()
    kafka.start()
