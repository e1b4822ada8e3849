"""librdkafka's own speed against a server: one producer, then one consumer, records handed over in lists.

A process of its own: reads a spec as JSON from standard input, writes the result as JSON to standard output.
"""

import json
import os
import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.process import cpu_seconds

_BATCH = 10_000
_SECONDS_MAX = 300


def run(port: int, server_pid: int, topic: str, partitions: int, records: int, value_size: int) -> dict[str, Any]:
    """Records a second in and out, and the server's CPU for each gigabyte of values."""
    servers = {"bootstrap.servers": f"127.0.0.1:{port}"}
    size = records * value_size
    cpu, begun = cpu_seconds(server_pid), time.perf_counter()
    _produce({**servers, "linger.ms": 5, "queue.buffering.max.messages": 2 * _BATCH * 10}, topic, records, value_size)
    produced, produce_cpu = time.perf_counter() - begun, cpu_seconds(server_pid) - cpu

    cpu, begun = cpu_seconds(server_pid), time.perf_counter()
    _consume({**servers, "group.id": "bench"}, topic, partitions, records)
    consumed, consume_cpu = time.perf_counter() - begun, cpu_seconds(server_pid) - cpu
    return {
        "produce_records_per_s": records / produced,
        "produce_cpu_s_per_gb": produce_cpu / (size / 1e9),
        "consume_records_per_s": records / consumed,
        "consume_cpu_s_per_gb": consume_cpu / (size / 1e9),
    }


def _produce(config: dict[str, Any], topic: str, records: int, value_size: int) -> None:
    producer = Producer(config)
    value = os.urandom(value_size)
    left = records
    while left:
        count = min(_BATCH, left)
        messages = [{"value": value} for _ in range(count)]
        accepted = producer.produce_batch(topic, messages)
        left -= accepted
        # The rest did not fit in the queue and is handed over again.
        producer.poll(0 if accepted == count else 0.01)
    if producer.flush(_SECONDS_MAX):
        sys.exit("the producer could not deliver everything")


def _consume(config: dict[str, Any], topic: str, partitions: int, records: int) -> None:
    consumer = Consumer({**config, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    seen, deadline = 0, time.monotonic() + _SECONDS_MAX
    while seen < records:
        if time.monotonic() > deadline:
            sys.exit(f"{records - seen} of {records} records did not arrive")
        seen += sum(message.error() is None for message in consumer.consume(_BATCH, 1))
    consumer.close()


def main() -> None:
    json.dump(run(**json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
