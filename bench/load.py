"""The load generator: a process of its own that replays requests as fast as they are answered, or at a given rate.

Reads one `Load` as JSON from standard input and writes one result as JSON to standard output.
"""

import gc
import json
import select
import sys
from dataclasses import asdict, dataclass, field
from time import perf_counter, process_time
from typing import Any

from bench import stats, wire
from bench.channel import Channel, per_request
from bench.framed import FramedChannel
from bench.process import cpu_seconds
from bench.sequences import Checksums, IdempotentChannel, stamp
from penstock.records.control import ControlType, Marker, build_marker

# A batch of one record that ends a transaction.
MARKER_SIZE = len(build_marker(Marker(ControlType.COMMIT, 0), 0, 0, 0))
_DRAIN_SECONDS_MAX = 60
_STREAM_BYTES_MAX = 4 << 20
# A round that is over sooner than planned, by its number of requests, has a warm-up of a tenth of them.
_SKIPPED_SHARE = 10


@dataclass(frozen=True)
class Load:
    """What to send. batch_size 0: batches of one record of value_size bytes.

    batches: for fetch, how many lie in each partition; requests_max, seconds_max: whichever comes first ends the round;
    seconds_skipped: not counted at the start; rate: requests a second over all connections, 0 as fast as it goes.
    idempotent: each connection is a producer, its batches count per partition. transactions: for fetch, each request is
    for so many transactions of one batch, whose markers lie between; isolation: 1 leaves the aborted to the client.
    """

    kind: str
    port: int
    server_pid: int
    topic: str
    partitions: int = 1
    connections: int = 1
    in_flight: int = 1
    batch_size: int = 0
    value_size: int = 1024
    acks: int = -1
    batches: int = 0
    requests_max: int = 1 << 60
    seconds_max: float = 10
    seconds_skipped: float = 0
    rate: float = 0
    host: str = "127.0.0.1"
    idempotent: bool = False
    transactions: int = 0
    isolation: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Window:
    """What is measured: from the end of the warm-up to the last reply before the end."""

    started: float = 0.0
    seconds: float = 0.0
    replies: int = 0
    server_cpu_s: float = 0.0
    own_cpu_s: float = 0.0
    _at_start: tuple[int, float, float] = field(default=(0, 0.0, 0.0))

    def open(self, replied: int, pid: int) -> None:
        """The warm-up is over."""
        self._at_start = (replied, cpu_seconds(pid), process_time())
        self.started = perf_counter()

    def close(self, replied: int, pid: int) -> None:
        """The round is over. Error: wire.ReplyError when it was over before its warm-up."""
        if not self.started:
            raise wire.ReplyError(f"the round ended after {replied} replies, in its warm-up: it needs more time")
        self.seconds = perf_counter() - self.started
        before, cpu, own = self._at_start
        self.replies = replied - before
        self.server_cpu_s = cpu_seconds(pid) - cpu
        self.own_cpu_s = process_time() - own


def batch(load: Load) -> bytes:
    """The one batch that a round sends or reads again and again."""
    return (
        wire.batch_of(load.batch_size, load.value_size) if load.batch_size else wire.one_record_batch(load.value_size)
    )


def partitions_of(load: Load, connection: int) -> list[int]:
    """With more connections than partitions several share one."""
    return list(range(connection % load.partitions, load.partitions, load.connections))


def streams(load: Load) -> list[wire.Stream]:
    """One stream for each connection, but for idempotent producers."""
    data = batch(load)
    records = wire.records_in(data)
    found = []
    for connection in range(load.connections):
        own = partitions_of(load, connection)
        if load.kind == "produce":
            # Short requests are sent many in one call, so a stream holds a whole window of them if that is not much.
            window = min(load.in_flight, _STREAM_BYTES_MAX // len(data))
            found.append(wire.produce_stream(load.topic, own, data, load.acks, repeat=max(1, window // len(own))))
        elif load.transactions:
            size = load.transactions * (len(data) + MARKER_SIZE)
            step = load.transactions * (records + 1)
            found.append(wire.fetch_stream(load.topic, own, 0, step, load.batches, size, load.isolation))
        else:
            found.append(wire.fetch_stream(load.topic, own, 0, records, load.batches, len(data)))
    return found


def channels_of(load: Load) -> list[Channel]:
    """The connections of a round, nothing sent yet but for producer ids."""
    address = (load.host, load.port)
    if not load.idempotent:
        kind = FramedChannel if load.transactions else Channel
        return [kind(address, stream) for stream in streams(load)]
    plain = batch(load)
    records, checksums = wire.records_in(plain), Checksums(plain)
    found: list[Channel] = []
    with wire.connect(load.port) as sock:
        for connection in range(load.connections):
            own = partitions_of(load, connection)
            data = stamp(plain, *wire.init_producer(sock))
            # Numbers are written into a stream while other requests of it wait to be sent: it holds a whole window.
            stream = wire.produce_stream(load.topic, own, data, load.acks, repeat=-(-load.in_flight // len(own)))
            found.append(IdempotentChannel(address, stream, data, len(own), records, checksums))
    return found


def run(load: Load) -> dict[str, Any]:
    """One round. Error: wire.ReplyError when any reply is not the one that a healthy server gives."""
    channels = channels_of(load)
    for channel in channels:
        channel.first()
    # A collection in the middle would be measured as the server's latency; nothing here makes cycles.
    gc.disable()
    window = Window()
    try:
        starts = (_paced if load.rate else _closed)(channels, load, window)
    finally:
        for channel in channels:
            channel.close()
    payload = channels[0].stream.payload * window.replies
    latencies, lags = _latencies(channels, load, window, starts)
    return {
        "requests": window.replies,
        "seconds": window.seconds,
        "bytes": payload,
        "requests_per_s": window.replies / window.seconds,
        "mb_per_s": payload / window.seconds / 1e6,
        "server_cpu_s": window.server_cpu_s,
        "cpu_s_per_gb": window.server_cpu_s / (payload / 1e9) if payload else 0.0,
        "generator_cpu_share": window.own_cpu_s / window.seconds,
        "latency_ms": stats.latencies_ms(latencies),
        "generator_lag_ms": stats.latencies_ms(lags),
    }


def _closed(channels: list[Channel], load: Load, window: Window) -> None:
    """Each connection keeps up to `in_flight` requests unanswered."""
    by_fd = {channel.fileno(): channel for channel in channels}
    with select.epoll() as poll:
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        each_max = load.requests_max // len(channels)
        in_flight = load.in_flight
        # Refilling a quarter of the window at once keeps the generator from spending a system call on each request.
        refill = max(1, in_flight // 4)
        begun = perf_counter()
        replied, goal = len(channels), each_max * len(channels)
        skipped_max = goal // _SKIPPED_SHARE
        for channel in channels:
            _send(poll, channel, min(each_max, channel.replied + in_flight), begun)
        opened = False
        now = begun
        while replied < goal and now - begun < load.seconds_max:
            if not opened and (now - begun >= load.seconds_skipped or replied >= skipped_max):
                window.open(replied, load.server_pid)
                opened = True
            for fd, _ in poll.poll(0.5):
                channel = by_fd[fd]
                now = perf_counter()
                replied += channel.receive(now)
                limit = min(each_max, channel.replied + in_flight)
                if channel.blocked or limit - channel.begun >= refill or channel.replied == channel.begun:
                    _send(poll, channel, limit, now)
            now = perf_counter()
        window.close(replied, load.server_pid)
        _drain(poll, by_fd)


def _paced(channels: list[Channel], load: Load, window: Window) -> float:
    """Requests leave at fixed times, late or not; gives the time from which the times are reckoned."""
    begun = perf_counter()
    share = load.rate / len(channels)
    replied, now, opened = len(channels), begun, False
    each_max = load.requests_max // len(channels)
    goal = each_max * len(channels)
    skipped_max = goal // _SKIPPED_SHARE
    while replied < goal and now - begun < load.seconds_max:
        if not opened and (now - begun >= load.seconds_skipped or replied >= skipped_max):
            window.open(replied, load.server_pid)
            opened = True
        due_next = now + 1.0
        for number, channel in enumerate(channels):
            phase = number / len(channels)
            # The first request of every connection is answered already and has no time.
            due = 1 + max(0, int((now - begun) * share - phase + 1))
            limit = min(each_max, due, channel.replied + load.in_flight)
            if limit > channel.begun or channel.blocked:
                channel.send(limit, now)
            due_next = min(due_next, begun + (due - 1 + phase) / share)
        waiting = [channel for channel in channels if channel.blocked]
        readable, _, _ = select.select(channels, waiting, [], max(0.0, due_next - perf_counter()))
        now = perf_counter()
        for channel in readable:
            replied += channel.receive(now)
            now = perf_counter()
    window.close(replied, load.server_pid)
    with select.epoll() as poll:
        by_fd = {channel.fileno(): channel for channel in channels}
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        _drain(poll, by_fd)
    return begun


def _send(poll: select.epoll, channel: Channel, limit: int, now: float) -> None:
    was_blocked = channel.blocked
    channel.send(limit, now)
    if channel.blocked != was_blocked:
        poll.modify(channel.fileno(), select.EPOLLIN | (select.EPOLLOUT if channel.blocked else 0))


def _drain(poll: select.epoll, by_fd: dict[int, Channel]) -> None:
    """Completes what was begun, so that the server is idle when the next round starts."""
    deadline = perf_counter() + _DRAIN_SECONDS_MAX
    open_ = {fd: channel for fd, channel in by_fd.items() if channel.replied < channel.begun}
    for channel in open_.values():
        _send(poll, channel, channel.begun, perf_counter())
    while open_:
        now = perf_counter()
        if now > deadline:
            raise wire.ReplyError(f"{len(open_)} connections got no reply for {_DRAIN_SECONDS_MAX} s")
        for fd, _ in poll.poll(0.5):
            channel = by_fd[fd]
            channel.receive(now)
            _send(poll, channel, channel.begun, now)
            if channel.replied >= channel.begun:
                open_.pop(fd, None)


def _latencies(
    channels: list[Channel], load: Load, window: Window, paced_from: float | None
) -> tuple[list[float], list[float]]:
    """Latency of each request that was (to be) sent inside the window, and how late the paced ones left."""
    latencies: list[float] = []
    lags: list[float] = []
    ends = window.started + window.seconds
    for number, channel in enumerate(channels):
        begun = per_request(channel.begun_times, channel.begun_counts)
        done = per_request(channel.done_times, channel.done_counts)
        if paced_from is None:
            wanted = begun
        else:
            share = load.rate / len(channels)
            phase = number / len(channels)
            wanted = [begun[0], *(paced_from + (index + phase) / share for index in range(len(begun) - 1))]
            lags += [at - due for at, due in zip(begun, wanted, strict=True) if window.started <= due <= ends]
        latencies += [
            after - before for before, after in zip(wanted, done, strict=False) if window.started <= before <= ends
        ]
    return latencies, lags


def main() -> None:
    load = Load(**json.load(sys.stdin))
    try:
        result = run(load)
    except (wire.ReplyError, OSError) as error:
        sys.exit(f"{load.kind} {load.topic}: {error}")
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
