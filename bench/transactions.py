"""Transactional producers over raw connections: one Produce request, one EndTxn, and on, as clients of Kafka 4 do.

Partitions join a transaction by being produced to, and each EndTxn gives the epoch of the next one (KIP-890).
A process of its own: reads one `Spec` as JSON from standard input, writes the result as JSON to standard output.
"""

import gc
import json
import selectors
import sys
import time
from dataclasses import dataclass
from struct import Struct
from time import perf_counter
from typing import Any

from bench import stats, wire
from bench.load import Window
from bench.sequences import PRODUCER_ID_AT
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.errors import KafkaError
from penstock.protocol.frame import decode_response, encode_request
from penstock.records.batch import seal
from penstock.records.header import ATTRIBUTES_AT, TRANSACTIONAL_BIT

END_TXN_VERSION = 5
# The transaction before is not over yet: its markers are being written. Clients then send the same again.
AGAIN = (KafkaError.CONCURRENT_TRANSACTIONS, KafkaError.NOT_ENOUGH_REPLICAS)
_AGAIN_SECONDS_MAX = 60
_STABLE_SECONDS_MAX = 30
_pack_producer = Struct(">qhi").pack_into


@dataclass(frozen=True)
class Spec:
    """ids: transactional ids, each on a connection of its own, with one transaction at a time.

    batches: of each transaction, in one Produce request, each for another partition of the topic; batch_size 0: of one
    record. abort_every: of so many transactions of an id the last is aborted, 0 for none. transactions_max,
    seconds_max: whichever comes first ends the round.
    """

    port: int
    server_pid: int
    topic: str
    partitions: int = 10
    ids: int = 1
    batches: int = 1
    batch_size: int = 0
    value_size: int = 100
    abort_every: int = 0
    transactions_max: int = 1 << 60
    seconds_max: float = 10
    seconds_skipped: float = 0


class Template:
    """A transactional Produce request in which only the producer and the checksums change."""

    def __init__(self, topic: str, partitions: list[int], batch: bytes, transactional_id: str) -> None:
        data = bytearray(batch)
        data[ATTRIBUTES_AT + 1] |= TRANSACTIONAL_BIT
        request = messages.ProduceRequest
        places = [request.PartitionProduceData(index=index, records=bytes(data)) for index in partitions]
        message = request(
            transactional_id=transactional_id,
            acks=-1,
            timeout_ms=30_000,
            topic_data=[request.TopicProduceData(name=topic, partition_data=places)],
        )
        parts = encode_request(ApiKey.PRODUCE, wire.PRODUCE_VERSION, 0, wire.CLIENT_ID, message)
        self._request = bytearray().join(map(bytes, parts))
        self._size = len(data)
        self._at, at = [], 0
        for _ in partitions:
            at = self._request.index(data, at)
            self._at.append(at)
            at += self._size

    def request(self, producer_id: int, epoch: int) -> bytes:
        """Sequences begin at 0 in every epoch, and so in every transaction."""
        first, view = self._at[0], memoryview(self._request)
        _pack_producer(self._request, first + PRODUCER_ID_AT, producer_id, epoch, 0)
        seal(view[first : first + self._size])
        for at in self._at[1:]:
            view[at : at + self._size] = view[first : first + self._size]
        return bytes(self._request)


class Producer:
    """One transactional id: what it sends next, and when it sent and heard what."""

    def __init__(self, spec: Spec, number: int) -> None:
        self.transactional_id = f"{spec.topic}-{number}"
        self.spec = spec
        partitions = [(number + place) % spec.partitions for place in range(spec.batches)]
        batch = wire.batch_of(spec.batch_size, spec.value_size) if spec.batch_size else None
        self.records = wire.records_in(batch) if batch else 1
        batch = batch or wire.one_record_batch(spec.value_size)
        self._template = Template(spec.topic, partitions, batch, self.transactional_id)
        self.sock = wire.connect(spec.port)
        wire.find_coordinator(self.sock, self.transactional_id, kind=1)
        self.producer_id, self.epoch = wire.init_producer(self.sock, self.transactional_id)
        # (when it began, when its EndTxn was sent, when that was answered) of each transaction that is over
        self.times: list[tuple[float, float, float]] = []
        self.again = 0
        self._received = bytearray()
        self._is_ending = False
        self._began = self._ended = 0.0
        self._again_since = 0.0

    def begin(self, now: float) -> None:
        self._began = now
        self._produce()

    def receive(self, now: float) -> bool:
        """Takes what has arrived and sends what comes next; whether a transaction is over. Error: ReplyError."""
        part = self.sock.recv(1 << 16)
        if not part:
            raise wire.ReplyError(f"the server hung up on {self.transactional_id}")
        self._received += part
        if len(self._received) < wire.SIZE.size:
            return False
        (size,) = wire.SIZE.unpack_from(self._received)
        if len(self._received) < wire.SIZE.size + size:
            return False
        frame, self._received = bytes(self._received[wire.SIZE.size :]), bytearray()
        return self._end(frame, now) if self._is_ending else self._produced(frame, now)

    def _produce(self) -> None:
        self._is_ending = False
        self.sock.sendall(self._template.request(self.producer_id, self.epoch))

    def _produced(self, frame: bytes, now: float) -> bool:
        _, reply = decode_response(ApiKey.PRODUCE, wire.PRODUCE_VERSION, frame)
        errors = {part.error_code for topic in reply.responses for part in topic.partition_responses}
        if errors == {0}:
            self._again_since = 0.0
            self._ended = now
            self._send_end()
        else:
            self._retry(errors, now)
            # What was written in spite of it is recognised by its sequence.
            self._produce()
        return False

    def _send_end(self) -> None:
        self._is_ending = True
        every = self.spec.abort_every
        is_commit = not every or (len(self.times) + 1) % every != 0
        message = messages.EndTxnRequest(self.transactional_id, self.producer_id, self.epoch, is_commit)
        parts = encode_request(ApiKey.END_TXN, END_TXN_VERSION, 0, wire.CLIENT_ID, message)
        self.sock.sendall(b"".join(map(bytes, parts)))

    def _end(self, frame: bytes, now: float) -> bool:
        _, reply = decode_response(ApiKey.END_TXN, END_TXN_VERSION, frame)
        if reply.error_code:
            self._retry({reply.error_code}, now)
            self._send_end()
            return False
        self._again_since = 0.0
        self.times.append((self._began, self._ended, now))
        self.producer_id, self.epoch = reply.producer_id, reply.producer_epoch
        return True

    def _retry(self, errors: set[int], now: float) -> None:
        """Error: ReplyError for what no client sends again, or too long."""
        self._again_since = self._again_since or now
        if not errors <= {0, *AGAIN} or now - self._again_since > _AGAIN_SECONDS_MAX:
            told = ", ".join(KafkaError(code).name for code in sorted(errors))
            raise wire.ReplyError(f"{self.transactional_id} after {len(self.times)} transactions: {told}")
        self.again += 1


def run(spec: Spec) -> dict[str, Any]:
    """One round. Error: ReplyError for a reply or an end of the topic that is not what it must be."""
    producers = [Producer(spec, number) for number in range(spec.ids)]
    window = Window()
    gc.disable()
    try:
        _work(spec, producers, window)
        over = sum(len(producer.times) for producer in producers)
        _check_ends(spec, producers[0], over)
    finally:
        for producer in producers:
            producer.sock.close()
    ends = window.started + window.seconds
    times = [one for producer in producers for one in producer.times if window.started <= one[0] and one[2] <= ends]
    return {
        "transactions": window.replies,
        "seconds": window.seconds,
        "transactions_per_s": window.replies / window.seconds,
        "server_cpu_s": window.server_cpu_s,
        "cpu_ms_per_transaction": window.server_cpu_s * 1000 / max(1, window.replies),
        "generator_cpu_share": window.own_cpu_s / window.seconds,
        "sent_again": sum(producer.again for producer in producers),
        "commit_ms": stats.latencies_ms(done - ended for _, ended, done in times),
        "latency_ms": stats.latencies_ms(done - began for began, _, done in times),
    }


def _work(spec: Spec, producers: list[Producer], window: Window) -> None:
    """Every producer's transactions one after another, until the round is over and none is open."""
    over, open_ = 0, len(producers)
    now = begun = perf_counter()
    with selectors.DefaultSelector() as selector:
        for producer in producers:
            selector.register(producer.sock, selectors.EVENT_READ, producer)
            producer.begin(now)
        while open_:
            if not window.started and now - begun >= spec.seconds_skipped:
                window.open(over, spec.server_pid)
            ready = selector.select(_AGAIN_SECONDS_MAX)
            if not ready:
                raise wire.ReplyError(f"no reply for {_AGAIN_SECONDS_MAX} s")
            for key, _ in ready:
                now = perf_counter()
                if not key.data.receive(now):
                    continue
                over += 1
                if over + open_ <= spec.transactions_max and now - begun < spec.seconds_max:
                    key.data.begin(now)
                    continue
                open_ -= 1
                if not window.seconds:
                    # The first producer that stops ends what is measured: from here on there is less to do at once.
                    window.close(over, spec.server_pid)


def _check_ends(spec: Spec, producer: Producer, over: int) -> None:
    """Every batch and every marker is in the log and none is open, or will be soon. Error: ReplyError."""
    expected = over * spec.batches * (producer.records + 1)
    deadline = time.monotonic() + _STABLE_SECONDS_MAX
    while True:
        found = sum(wire.end_offsets(producer.sock, spec.topic, spec.partitions, isolation=1))
        if found == expected:
            return
        if time.monotonic() > deadline:
            raise wire.ReplyError(f"{found} offsets of {spec.topic} are stable, expected {expected}")
        time.sleep(0.05)


def main() -> None:
    spec = Spec(**json.load(sys.stdin))
    try:
        result = run(spec)
    except (wire.ReplyError, OSError) as error:
        sys.exit(f"{spec.topic}: {error}")
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
