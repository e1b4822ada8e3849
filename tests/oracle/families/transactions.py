"""Producers that begin and end, write and commit in transactions, and those whose time is over."""

from __future__ import annotations

from typing import Any

from tests.oracle.dice import Dice
from tests.oracle.families import logs
from tests.oracle.script import Step, ref


def steps(dice: Dice) -> list[Step]:
    makers = (
        [add] * 3
        + [write] * 4
        + [end] * 4
        + [add_offsets, commit_offsets, commit_offsets]
        + [start, describe, list_all, logs.fetch, logs.list_offsets, logs.producers, offsets]
    )
    return [start(dice), *(dice.pick(*makers)(dice) for _ in range(dice.random.randint(5, 16)))]


def name_of(dice: Dice) -> str:
    return dice.often("x0", "x1", share=0.95)


def who(dice: Dice, name: str, producer: str, epoch: str) -> dict[str, Any]:
    """The producer as the coordinator named it, now and then one before or behind it."""
    return {
        "transactional_id": f"~{name}" if dice.maybe(0.97) else dice.pick("", "~none"),
        producer: ref(f"producer {name}", plus=dice.often(0, 70_000, share=0.97)),
        epoch: ref(f"epoch {name}", plus=dice.often(0, -1, 1, share=0.92)),
    }


def start(dice: Dice) -> Step:
    name = name_of(dice)
    body: dict[str, Any] = {
        "transactional_id": f"~{name}" if dice.maybe(0.97) else "",
        "transaction_timeout_ms": dice.often(60_000, 0, -1, 900_001, share=0.93),
    }
    if dice.maybe(0.3):
        body |= {
            "producer_id": ref(f"producer {name}", plus=dice.often(0, 70_000)),
            "producer_epoch": ref(f"epoch {name}", plus=dice.often(0, -1, 1)),
        }
    return dice.step("InitProducerId", body, learns=name)


def partitions(dice: Dice) -> list[dict[str, Any]]:
    return [{"name": f"~{dice.topic()}", "partitions": sorted({dice.partition() for _ in range(dice.pick(1, 2))})}]


def add(dice: Dice) -> Step:
    name = name_of(dice)
    old = who(dice, name, "v3_and_below_producer_id", "v3_and_below_producer_epoch")
    old["v3_and_below_transactional_id"] = old.pop("transactional_id")
    topics = partitions(dice)
    new = who(dice, name, "producer_id", "producer_epoch") | {"verify_only": dice.maybe(0.4), "topics": topics}
    return dice.step("AddPartitionsToTxn", old | {"v3_and_below_topics": topics, "transactions": [new]})


def write(dice: Dice) -> Step:
    name, index = name_of(dice), dice.partition()
    epoch = ref(f"epoch {name}", plus=dice.often(0, -1, 1, share=0.95))
    sequence = dice.counts.get((name, index), 0)
    made = logs.batch(dice, producer=ref(f"producer {name}"), epoch=epoch, transactional=dice.often(True, False))
    made["sequence"] = dice.often(sequence, 0, sequence + 1, share=0.9)
    dice.counts[name, index] = sequence + made["count"]
    body = {
        "transactional_id": f"~{name}" if dice.maybe(0.95) else None,
        "acks": dice.often(-1, 1, share=0.95),
        "timeout_ms": 5_000,
        "topic_data": [dice.named(dice.topic()) | {"partition_data": [{"index": index, "records": {"$batch": made}}]}],
    }
    return dice.step("Produce", body, low=3)


def end(dice: Dice) -> Step:
    name = name_of(dice)
    for key in [key for key in dice.counts if key[0] == name]:
        # A new epoch, which most versions bring, counts from the start.
        if dice.maybe(0.5):
            del dice.counts[key]
    body = who(dice, name, "producer_id", "producer_epoch") | {"committed": dice.maybe(0.6)}
    return dice.step("EndTxn", body, learns=name)


def add_offsets(dice: Dice) -> Step:
    body = who(dice, name_of(dice), "producer_id", "producer_epoch") | {"group_id": dice.often("~g0", "", share=0.95)}
    return dice.step("AddOffsetsToTxn", body)


def commit_offsets(dice: Dice) -> Step:
    partition = {
        "partition_index": dice.partition(),
        "committed_offset": dice.pick(0, 3, 5),
        "committed_leader_epoch": dice.pick(-1, 0),
        "committed_metadata": dice.often("note", "", "m" * 5_000),
    }
    body = who(dice, name_of(dice), "producer_id", "producer_epoch") | {
        "group_id": dice.often("~g0", "", share=0.95),
        "generation_id": dice.often(-1, 0, 5, share=0.95),
        "member_id": dice.often("", "someone", share=0.95),
        "topics": [{"name": f"~{dice.topic()}", "partitions": [partition]}],
    }
    return dice.step("TxnOffsetCommit", body)


def offsets(dice: Dice) -> Step:
    wanted = {"group_id": "~g0", "topics": [dice.named("t0") | {"partition_indexes": [0, 1]}]}
    body = {
        "group_id": "~g0",
        "topics": [{"name": "~t0", "partition_indexes": [0, 1]}],
        "groups": [wanted],
        "require_stable": dice.maybe(0.5),
    }
    return dice.step("OffsetFetch", body)


def describe(dice: Dice) -> Step:
    return dice.step("DescribeTransactions", {"transactional_ids": dice.pick(["~x0"], ["~x0", "~none"], [""])})


def list_all(dice: Dice) -> Step:
    body = {
        "state_filters": dice.often([], ["Ongoing"], ["Ongoing", "Nonsense"]),
        "producer_id_filters": [],
        "duration_filter": -1,
        "transactional_id_pattern": dice.pick(None, "", ".*x0", "(", "~x0"),
    }
    return dice.step("ListTransactions", body)
