"""The read-process-write loop with confluent-kafka; `drill.py` tells the form."""

import sys
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

PATIENCE_S = 60
BATCH_RECORDS = 25
FATAL = 3
# Back in some milliseconds when the broker is. With `rebootstrap` librdkafka 2.16.0 gives up the broker that all
# connections were lost to, and asks it again, for ever, for the coordinator of a group that it remembers there.
RECONNECT = {
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 20,
    "metadata.recovery.strategy": "none",
}


def say(phase: str, count: int = 0) -> None:
    """Tells the drill where we are, and waits until it says to go on; ends the program when it is done with us."""
    print(phase, count, flush=True)
    if not sys.stdin.readline():
        raise EOFError


def patiently(call: Callable[..., Any], *arguments: Any) -> Any:
    """The same call again for as long as the library says that it may be repeated."""
    while True:
        try:
            return call(*arguments)
        except KafkaException as raised:
            if not raised.args[0].retriable():
                raise


def after(messages: list[Message]) -> list[TopicPartition]:
    """Where to go on behind these messages, by partition."""
    ends = {(message.topic(), message.partition()): message.offset() + 1 for message in messages}
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]


def rewind(consumer: Consumer) -> None:
    """Back to what is committed: the records of the transaction that was aborted are to come again."""
    held = consumer.assignment()
    for part in patiently(consumer.committed, held, PATIENCE_S) if held else ():
        consumer.seek(TopicPartition(part.topic, part.partition, part.offset if part.offset >= 0 else 0))


def transact(producer: Producer, consumer: Consumer, messages: list[Message], target: str) -> None:
    count = len(messages)
    producer.begin_transaction()
    say("read", count)
    for message in messages:
        producer.produce(target, message.value(), message.key())
    producer.flush(PATIENCE_S)
    say("written", count)
    patiently(producer.send_offsets_to_transaction, after(messages), consumer.consumer_group_metadata(), PATIENCE_S)
    say("offsets", count)
    patiently(producer.commit_transaction, PATIENCE_S)
    say("committed", count)


def loop(producer: Producer, consumer: Consumer, target: str) -> None:
    while True:
        taken = consumer.consume(BATCH_RECORDS, 0.2)
        # An error in place of a message is news of a lost connection: the library goes on by itself.
        messages = [message for message in taken if message.error() is None]
        if not messages:
            say("idle")
            continue
        try:
            transact(producer, consumer, messages, target)
        except KafkaException as raised:
            if not raised.args[0].txn_requires_abort():
                raise
            print(raised, file=sys.stderr, flush=True)
            patiently(producer.abort_transaction, PATIENCE_S)
            rewind(consumer)
            say("aborted", len(messages))


def main(
    bootstrap: str, source: str, target: str, group: str, name: str, timeout_ms: str, session_ms: str, protocol: str
) -> None:
    shared = {"bootstrap.servers": bootstrap, "log_level": 0, **RECONNECT}
    limits = {"transaction.timeout.ms": int(timeout_ms), "message.timeout.ms": int(timeout_ms)}
    classic = {"session.timeout.ms": int(session_ms), "heartbeat.interval.ms": 300}
    producer = Producer({**shared, **limits, "transactional.id": name})
    patiently(producer.init_transactions, PATIENCE_S)
    consumer = Consumer(
        {
            **shared,
            **(classic if protocol == "classic" else {}),
            "group.id": group,
            "group.protocol": protocol,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([source])
    try:
        loop(producer, consumer, target)
    except EOFError:
        consumer.close()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KafkaException as fatal:
        print(fatal, file=sys.stderr)
        sys.exit(FATAL)
