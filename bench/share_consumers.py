"""Consumers of a share group over raw connections: ShareFetch, with what came last accepted in the same request.

A process of its own: reads one `Spec` as JSON from standard input, writes the result as JSON to standard output.
"""

import asyncio
import gc
import json
import sys
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from bench import wire
from bench.members import Club, Line, ShareMember
from bench.process import cpu_seconds
from bench.roster import Roster
from bench.wire import ReplyError
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.errors import KafkaError

FETCH_VERSION, ACKNOWLEDGE_VERSION, ALTER_VERSION = 2, 2, 1
ACCEPT = 1
FINAL_EPOCH = -1
_CONFIG_GROUP, _CONFIG_SET = 32, 0
# What Java's consumer asks for: max.poll.records, fetch.max.wait.ms and fetch.max.bytes.
_RECORDS_MAX, _WAIT_MS, _BYTES_MAX = 500, 500, 50 << 20
_JOIN_SECONDS_MAX = 60
# Nothing for so long after the first records: all of the topic is read.
_QUIET_SECONDS = 2
_SKIPPED_SHARE = 10
_LOOK_SECONDS = 0.005

Acquired = dict[int, list[tuple[int, int]]]


@dataclass(frozen=True)
class Spec:
    """A new group reads the topic from its start; seconds_skipped: not counted, from the first records on."""

    port: int
    server_pid: int
    group_id: str
    topic: str
    partitions: int
    consumers: int
    heartbeat_s: float
    seconds_max: float = 10
    seconds_skipped: float = 0


class Tally:
    """What all consumers have had answered. wanted: records of the topic; records: acknowledged, at `at` the last of
    them; bytes: of batches received.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.records = 0
        self.at = 0.0
        self.bytes = 0
        self.requests = 0
        self.redelivered = 0


class ShareConsumer:
    """One member's share session; `topic_id` of 16 bytes."""

    def __init__(self, spec: Spec, member: ShareMember, line: Line, topic_id: bytes, tally: Tally) -> None:
        self.spec, self.member, self.line, self.topic_id, self.tally = spec, member, line, topic_id, tally
        self.acquired: Acquired = {}
        self._epoch = 0

    async def fetch(self) -> int:
        """One ShareFetch; the number of records it brought. Error: ReplyError."""
        request = messages.ShareFetchRequest
        accepted, self.acquired = self.acquired, {}
        # The first request says what the session is of, those after it only what is acknowledged.
        places = accepted if self._epoch else self.member.owned
        partitions = [
            request.FetchPartition(index, _batches(request, accepted.get(index, ()))) for index in sorted(places)
        ]
        message = request(
            group_id=self.spec.group_id,
            member_id=self.member.member_id,
            share_session_epoch=self._epoch,
            max_wait_ms=_WAIT_MS,
            min_bytes=1,
            max_bytes=_BYTES_MAX,
            max_records=_RECORDS_MAX,
            batch_size=_RECORDS_MAX,
            topics=[request.FetchTopic(self.topic_id, partitions)] if partitions else [],
        )
        reply = await self.line.ask(ApiKey.SHARE_FETCH, FETCH_VERSION, message)
        _check(reply.error_code, "ShareFetch", reply.error_message)
        self._epoch += 1
        return self._take(reply, accepted)

    async def close(self) -> None:
        """Accepts what is still held and ends the session."""
        request = messages.ShareAcknowledgeRequest
        partitions = [
            request.AcknowledgePartition(index, _batches(request, ranges)) for index, ranges in self.acquired.items()
        ]
        message = request(
            group_id=self.spec.group_id,
            member_id=self.member.member_id,
            share_session_epoch=FINAL_EPOCH,
            topics=[request.AcknowledgeTopic(self.topic_id, partitions)] if partitions else [],
        )
        reply = await self.line.ask(ApiKey.SHARE_ACKNOWLEDGE, ACKNOWLEDGE_VERSION, message)
        _check(reply.error_code, "ShareAcknowledge", reply.error_message)
        for topic in reply.responses:
            for partition in topic.partitions:
                _check(partition.error_code, "ShareAcknowledge", partition.error_message)

    def _take(self, reply: Any, accepted: Acquired) -> int:
        tally, answered, came = self.tally, set(), 0
        tally.requests += 1
        for topic in reply.responses:
            for partition in topic.partitions:
                _check(partition.acknowledge_error_code, "an acknowledgement", partition.acknowledge_error_message)
                if partition.error_code not in wire.NOT_YET:
                    _check(partition.error_code, "ShareFetch of a partition", partition.error_message)
                answered.add(partition.partition_index)
                tally.bytes += len(partition.records or b"")
                if partition.acquired_records:
                    ranges = [(run.first_offset, run.last_offset) for run in partition.acquired_records]
                    self.acquired[partition.partition_index] = ranges
                    came += count_of(ranges)
                    tally.redelivered += sum(run.delivery_count > 1 for run in partition.acquired_records)
        # A partition whose records were acknowledged is in the reply, with what became of that.
        if missing := accepted.keys() - answered:
            raise ReplyError(f"no word on what was acknowledged in partitions {sorted(missing)}")
        if accepted:
            tally.records += sum(map(count_of, accepted.values()))
            tally.at = perf_counter()
        return came


def count_of(ranges: list[tuple[int, int]]) -> int:
    """Records in ranges of offsets, both ends included."""
    return sum(last - first + 1 for first, last in ranges)


def _batches(request: Any, ranges: Any) -> list[Any]:
    return [request.AcknowledgementBatch(first, last, [ACCEPT]) for first, last in ranges]


async def run(spec: Spec, topic_id: bytes, records: int) -> dict[str, Any]:
    """One round over a topic of so many records. Error: ReplyError."""
    roster = Roster(spec.partitions, shared=True)
    club = Club(spec.group_id, spec.topic, topic_id, spec.consumers, spec.heartbeat_s, roster)
    tally = Tally(records)
    lines = [await Line.open(spec.port) for _ in range(2 * spec.consumers)]
    await _read_from_start(lines[0], spec.group_id)
    members = [ShareMember(club, line, number) for number, line in enumerate(lines[: spec.consumers])]
    roster.members += members
    stable = roster.expect()
    living = [asyncio.create_task(member.live()) for member in members]
    try:
        async with asyncio.timeout(_JOIN_SECONDS_MAX):
            await stable
        consumers = [
            ShareConsumer(spec, member, line, topic_id, tally)
            for member, line in zip(members, lines[spec.consumers :], strict=True)
        ]
        found = await _consume(spec, consumers, tally)
        for member in members:
            member.stop()
        await asyncio.gather(*living)
        await asyncio.gather(*(member.leave() for member in members))
    except TimeoutError:
        raise ReplyError(f"{spec.group_id}: not all partitions are assigned after {_JOIN_SECONDS_MAX} s") from None
    finally:
        for line in lines:
            line.close()
    return found


async def _consume(spec: Spec, consumers: list[ShareConsumer], tally: Tally) -> dict[str, Any]:
    """From the first records until the time is over or all are read."""
    await _first_records(consumers)
    begun = perf_counter()
    fetching = [asyncio.create_task(_fetch_on(spec, consumer, begun)) for consumer in consumers]
    # With few records the warm-up is a tenth of them.
    while perf_counter() - begun < spec.seconds_skipped and tally.records < tally.wanted // _SKIPPED_SHARE:
        await asyncio.sleep(_LOOK_SECONDS)
    records, size, requests = tally.records, tally.bytes, tally.requests
    cpu, own, opened = cpu_seconds(spec.server_pid), process_time(), perf_counter()
    # The first that ends, ends what is measured: from there on there is less to do at once.
    await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED)
    # Not until now: with all read, the last requests wait for records in vain.
    seconds = tally.at - opened
    records, size, requests = tally.records - records, tally.bytes - size, tally.requests - requests
    cpu, own = cpu_seconds(spec.server_pid) - cpu, process_time() - own
    await asyncio.gather(*fetching)
    await asyncio.gather(*(consumer.close() for consumer in consumers))
    if not records or seconds <= 0:
        raise ReplyError(f"{spec.group_id}: all was read within the warm-up, it needs more records")
    return {
        "records": records,
        "seconds": seconds,
        "consume_records_per_s": records / seconds,
        "mb_per_s": size / seconds / 1e6,
        "requests": requests,
        "server_cpu_s": cpu,
        "cpu_ms_per_1000_records": cpu * 1000 / (records / 1000),
        "generator_cpu_share": own / seconds,
        "redelivered": tally.redelivered,
    }


async def _first_records(consumers: list[ShareConsumer]) -> None:
    """Until every consumer got some: the share partitions are open then. Error: ReplyError."""
    for consumer in consumers:
        deadline = perf_counter() + _JOIN_SECONDS_MAX
        while not await consumer.fetch():
            if perf_counter() > deadline:
                raise ReplyError(f"{consumer.spec.group_id}: no records within {_JOIN_SECONDS_MAX} s")


async def _fetch_on(spec: Spec, consumer: ShareConsumer, begun: float) -> None:
    """Until the time is over, or nothing came for a while."""
    came_at = perf_counter()
    while (now := perf_counter()) - begun < spec.seconds_max and now - came_at < _QUIET_SECONDS:
        if await consumer.fetch():
            came_at = perf_counter()
        # All of them are out: every record was delivered and this was the last word on it.
        elif consumer.tally.records >= consumer.tally.wanted:
            return


async def _read_from_start(line: Line, group_id: str) -> None:
    """The group's own share.auto.offset.reset, without which it reads what comes after it."""
    request = messages.IncrementalAlterConfigsRequest
    config = request.AlterableConfig(name="share.auto.offset.reset", config_operation=_CONFIG_SET, value="earliest")
    resource = request.AlterConfigsResource(resource_type=_CONFIG_GROUP, resource_name=group_id, configs=[config])
    reply = await line.ask(ApiKey.INCREMENTAL_ALTER_CONFIGS, ALTER_VERSION, request(resources=[resource]))
    for response in reply.responses:
        _check(response.error_code, "IncrementalAlterConfigs", response.error_message)


def _check(code: int, what: str, told: str | None = None) -> None:
    if code:
        raise ReplyError(f"{what}: {KafkaError(code).name} {told or ''}")


def main() -> None:
    spec = Spec(**json.load(sys.stdin))
    try:
        with wire.connect(spec.port) as sock:
            wire.find_coordinator(sock, spec.group_id, kind=0)
            topic_id = wire.topic_id(sock, spec.topic)
            records = sum(wire.end_offsets(sock, spec.topic, spec.partitions, isolation=0))
        gc.disable()
        found = asyncio.run(run(spec, topic_id, records))
    except (ReplyError, OSError) as error:
        sys.exit(f"{spec.group_id}, {spec.consumers} consumers: {error}")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
