"""Members of groups as they look on the wire, many in one process: each has a connection and does what clients do."""

import asyncio
import base64
import socket
import uuid
from dataclasses import dataclass
from math import ceil
from typing import Any

from bench import wire
from bench.assignment import (
    Assignment,
    Partitions,
    balanced,
    decode_assignment,
    decode_owned,
    encode_assignment,
    encode_subscription,
    released,
)
from bench.roster import Roster
from bench.wire import ReplyError
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.errors import KafkaError
from penstock.protocol.frame import decode_response, encode_request

SESSION_TIMEOUT_MS = 45_000
REBALANCE_TIMEOUT_MS = 300_000
LEAVING_EPOCH = -1
_JOIN_VERSION, _SYNC_VERSION, _HEARTBEAT_VERSION, _LEAVE_VERSION = 9, 5, 4, 5
_NOT_YET_SECONDS = 0.05
_SUBTOPOLOGY = "0"


@dataclass(frozen=True)
class Club:
    """What all members of a group have in common. heartbeat_s: between two heartbeats, each member in its own phase."""

    group_id: str
    topic: str
    topic_id: bytes
    size: int
    heartbeat_s: float
    roster: Roster


class Line:
    """One connection: a request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    async def ask(self, api_key: int, version: int, message: Any) -> Any:
        """The reply. Error: ReplyError when the server hangs up."""
        self._writer.write(b"".join(map(bytes, encode_request(api_key, version, 0, wire.CLIENT_ID, message))))
        try:
            (size,) = wire.SIZE.unpack(await self._reader.readexactly(wire.SIZE.size))
            return decode_response(api_key, version, await self._reader.readexactly(size))[1]
        except asyncio.IncompleteReadError:
            raise ReplyError(f"the server hung up on {ApiKey(api_key).name}") from None

    def close(self) -> None:
        self._writer.close()


class Member:
    """Lives until it is stopped: `join` once, then `beat` in its phase of every interval. See roster.Standing."""

    def __init__(self, club: Club, line: Line, number: int) -> None:
        self.club, self.line, self.number = club, line, number
        self.member_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.epoch = 0
        self.owned: Partitions = frozenset()
        self.settled = False
        self._stopping = False
        self._pause: asyncio.Future[None] | None = None

    async def live(self) -> None:
        """Until `stop()`; what goes wrong fails the roster."""
        try:
            await self.join()
            while not self._stopping:
                await self._rest()
                if not self._stopping:
                    await self.beat()
        except (ReplyError, OSError) as error:
            self.club.roster.fail(error)

    def stop(self) -> None:
        """No more heartbeats."""
        self._stopping = True
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    async def join(self) -> None:
        raise NotImplementedError

    async def beat(self) -> None:
        raise NotImplementedError

    async def leave(self) -> None:
        """Tells the server, once stopped."""
        raise NotImplementedError

    async def _rest(self) -> None:
        """Until this member's place in the next interval, or until it is stopped."""
        loop = asyncio.get_running_loop()
        interval = self.club.heartbeat_s
        phase = self.number / self.club.size * interval
        due = (ceil((loop.time() - phase) / interval + 1e-6)) * interval + phase
        pause = self._pause = loop.create_future()
        loop.call_at(due, _wake, pause)
        await pause

    def _settle(self, epoch: int) -> None:
        self.epoch, self.settled = epoch, True
        self.club.roster.note()


class ClassicMember(Member):
    """JoinGroup, SyncGroup, Heartbeat; eager gives up everything before a rebalance, cooperative what it has to."""

    protocol = "range"
    cooperative = False

    def __init__(self, club: Club, line: Line, number: int) -> None:
        super().__init__(club, line, number)
        self.member_id = ""

    async def join(self) -> None:
        self.settled = False
        while True:
            if not self.cooperative:
                self.owned = frozenset()
            reply = await self._join_group()
            shares = self._deal(reply) if reply.leader == self.member_id else {}
            share = await self._sync_group(reply.generation_id, shares)
            if share is None:
                continue
            lost, self.owned = self.owned - share, share
            self.epoch = reply.generation_id
            # What was given up is dealt out in another rebalance, which its former owner asks for.
            if not lost:
                break
        self._settle(self.epoch)

    async def beat(self) -> None:
        request = messages.HeartbeatRequest(self.club.group_id, self.epoch, self.member_id)
        reply = await self.line.ask(ApiKey.HEARTBEAT, _HEARTBEAT_VERSION, request)
        if reply.error_code == KafkaError.REBALANCE_IN_PROGRESS:
            await self.join()
        else:
            _check(reply.error_code, "Heartbeat")

    async def leave(self) -> None:
        await leave_classic(self.club, self.line, [self.member_id])

    async def _join_group(self) -> Any:
        request = messages.JoinGroupRequest
        while True:
            subscription = encode_subscription(self.club.topic, self.owned, self.epoch or -1)
            message = request(
                group_id=self.club.group_id,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
                member_id=self.member_id,
                protocol_type="consumer",
                protocols=[request.JoinGroupRequestProtocol(name=self.protocol, metadata=subscription)],
            )
            reply = await self.line.ask(ApiKey.JOIN_GROUP, _JOIN_VERSION, message)
            if reply.error_code == KafkaError.MEMBER_ID_REQUIRED:
                self.member_id = reply.member_id
            elif reply.error_code in wire.NOT_YET:
                await asyncio.sleep(_NOT_YET_SECONDS)
            else:
                _check(reply.error_code, "JoinGroup")
                return reply

    def _deal(self, reply: Any) -> Assignment:
        owned = {member.member_id: decode_owned(member.metadata) for member in reply.members}
        target = balanced(owned, self.club.roster.partitions)
        return released(owned, target) if self.cooperative else target

    async def _sync_group(self, generation: int, shares: Assignment) -> Partitions | None:
        """What this member shall read; None when it has to join again."""
        request = messages.SyncGroupRequest
        message = request(
            group_id=self.club.group_id,
            generation_id=generation,
            member_id=self.member_id,
            protocol_type="consumer",
            protocol_name=self.protocol,
            assignments=[
                request.SyncGroupRequestAssignment(
                    member_id=member_id, assignment=encode_assignment(self.club.topic, share)
                )
                for member_id, share in shares.items()
            ],
        )
        reply = await self.line.ask(ApiKey.SYNC_GROUP, _SYNC_VERSION, message)
        if reply.error_code == KafkaError.REBALANCE_IN_PROGRESS:
            return None
        _check(reply.error_code, "SyncGroup")
        return decode_assignment(reply.assignment)


class CooperativeMember(ClassicMember):
    protocol = "cooperative-sticky"
    cooperative = True


class HeartbeatMember(Member):
    """The newer protocols: everything is said and heard in heartbeats."""

    api_key = ApiKey.CONSUMER_GROUP_HEARTBEAT
    version = 1
    # Whether a member says what it uses: then a new assignment takes another heartbeat at once.
    acknowledges = True

    async def join(self) -> None:
        await self._tell(0, frozenset())

    async def beat(self) -> None:
        await self._tell(self.epoch, None)

    async def leave(self) -> None:
        reply = await self.line.ask(self.api_key, self.version, self.request(LEAVING_EPOCH, None))
        _check(reply.error_code, f"{self.api_key.name} of one that leaves", reply.error_message)

    def request(self, epoch: int, owned: Partitions | None) -> Any:
        """owned: what this member reads, when that is to be told."""
        raise NotImplementedError

    def assigned(self, reply: Any) -> Partitions | None:
        """None when the reply says nothing of it."""
        if reply.assignment is None:
            return None
        return frozenset(index for topic in reply.assignment.topic_partitions for index in topic.partitions)

    async def _tell(self, epoch: int, owned: Partitions | None) -> None:
        while True:
            reply = await self.line.ask(self.api_key, self.version, self.request(epoch, owned))
            if epoch == 0 and reply.error_code in wire.NOT_YET:
                await asyncio.sleep(_NOT_YET_SECONDS)
                continue
            _check(reply.error_code, self.api_key.name, reply.error_message)
            if reply.heartbeat_interval_ms != round(self.club.heartbeat_s * 1000):
                raise ReplyError(f"the server wants a heartbeat each {reply.heartbeat_interval_ms} ms")
            share = self.assigned(reply)
            epoch = reply.member_epoch
            if share is None or share == self.owned:
                break
            self.owned = share
            if not self.acknowledges:
                break
            self.settled = False
            owned = share
        self._settle(epoch)


class ConsumerMember(HeartbeatMember):
    def request(self, epoch: int, owned: Partitions | None) -> Any:
        request = messages.ConsumerGroupHeartbeatRequest
        is_new = epoch == 0
        places = [request.TopicPartitions(self.club.topic_id, sorted(owned))] if owned else []
        return request(
            group_id=self.club.group_id,
            member_id=self.member_id,
            member_epoch=epoch,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS if is_new else -1,
            subscribed_topic_names=[self.club.topic] if is_new else None,
            topic_partitions=None if owned is None else places,
        )


class ShareMember(HeartbeatMember):
    api_key = ApiKey.SHARE_GROUP_HEARTBEAT
    acknowledges = False

    def request(self, epoch: int, owned: Partitions | None) -> Any:
        return messages.ShareGroupHeartbeatRequest(
            group_id=self.club.group_id,
            member_id=self.member_id,
            member_epoch=epoch,
            subscribed_topic_names=[self.club.topic] if epoch == 0 else None,
        )


class StreamsMember(HeartbeatMember):
    """One process with one thread, of a topology that reads the topic and keeps nothing."""

    api_key = ApiKey.STREAMS_GROUP_HEARTBEAT
    version = 0

    def request(self, epoch: int, owned: Partitions | None) -> Any:
        request = messages.StreamsGroupHeartbeatRequest
        is_new = epoch == 0
        subtopology = request.Subtopology(subtopology_id=_SUBTOPOLOGY, source_topics=[self.club.topic])
        tasks = [request.TaskIds(_SUBTOPOLOGY, sorted(owned))] if owned else []
        return request(
            group_id=self.club.group_id,
            member_id=self.member_id,
            member_epoch=epoch,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS if is_new else -1,
            topology=request.Topology(epoch=0, subtopologies=[subtopology]) if is_new else None,
            process_id=self.member_id if is_new else None,
            active_tasks=None if owned is None else tasks,
            standby_tasks=None if owned is None else [],
            warmup_tasks=None if owned is None else [],
        )

    def assigned(self, reply: Any) -> Partitions | None:
        if reply.active_tasks is None:
            return None
        return frozenset(index for task in reply.active_tasks for index in task.partitions)


async def leave_classic(club: Club, line: Line, member_ids: list[str]) -> None:
    """One LeaveGroup for all of them."""
    request = messages.LeaveGroupRequest
    message = request(group_id=club.group_id, members=[request.MemberIdentity(one) for one in member_ids])
    reply = await line.ask(ApiKey.LEAVE_GROUP, _LEAVE_VERSION, message)
    for code in {reply.error_code, *(member.error_code for member in reply.members)}:
        _check(code, "LeaveGroup")


def _wake(pause: "asyncio.Future[None]") -> None:
    if not pause.done():
        pause.set_result(None)


def _check(code: int, what: str, told: str | None = None) -> None:
    if code:
        raise ReplyError(f"{what}: {KafkaError(code).name} {told or ''}")
