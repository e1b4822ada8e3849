"""From the time a record should be produced to the time it is consumed, with librdkafka at both ends.

A process of its own: reads a spec as JSON from standard input, writes percentiles as JSON to standard output.
"""

import gc
import json
import struct
import sys
import threading
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from bench import stats

_SENT_AT = struct.Struct(">d")
_VALUE_SIZE = 100
_SECONDS_TO_ARRIVE = 30


def run(port: int, topic: str, rate: int, seconds: float, skipped: float) -> dict[str, Any]:
    """One record each 1/rate s into partition 0, late or not; each carries the time it was due."""
    servers = {"bootstrap.servers": f"127.0.0.1:{port}"}
    consumer = Consumer({**servers, "group.id": f"{topic}-end-to-end", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    producer = Producer({**servers, "linger.ms": 0})
    count = int(rate * seconds)
    latencies: list[float] = []
    consuming = threading.Thread(target=_consume, args=(consumer, count, int(rate * skipped), latencies))
    gc.disable()
    consuming.start()
    _produce(producer, topic, rate, count)
    producer.flush(_SECONDS_TO_ARRIVE)
    consuming.join()
    consumer.close()
    return {"records": len(latencies), "rate": rate, "latency_ms": stats.latencies_ms(latencies)}


def _produce(producer: Producer, topic: str, rate: int, count: int) -> None:
    padding = bytes(_VALUE_SIZE - _SENT_AT.size)
    # The consumer is given a second to join its partition; the first due time is the same for all servers.
    begun = time.monotonic() + 1
    for number in range(count):
        due = begun + number / rate
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        producer.produce(topic, _SENT_AT.pack(due) + padding, partition=0)
        producer.poll(0)


def _consume(consumer: Consumer, count: int, skipped: int, latencies: list[float]) -> None:
    quiet_since = time.monotonic()
    seen = 0
    while seen < count and time.monotonic() - quiet_since < _SECONDS_TO_ARRIVE:
        message = consumer.poll(1)
        if message is None or message.error():
            continue
        quiet_since = now = time.monotonic()
        seen += 1
        value = message.value()
        if seen > skipped and value is not None:
            latencies.append(now - _SENT_AT.unpack_from(value)[0])
    if seen < count:
        sys.exit(f"{count - seen} of {count} records did not arrive")


def main() -> None:
    json.dump(run(**json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
