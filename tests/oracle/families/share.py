"""Share groups: members, records that are acquired and given back, offsets."""

from __future__ import annotations

from typing import Any

from tests.oracle.dice import Dice
from tests.oracle.script import Step, ref

MEMBERS = {"m0": "AnnAAAAAAAAAAAAAAAAAAA", "m1": "BobAAAAAAAAAAAAAAAAAAA"}
GROUP = 32


def steps(dice: Dice) -> list[Step]:
    makers = [fetch] * 4 + [acknowledge] * 4 + [heartbeat] * 2 + [filled, describe, offsets]
    first = [earliest(dice), filled(dice), joined(dice), fetch(dice, True)]
    # Leaders of partitions learn of changed offsets in the background, so these come last.
    last = [dice.pick(alter, remove)(dice), offsets(dice)] if dice.maybe(0.4) else []
    return [*first, *(dice.pick(*makers)(dice) for _ in range(dice.random.randint(3, 12))), *last]


def earliest(dice: Dice) -> Step:
    config = {"name": "share.auto.offset.reset", "config_operation": 0, "value": "earliest"}
    resources = [{"resource_type": GROUP, "resource_name": "~g0", "configs": [config]}]
    return dice.step("IncrementalAlterConfigs", {"resources": resources})


def filled(dice: Dice) -> Step:
    batch = {"count": dice.random.randint(1, 5)}
    topic = dice.named("t1") | {"partition_data": [{"index": 0, "records": {"$batch": batch}}]}
    return dice.step("Produce", {"acks": -1, "timeout_ms": 5_000, "topic_data": [topic]}, low=3)


def _batches(dice: Dice) -> list[dict[str, Any]]:
    first = dice.pick(0, 0, 1, 2)
    last = first + dice.pick(0, 0, 1, 2, -1)
    types = [dice.often(dice.pick(1, 1, 2, 3), 0, 4, 5)]
    if last > first and dice.maybe(0.2):
        types = [dice.pick(1, 2, 3) for _ in range(last - first + 1)]
    return [{"first_offset": first, "last_offset": last, "acknowledge_types": types}]


def _session(dice: Dice, is_first: bool) -> dict[str, Any]:
    member = dice.often("m0", "m1", share=0.8)
    epoch = 0 if is_first else ref(f"share {member}", plus=dice.often(0, 1, -1, share=0.93), other=0)
    return {
        "group_id": dice.often("~g0", "~none", share=0.97),
        "member_id": MEMBERS["m0" if is_first else member],
        "share_session_epoch": epoch if is_first or dice.maybe(0.95) else dice.pick(-1, 0, 9),
    }


def fetch(dice: Dice, is_first: bool = False) -> Step:
    body = _session(dice, is_first) | {
        "max_wait_ms": 2_000 if is_first else 30,
        "min_bytes": 1,
        "max_bytes": 1 << 20,
        "max_records": dice.often(500, 1, 2, 0, -1) if not is_first else 500,
        "batch_size": dice.often(500, 1, 2),
        "share_acquire_mode": dice.often(0, 1),
        "topics": [],
    }
    if is_first or dice.maybe(0.5):
        partition: dict[str, Any] = {"partition_index": 0}
        if not is_first and dice.maybe(0.4):
            partition["acknowledgement_batches"] = _batches(dice)
        body["topics"] = [{"topic_id": ref("topic t1"), "partitions": [partition]}]
    if not is_first and dice.maybe(0.05):
        body["forgotten_topics_data"] = [{"topic_id": ref("topic t1"), "partitions": [0]}]
    return dice.step("ShareFetch", body, learns=_slot(body))


def acknowledge(dice: Dice) -> Step:
    partition = {"partition_index": dice.often(0, 1, share=0.95), "acknowledgement_batches": _batches(dice)}
    topic = {"topic_id": ref(dice.often("topic t1", "topic none", share=0.96)), "partitions": [partition]}
    body = _session(dice, False) | {"topics": [topic], "is_renew_ack": dice.maybe(0.1)}
    return dice.step("ShareAcknowledge", body, learns=_slot(body))


def _slot(body: dict[str, Any]) -> str:
    return next(slot for slot, member in MEMBERS.items() if member == body["member_id"])


def joined(dice: Dice) -> Step:
    """Only a group with members has offsets."""
    body = {"group_id": "~g0", "member_id": MEMBERS["m0"], "member_epoch": 0, "subscribed_topic_names": ["~t1"]}
    return dice.step("ShareGroupHeartbeat", body, learns="h")


def heartbeat(dice: Dice) -> Step:
    is_new = dice.maybe(0.5)
    body = {
        "group_id": dice.often("~g0", "", share=0.97),
        "member_id": MEMBERS["m0"],
        "member_epoch": 0 if is_new else dice.pick(ref("generation h", other=0), -1, 50, -2),
        "subscribed_topic_names": dice.often(["~t1"], ["~nope"], []) if is_new else dice.often(None, ["~t1"]),
    }
    return dice.step("ShareGroupHeartbeat", body, learns="h")


def describe(dice: Dice) -> Step:
    return dice.step("ShareGroupDescribe", {"group_ids": dice.pick(["~g0"], ["~none"], [""])})


def offsets(dice: Dice) -> Step:
    topics = dice.often([{"topic_name": "~t1", "partitions": [0]}], [{"topic_name": "~nope", "partitions": [0]}])
    return dice.step(
        "DescribeShareGroupOffsets", {"groups": [{"group_id": dice.often("~g0", "~none"), "topics": topics}]}
    )


def alter(dice: Dice) -> Step:
    part = {"partition_index": dice.often(0, 5), "start_offset": dice.pick(0, 1, 2)}
    topics = [{"topic_name": dice.often("~t1", "~nope"), "partitions": [part]}]
    return dice.step("AlterShareGroupOffsets", {"group_id": dice.often("~g0", "~none", ""), "topics": topics})


def remove(dice: Dice) -> Step:
    topics = [{"topic_name": dice.often("~t1", "~nope")}]
    return dice.step("DeleteShareGroupOffsets", {"group_id": dice.often("~g0", "~none", ""), "topics": topics})
