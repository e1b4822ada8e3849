"""What a coordinator's commands cost without sockets and disk: a rebalance of 1,000 members, and what comes after.

    python bench/micro_groups.py

Prints microseconds of CPU time per call, of one run; messages are made beforehand, encoding replies is not in it.
"""

import itertools
import struct
from collections.abc import Callable, Iterator
from time import process_time_ns
from typing import Any

from penstock.coordinate.groups import Groups, GroupSettings
from penstock.coordinate.outcome import Outcome, Pending
from penstock.protocol import messages

NOW_MS = 1_700_000_000_000
MEMBERS = 1_000
GROUPS = 10_000
SUBSCRIPTION = struct.pack(">hih", 1, 1, 6) + b"orders" + struct.pack(">ii", -1, 0)
Join = messages.JoinGroupRequest
Sync = messages.SyncGroupRequest
Commit = messages.OffsetCommitRequest


class Coordinator:
    """Groups with a log that only counts."""

    def __init__(self) -> None:
        numbers = itertools.count()
        self.groups = Groups(GroupSettings(), lambda count: next(numbers).to_bytes(count, "big"))
        self.appended = 0
        for partition in range(50):
            self.groups.load_started(partition)
            self.groups.loaded(partition, NOW_MS)

    def settle(self, outcome: Outcome) -> Outcome:
        return outcome.settle(self._append)

    def _append(self, outcome: Outcome) -> int:
        self.appended += sum(len(key) + len(value or b"") for key, value in outcome.records)
        return 0


def report(name: str, began_ns: int, calls: int) -> None:
    took_us = (process_time_ns() - began_ns) / 1_000
    print(f"{name:<56} {took_us / calls:>9.2f} us each {took_us / 1_000:>9.1f} ms")


def timed(name: str, call: Callable[[Any], Any], arguments: list[Any]) -> list[Any]:
    began = process_time_ns()
    results = [call(argument) for argument in arguments]
    report(name, began, len(arguments))
    return results


def join_request(group_id: str, member_id: str) -> Any:
    return Join(
        group_id=group_id,
        session_timeout_ms=45_000,
        rebalance_timeout_ms=300_000,
        member_id=member_id,
        protocol_type="consumer",
        protocols=[Join.JoinGroupRequestProtocol(name="range", metadata=SUBSCRIPTION)],
    )


def sync_request(group_id: str, member_id: str, generation: int, assigned: list[str]) -> Any:
    return Sync(
        group_id=group_id,
        generation_id=generation,
        member_id=member_id,
        protocol_type="consumer",
        protocol_name="range",
        assignments=[Sync.SyncGroupRequestAssignment(member_id=name, assignment=bytes(30)) for name in assigned],
    )


def one_large_group(side: Coordinator) -> list[str]:
    """From the first JoinGroup to heartbeats; gives the members."""

    def join(request: Any) -> Outcome:
        return side.settle(side.groups.join(request, "bench", "/127.0.0.1", 9, NOW_MS))

    def sync(request: Any) -> Outcome:
        return side.settle(side.groups.sync(request, 5, NOW_MS))

    unnamed = [join_request("large", "")] * MEMBERS
    named = timed(f"join without a member id, x {MEMBERS}", join, unnamed)
    members = [outcome.reply.member_id for outcome in named]
    outcomes = timed(f"join with one, x {MEMBERS}", join, [join_request("large", name) for name in members])
    assert all(isinstance(outcome.reply, Pending) for outcome in outcomes)

    began = process_time_ns()
    done = [outcome.done for outcome in ticks(side, NOW_MS + 10_000)]
    report(f"end of the join phase of {MEMBERS} members", began, 1)
    leader = next(reply for replies in done for reply in replies.values() if reply.members)
    assert len(leader.members) == MEMBERS

    followers = [name for name in members if name != leader.member_id]
    timed(f"sync of followers, x {MEMBERS - 1}", sync, [sync_request("large", name, 1, []) for name in followers])
    timed("sync of the leader: store, answer all", sync, [sync_request("large", leader.member_id, 1, members)])
    return members


def steady_state(side: Coordinator, members: list[str]) -> None:
    beats = [messages.HeartbeatRequest(group_id="large", generation_id=1, member_id=name) for name in members]
    times = (NOW_MS + 4_000 + number for number in itertools.count())
    timed("heartbeat, x 100000", lambda beat: side.groups.heartbeat(beat, 4, next(times)), beats * 100)
    partition = Commit.OffsetCommitRequestPartition(partition_index=3, committed_offset=7, committed_metadata="")
    topics = [Commit.OffsetCommitRequestTopic(name="orders", partitions=[partition])]
    commits = [
        Commit(group_id="large", generation_id_or_member_epoch=1, member_id=name, topics=topics) for name in members
    ]
    now_ms = NOW_MS + 5_000
    timed(
        "commit of one offset, x 10000",
        lambda request: side.settle(side.groups.offset_commit(request, 9, now_ms)),
        commits * 10,
    )


def many_groups(side: Coordinator) -> None:
    def rebalance(name: str) -> None:
        named = side.settle(side.groups.join(join_request(name, ""), "bench", "/127.0.0.1", 9, NOW_MS))
        side.settle(side.groups.join(join_request(name, named.reply.member_id), "bench", "/h", 9, NOW_MS))

    timed(f"new groups of one member, x {GROUPS}", rebalance, [f"group-{number}" for number in range(GROUPS)])
    began = process_time_ns()
    ended = sum(1 for _ in ticks(side, NOW_MS + 10_000))
    report(f"end of {ended} join phases", began, ended)


def ticks(side: Coordinator, now_ms: int) -> Iterator[Outcome]:
    while (deadline_ms := side.groups.next_deadline_ms()) is not None and deadline_ms <= now_ms:
        yield from map(side.settle, side.groups.tick(deadline_ms))


def main() -> None:
    side = Coordinator()
    members = one_large_group(side)
    steady_state(side, members)
    many_groups(Coordinator())


if __name__ == "__main__":
    main()
