"""One group from its first join to a stable group, then one member fewer, then one more again.

A process of its own: reads one `Spec` as JSON from standard input, writes seconds and the server's CPU as JSON.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from bench import wire
from bench.members import (
    ClassicMember,
    Club,
    ConsumerMember,
    CooperativeMember,
    HeartbeatMember,
    Line,
    Member,
    ShareMember,
    StreamsMember,
    leave_classic,
)
from bench.process import cpu_seconds
from bench.roster import Roster
from bench.wire import ReplyError
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey

_DESCRIBE_SECONDS_MAX = 30


@dataclass(frozen=True)
class Protocol:
    """How members of a kind of group speak, and who describes such groups (in which version)."""

    member: type[Member]
    describe: ApiKey
    describe_version: int
    describe_request: str
    shared: bool = False

    @property
    def needs(self) -> int:
        """The API that a server must serve for it."""
        return self.member.api_key if issubclass(self.member, HeartbeatMember) else ApiKey.JOIN_GROUP


PROTOCOLS = {
    "eager": Protocol(ClassicMember, ApiKey.DESCRIBE_GROUPS, 5, "DescribeGroupsRequest"),
    "cooperative": Protocol(CooperativeMember, ApiKey.DESCRIBE_GROUPS, 5, "DescribeGroupsRequest"),
    "consumer": Protocol(ConsumerMember, ApiKey.CONSUMER_GROUP_DESCRIBE, 1, "ConsumerGroupDescribeRequest"),
    "share": Protocol(ShareMember, ApiKey.SHARE_GROUP_DESCRIBE, 1, "ShareGroupDescribeRequest", shared=True),
    "streams": Protocol(StreamsMember, ApiKey.STREAMS_GROUP_DESCRIBE, 0, "StreamsGroupDescribeRequest"),
}


@dataclass(frozen=True)
class Spec:
    """protocol: in PROTOCOLS; members: of the group; the topic has as many partitions; seconds_max: of each phase."""

    port: int
    server_pid: int
    group_id: str
    topic: str
    protocol: str
    members: int
    heartbeat_s: float
    seconds_max: float = 180


class Party:
    """The members and their tasks."""

    def __init__(self, spec: Spec, club: Club, lines: list[Line]) -> None:
        self.spec, self.club = spec, club
        kind = PROTOCOLS[spec.protocol].member
        self.waiting = [kind(club, line, number) for number, line in enumerate(lines)]
        self.present: list[Member] = []
        self._tasks: dict[Member, asyncio.Task[None]] = {}

    async def come(self, count: int) -> None:
        """So many of those who wait join, all at once."""
        coming, self.waiting = self.waiting[:count], self.waiting[count:]
        self.present += coming
        self.club.roster.members += coming
        for member in coming:
            self._tasks[member] = asyncio.create_task(member.live())

    async def go(self) -> None:
        """The member that came last leaves."""
        member = self.present.pop()
        self.club.roster.members.remove(member)
        member.stop()
        await self._tasks.pop(member)
        await member.leave()

    async def end(self) -> None:
        """All leave."""
        for member in self.present:
            member.stop()
        await asyncio.gather(*self._tasks.values())
        if isinstance(self.present[0], ClassicMember):
            await leave_classic(self.club, self.present[0].line, [member.member_id for member in self.present])
        else:
            await asyncio.gather(*(member.leave() for member in self.present))

    async def phase(self, name: str, step: Callable[[], Awaitable[None]]) -> dict[str, float]:
        """Seconds from the step to the stable group, and the server's CPU meanwhile. Error: ReplyError."""
        stable = self.club.roster.expect()
        cpu, begun = cpu_seconds(self.spec.server_pid), perf_counter()
        await step()
        try:
            async with asyncio.timeout(self.spec.seconds_max):
                at = await stable
        except TimeoutError:
            raise ReplyError(f"{name}: not stable after {self.spec.seconds_max} s, {self._told()}") from None
        return {f"{name}_s": at - begun, f"{name}_cpu_s": cpu_seconds(self.spec.server_pid) - cpu}

    def _told(self) -> str:
        members = self.club.roster.members
        newest = max(member.epoch for member in members)
        late = sum(member.epoch != newest or not member.settled for member in members)
        owned = sum(len(member.owned) for member in members)
        return f"epoch {newest}, {late} of {len(members)} not there yet, {owned} partitions owned"


async def run(spec: Spec, topic_id: bytes) -> dict[str, Any]:
    """The three phases. Error: ReplyError."""
    protocol = PROTOCOLS[spec.protocol]
    roster = Roster(spec.members, shared=protocol.shared)
    club = Club(spec.group_id, spec.topic, topic_id, spec.members, spec.heartbeat_s, roster)
    # Connections are there before the clock starts: the spare one is of the member that comes in the end.
    lines = [await Line.open(spec.port) for _ in range(spec.members + 1)]
    describing = await Line.open(spec.port)
    party = Party(spec, club, lines)
    try:
        found = await party.phase("join", lambda: party.come(spec.members))
        await _check_group(describing, spec, spec.members)
        await asyncio.sleep(spec.heartbeat_s)
        found |= await party.phase("leave", party.go)
        await _check_group(describing, spec, spec.members - 1)
        await asyncio.sleep(spec.heartbeat_s)
        found |= await party.phase("return", lambda: party.come(1))
        await _check_group(describing, spec, spec.members)
        found["epoch"] = max(member.epoch for member in party.present)
        await party.end()
    finally:
        for line in (*lines, describing):
            line.close()
    return {"members": spec.members, **found}


async def _check_group(line: Line, spec: Spec, members: int) -> None:
    """The server, too, says that the group is stable. Error: ReplyError."""
    protocol = PROTOCOLS[spec.protocol]
    request = getattr(messages, protocol.describe_request)([spec.group_id])
    deadline = time.monotonic() + _DESCRIBE_SECONDS_MAX
    while True:
        (group,) = (await line.ask(protocol.describe, protocol.describe_version, request)).groups
        if (group.error_code, group.group_state, len(group.members)) == (0, "Stable", members):
            return
        if time.monotonic() > deadline:
            raise ReplyError(
                f"{spec.group_id}: error {group.error_code}, {group.group_state}, {len(group.members)} members, "
                f"expected {members}"
            )
        await asyncio.sleep(0.1)


def main() -> None:
    spec = Spec(**json.load(sys.stdin))
    try:
        with wire.connect(spec.port) as sock:
            if not wire.serves(sock, PROTOCOLS[spec.protocol].needs):
                raise ReplyError(f"the server does not serve {ApiKey(PROTOCOLS[spec.protocol].needs).name}")
            wire.find_coordinator(sock, spec.group_id, kind=0)
            topic_id = wire.topic_id(sock, spec.topic)
        gc.disable()
        found = asyncio.run(run(spec, topic_id))
    except (ReplyError, OSError) as error:
        sys.exit(f"{spec.protocol}, {spec.members} members: {error}")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
