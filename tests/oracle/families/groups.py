"""Classic groups, consumer groups, and what is committed in them."""

from __future__ import annotations

from typing import Any

from tests.oracle.dice import Dice
from tests.oracle.script import Step, hexed, ref

RANGE = bytes.fromhex("0001000000010002743000000000")
MANY = 1 << 30


def classic(dice: Dice) -> list[Step]:
    makers = [join] * 5 + [sync] * 5 + [beat] * 2 + [leave] + _OFFSETS + [describe, list_all, delete]
    made = []
    if dice.maybe(0.8):
        made = [join(dice), join(dice), sync(dice)]
    return [*made, *(dice.pick(*makers)(dice) for _ in range(dice.random.randint(4, 14)))]


def consumer(dice: Dice) -> list[Step]:
    makers = [heartbeat] * 7 + _OFFSETS + [describe, describe_consumer, describe_consumer, list_all, delete]
    if dice.maybe(0.2):
        makers += [join, sync, beat, leave]
    return [heartbeat(dice), *(dice.pick(*makers)(dice) for _ in range(dice.random.randint(4, 14)))]


def slot(dice: Dice) -> str:
    return dice.often("m0", "m1", share=0.7)


def join(dice: Dice) -> Step:
    member = slot(dice)
    names = dice.pick(["range"], ["range"], ["range", "roundrobin"], ["roundrobin"], [])
    body = {
        "group_id": dice.often("~g0", "", share=0.97),
        "session_timeout_ms": dice.often(60_000, 5_999, 0, MANY, share=0.95),
        "rebalance_timeout_ms": 60_000,
        "member_id": ref(f"member {member}", other="") if dice.maybe(0.93) else dice.pick("", "nobody"),
        "group_instance_id": "static" if dice.maybe(0.1) else None,
        "protocol_type": dice.often("consumer", "connect", "", share=0.95),
        "protocols": [{"name": name, "metadata": hexed(RANGE)} for name in names],
        "reason": dice.pick(None, "why"),
    }
    # Older versions cannot carry the name of a static member.
    low = 5 if body["group_instance_id"] else 0
    return dice.step("JoinGroup", body, on=int(member[1]), learns=member, low=low)


def _generation(dice: Dice, member: str) -> dict[str, Any]:
    return ref(f"generation {member}", plus=dice.often(0, 1, -1, share=0.93), other=-1)


def sync(dice: Dice) -> Step:
    member = slot(dice)
    given = [
        {"member_id": ref(f"member {one}", other="nobody"), "assignment": hexed(b"part of " + one.encode())}
        for one in dice.pick(["m0"], ["m0", "m1"], [], ["m1"])
    ]
    body = {
        "group_id": dice.often("~g0", "~none", "", share=0.96),
        "generation_id": _generation(dice, member),
        "member_id": dice.often(ref(f"member {member}", other=""), "nobody", share=0.96),
        "protocol_type": dice.often("consumer", None, "connect", share=0.9),
        "protocol_name": dice.often("range", None, "roundrobin", share=0.9),
        "assignments": given,
    }
    return dice.step("SyncGroup", body, on=int(member[1]))


def beat(dice: Dice) -> Step:
    member = slot(dice)
    body = {
        "group_id": dice.often("~g0", "~none", "", share=0.9),
        "generation_id": _generation(dice, member),
        "member_id": dice.often(ref(f"member {member}", other=""), "nobody", share=0.9),
    }
    return dice.step("Heartbeat", body, on=2)


def leave(dice: Dice) -> Step:
    member = dice.often(ref(f"member {slot(dice)}", other=""), "nobody", "")
    leaving = [{"member_id": member, "group_instance_id": None, "reason": "bye"}]
    if dice.maybe(0.15):
        leaving.append({"member_id": "", "group_instance_id": "static"})
    body = {"group_id": dice.often("~g0", "~none", share=0.95), "member_id": member, "members": leaving}
    return dice.step("LeaveGroup", body, on=2)


def heartbeat(dice: Dice) -> Step:
    member = slot(dice)
    is_new = dice.maybe(0.35)
    epoch: Any = 0 if is_new else ref(f"generation {member}", plus=dice.often(0, 1, -1, share=0.93), other=0)
    if dice.maybe(0.12):
        epoch = dice.pick(-1, -1, -2, -3, 50)
    body: dict[str, Any] = {
        "group_id": dice.often("~g0", "", share=0.98),
        "member_id": f"member-{member}",
        "member_epoch": epoch,
        "instance_id": "static" if dice.maybe(0.08) else None,
        "rebalance_timeout_ms": 60_000 if is_new or dice.maybe(0.1) else -1,
        "subscribed_topic_names": dice.pick(["~t0"], ["~t0", "~t1"], ["~nope"], [])
        if is_new or dice.maybe(0.2)
        else None,
        "server_assignor": dice.often(None, "range", "uniform", "none such", share=0.9),
        "topic_partitions": [] if is_new else None,
    }
    if not is_new and dice.maybe(0.5):
        body["topic_partitions"] = ref(f"owned {member}")
    return dice.step("ConsumerGroupHeartbeat", body, on=2, learns=member)


def commit(dice: Dice) -> Step:
    member = slot(dice)
    partition = {
        "partition_index": dice.partition(),
        "committed_offset": dice.pick(0, 1, 7, -1),
        "committed_leader_epoch": dice.pick(-1, 0, 4),
        "committed_metadata": dice.often("note", "", None, "m" * 5_000),
    }
    body: dict[str, Any] = {
        "group_id": dice.often("~g0", "~g1", "", share=0.95),
        "topics": [dice.named(dice.topic()) | {"partitions": [partition]}],
    }
    if dice.maybe(0.7):
        body["member_id"] = dice.often(ref(f"member {member}", other=""), "nobody")
        body["generation_id_or_member_epoch"] = _generation(dice, member)
    return dice.step("OffsetCommit", body, on=2)


def fetch(dice: Dice) -> Step:
    topic, indexes = dice.topic(), [dice.partition()]
    is_all = dice.maybe(0.3)
    wanted: dict[str, Any] = {
        "group_id": "~g0",
        "topics": None if is_all else [dice.named(topic) | {"partition_indexes": indexes}],
    }
    if dice.maybe(0.2):
        wanted |= {"member_id": ref("member m0", other="x"), "member_epoch": _generation(dice, "m0")}
    body = {
        "group_id": "~g0",
        "topics": None if is_all else [{"name": f"~{topic}", "partition_indexes": indexes}],
        "groups": [wanted, *([{"group_id": "~none", "topics": None}] if dice.maybe(0.2) else [])],
        "require_stable": dice.maybe(0.3),
    }
    return dice.step("OffsetFetch", body, on=2)


def delete_offsets(dice: Dice) -> Step:
    topics = [{"name": f"~{dice.topic()}", "partitions": [{"partition_index": dice.partition()}]}]
    return dice.step("OffsetDelete", {"group_id": dice.often("~g0", "~none"), "topics": topics}, on=2)


def delete(dice: Dice) -> Step:
    return dice.step("DeleteGroups", {"groups_names": dice.pick(["~g0"], ["~g0", "~none"], [])}, on=2)


def describe(dice: Dice) -> Step:
    body = {"groups": dice.pick(["~g0"], ["~g0", "~none"]), "include_authorized_operations": dice.maybe(0.2)}
    return dice.step("DescribeGroups", body, on=2)


def describe_consumer(dice: Dice) -> Step:
    return dice.step("ConsumerGroupDescribe", {"group_ids": dice.pick(["~g0"], ["~none"], ["~g0", ""])}, on=2)


def list_all(dice: Dice) -> Step:
    body = {
        "states_filter": dice.often([], ["Stable"], ["stable", "Empty"], ["Nonsense"]),
        "types_filter": dice.often([], ["classic"], ["Consumer"], ["nonsense"]),
    }
    return dice.step("ListGroups", body, on=2)


_OFFSETS = [commit, commit, commit, fetch, fetch, delete_offsets]
