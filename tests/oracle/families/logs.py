"""Records in and out: produce, fetch, offsets, delete records."""

from __future__ import annotations

from typing import Any

from tests.oracle.batches import DAMAGES
from tests.oracle.dice import Dice
from tests.oracle.script import Step, ref

HUGE = (1 << 63) - 1


def steps(dice: Dice) -> list[Step]:
    makers = [produce] * 5 + [fetch] * 4 + [list_offsets] * 2 + [delete_records, epochs, producers, start, sizes]
    return [produce(dice), *(dice.pick(*makers)(dice) for _ in range(dice.random.randint(4, 14)))]


def start(dice: Dice) -> Step:
    body = {"transactional_id": None, "transaction_timeout_ms": dice.often(60_000, 0, -1)}
    if dice.maybe(0.3):
        body |= {"producer_id": ref("producer p0"), "producer_epoch": ref("epoch p0", plus=dice.pick(0, -1, 1))}
    return dice.step("InitProducerId", body, learns="p0")


def batch(dice: Dice, **rest: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"count": dice.random.randint(1, 4), "size": dice.pick(1, 1, 10, 200)}
    if dice.maybe(0.1):
        made["codec"] = dice.pick(1, 2, 3, 4)
    if dice.maybe(0.2):
        made["time"] = dice.pick(-1000, 5, 1000, 100_000)
    if dice.maybe(0.1):
        made["damage"] = dice.pick(*DAMAGES)
    if dice.maybe(0.05):
        made["base"] = 7
    return made | rest


def produce(dice: Dice) -> Step:
    parts = []
    for _ in range(dice.often(1, 2)):
        index = dice.partition()
        made = batch(dice)
        if dice.maybe(0.3):
            sequence = dice.counts.get(("p0", index), 0)
            made |= {"producer": ref("producer p0"), "epoch": ref("epoch p0", plus=dice.often(0, -1, 1, share=0.93))}
            made["sequence"] = dice.often(sequence, 0, max(sequence - 1, 0), sequence + 1, sequence + 100)
            dice.counts["p0", index] = sequence + made["count"]
        parts.append({"index": index, "records": {"$batch": made}})
    if len({part["index"] for part in parts}) < len(parts):
        parts = parts[:1]
    body = {
        "acks": dice.often(-1, 1, 0, 2, -2),
        "timeout_ms": dice.often(5_000, 0),
        "topic_data": [dice.named(dice.topic()) | {"partition_data": parts}],
    }
    return dice.step("Produce", body, low=3)


def fetch(dice: Dice) -> Step:
    partition = {
        "partition": dice.partition(),
        "current_leader_epoch": dice.often(-1, 0, 1, 5),
        "fetch_offset": dice.often(dice.random.randint(0, 6), -1, 1_000, HUGE),
        "last_fetched_epoch": dice.often(-1, 0, 3, share=0.95),
        "log_start_offset": -1,
        "partition_max_bytes": dice.often(1 << 20, 0, 1, 100),
    }
    topic = dice.named(dice.topic(), "topic") | {"partitions": [partition]}
    body: dict[str, Any] = {
        "max_wait_ms": dice.pick(0, 1),
        "min_bytes": dice.pick(0, 1),
        "max_bytes": dice.often(1 << 20, 0, 100),
        "isolation_level": dice.pick(0, 1),
        "session_id": 0,
        "session_epoch": dice.often(-1, 0, 3),
        "topics": [topic] if dice.maybe(0.95) else [],
    }
    if dice.maybe(0.15):
        body |= {"session_id": ref("session s", other=9), "session_epoch": dice.pick(1, 1, 2, -1, 5)}
        if dice.maybe(0.3):
            name = dice.topic()
            body["forgotten_topics_data"] = [dice.named(name, "topic") | {"partitions": [dice.partition()]}]
    return dice.step("Fetch", body, learns="s")


def list_offsets(dice: Dice) -> Step:
    partition = {
        "partition_index": dice.partition(),
        "current_leader_epoch": dice.often(-1, 0, 2),
        "timestamp": dice.pick(-1, -2, -3, -4, -5, -6, -7, 0, 1_700_000_000_000, 1_700_000_000_005, 1_700_000_050_000),
    }
    topics = [{"name": f"~{dice.topic()}", "partitions": [partition]}]
    body = {"replica_id": dice.often(-1, -2, 0), "isolation_level": dice.pick(0, 1), "topics": topics}
    return dice.step("ListOffsets", body | {"timeout_ms": 1_000})


def delete_records(dice: Dice) -> Step:
    partition = {"partition_index": dice.partition(), "offset": dice.pick(-1, 0, 1, 2, 5, 100, -2)}
    body = {"timeout_ms": 5_000, "topics": [{"name": f"~{dice.topic()}", "partitions": [partition]}]}
    return dice.step("DeleteRecords", body)


def epochs(dice: Dice) -> Step:
    partition = {
        "partition": dice.partition(),
        "current_leader_epoch": dice.often(-1, 0, 1),
        "leader_epoch": dice.pick(0, 0, 1, -1),
    }
    topics = [{"topic": f"~{dice.topic()}", "partitions": [partition]}]
    return dice.step("OffsetForLeaderEpoch", {"replica_id": -1, "topics": topics})


def producers(dice: Dice) -> Step:
    topics = [{"name": f"~{dice.topic()}", "partition_indexes": [dice.partition()]}]
    return dice.step("DescribeProducers", {"topics": topics})


def sizes(dice: Dice) -> Step:
    topics = [{"topic": f"~{dice.topic()}", "partitions": [dice.partition()]}]
    return dice.step("DescribeLogDirs", {"topics": topics})
