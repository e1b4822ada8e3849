"""`penstock consume`: records in, text or JSON lines out."""

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from penstock.cli.connect import (
    DEFAULT_BOOTSTRAP_SERVER,
    REQUEST_TIMEOUT_S,
    BootstrapServer,
    CommandConfig,
    Properties,
    client_config,
    describe_fault,
    ensure_reachable,
    fail,
    reported,
)
from penstock.cli.output import Format, Output

POLL_RECORDS_MAX = 1000
POLL_TIMEOUT_S = 0.1
DEFAULT_LINE = r"%s\n"
ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", "0": b"\0", "\\": b"\\"}
_TOKEN = re.compile(r"\\(?P<escape>x[0-9a-fA-F]{2}|.)|%(?P<field>.?)|(?P<text>[^\\%]+|\\)", re.DOTALL)
OFFSET_MAX = 2**63 - 1

# The stubs of confluent_kafka.Message call every field optional; those of a record without an error are there.
Message = Any


class Start(NamedTuple):
    """Where reading begins: an offset (or OFFSET_BEGINNING, OFFSET_END), `tail` records before the end, or a time."""

    offset: int = OFFSET_END
    tail: int = 0
    timestamp_ms: int | None = None


def consume(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...")],
    group: Annotated[
        str | None, typer.Option("--group", "-g", help="Read as a member of this group and commit.")
    ] = None,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start at the earliest record.")] = False,
    offset: Annotated[
        str | None,
        typer.Option(help="beginning, end, N, -N (N before the end), or @TIME (ISO 8601 or epoch milliseconds)."),
    ] = None,
    partition: Annotated[
        list[int] | None, typer.Option("--partition", "-p", min=0, help="This partition only; repeatable.")
    ] = None,
    max_messages: Annotated[int | None, typer.Option("--max-messages", "-c", min=1, help="Stop after so many.")] = None,
    exit_at_end: Annotated[
        bool, typer.Option("--exit-at-end", "-e", help="Stop when every partition is read to its end.")
    ] = False,
    line: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help=r"%t topic, %p partition, %o offset, %k key, %s value, %h headers, %T time in ms, %K %S sizes; \n \t.",
        ),
    ] = DEFAULT_LINE,
    isolation: Annotated[
        str, typer.Option("--isolation-level", help="read_committed or read_uncommitted.")
    ] = "read_committed",
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Consume records, from the end unless told otherwise."""
    with reported():
        if group and (partition or offset):
            fail("--group reads where the group stands; --partition and --offset are for reading without one")
        if from_beginning and offset:
            fail("--from-beginning and --offset say two things; give one of them")
        start = parse_start("beginning" if from_beginning else offset)
        defaults = {
            "group.id": group or "penstock-consume",
            "isolation.level": isolation,
            "auto.offset.reset": "earliest" if from_beginning else "latest",
            "enable.auto.commit": group is not None,
        }
        config = client_config(bootstrap_server, command_config, properties, defaults)
        consumer = Consumer(config | {"enable.partition.eof": True})
        try:
            ensure_reachable(consumer, bootstrap_server)
            if group:
                consumer.subscribe(topics)
            else:
                consumer.assign(positions(consumer, topics, partition, start))
            write = json_writer() if output is Format.JSON else format_writer(line)
            for message in stream(consumer, exit_at_end, max_messages, grouped=group is not None):
                write(message)
            sys.stdout.flush()
        finally:
            consumer.close()


def parse_start(text: str | None) -> Start:
    """`beginning`, `end`, `12`, `-5` or `@2026-01-31T12:00:00` (UTC unless it says otherwise) or `@1769860800000`."""
    if text is None or text == "end":
        return Start()
    if text == "beginning":
        return Start(OFFSET_BEGINNING)
    if text.startswith("@"):
        return Start(timestamp_ms=parse_time(text[1:]))
    try:
        number = int(text)
    except ValueError:
        fail(f"--offset {text!r} is none of beginning, end, N, -N, @TIME")
    if number > OFFSET_MAX:
        fail(f"--offset {text!r} is beyond the last offset there can be, {OFFSET_MAX}")
    return Start(tail=-number) if number < 0 else Start(number)


def parse_time(text: str) -> int:
    """Epoch milliseconds of digits, or of an ISO 8601 time."""
    try:
        if text.isdecimal():
            time_ms = int(text)
        else:
            moment = datetime.fromisoformat(text)
            time_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except ValueError:
        fail(f"time {text!r} is neither epoch milliseconds nor ISO 8601 such as 2026-01-31T12:00:00")
    if not 0 <= time_ms <= OFFSET_MAX:
        fail(f"time {text!r} is outside of what a record can have: from 1970 on, in milliseconds of 63 bits")
    return time_ms


def positions(
    consumer: Consumer, topics: list[str], partitions: list[int] | None, start: Start
) -> list[TopicPartition]:
    assigned: list[TopicPartition] = []
    for topic in topics:
        metadata = consumer.list_topics(topic, timeout=REQUEST_TIMEOUT_S).topics[topic]
        if metadata.error is not None:
            fail(f"topic {topic!r}: {describe_fault(metadata.error)}")
        for number in sorted(partitions or metadata.partitions):
            if number not in metadata.partitions:
                fail(f"topic {topic!r} has partitions 0 to {len(metadata.partitions) - 1}, not {number}")
            assigned.append(TopicPartition(topic, number, start.offset))
    if start.timestamp_ms is not None:
        for tp in assigned:
            tp.offset = start.timestamp_ms
        assigned = consumer.offsets_for_times(assigned, timeout=REQUEST_TIMEOUT_S)
    elif start.tail:
        for tp in assigned:
            low, high = consumer.get_watermark_offsets(tp, timeout=REQUEST_TIMEOUT_S)
            tp.offset = max(low, high - start.tail)
    return assigned


def stream(consumer: Consumer, exit_at_end: bool, limit: int | None, *, grouped: bool) -> Iterator[Message]:
    """Records as they come, until the limit, or until each partition assigned now has reported its end."""
    at_end: set[tuple[str, int]] = set()
    left = limit
    while left is None or left > 0:
        batch = consumer.consume(min(left or POLL_RECORDS_MAX, POLL_RECORDS_MAX), timeout=POLL_TIMEOUT_S)
        message: Message
        for message in batch:
            error = message.error()
            place: tuple[str, int] = (message.topic(), message.partition())
            if error is None:
                at_end.discard(place)
                if left is not None:
                    left -= 1
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(place)
            else:
                raise KafkaException(error)
        if not batch:
            sys.stdout.flush()
        if exit_at_end and finished(consumer, at_end):
            return


def finished(consumer: Consumer, at_end: set[tuple[str, int]]) -> bool:
    assigned = {(tp.topic, tp.partition) for tp in consumer.assignment()}
    return bool(assigned) and assigned <= at_end


def json_writer() -> Callable[[Message], None]:
    """One object a line, in the form `penstock produce --json` reads; bytes that are no UTF-8 go to `*_base64`: of all
    headers as soon as one of them is such.
    """

    def write(message: Message) -> None:
        record: dict[str, Any] = {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": message.timestamp()[1],
            **text_or_base64("key", message.key()),
            **text_or_base64("value", message.value()),
            **headers_of(message.headers() or []),
        }
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")

    return write


def text_or_base64(name: str, data: bytes | None) -> dict[str, str | None]:
    if data is None:
        return {name: None}
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def headers_of(headers: list[tuple[str, bytes | None]]) -> dict[str, list[list[str | None]]]:
    try:
        return {"headers": [[name, None if data is None else data.decode()] for name, data in headers]}
    except UnicodeDecodeError:
        coded = [[name, None if data is None else base64.b64encode(data).decode()] for name, data in headers]
        return {"headers_base64": coded}


FIELDS: dict[str, Callable[[Message], bytes]] = {
    "t": lambda m: m.topic().encode(),
    "p": lambda m: b"%d" % m.partition(),
    "o": lambda m: b"%d" % m.offset(),
    "k": lambda m: m.key() or b"",
    "s": lambda m: m.value() or b"",
    "h": lambda m: b",".join(name.encode() + b"=" + (value or b"") for name, value in m.headers() or ()),
    "T": lambda m: b"%d" % m.timestamp()[1],
    "K": lambda m: b"%d" % (-1 if m.key() is None else len(m.key())),
    "S": lambda m: b"%d" % (-1 if m.value() is None else len(m.value())),
    "%": lambda m: b"%",
}


def format_writer(line: str) -> Callable[[Message], None]:
    """The line is taken apart once; a record then costs one call a field."""
    parts = [*parse_format(line)]

    def write(message: Message) -> None:
        sys.stdout.buffer.write(b"".join(part if isinstance(part, bytes) else part(message) for part in parts))

    return write


def parse_format(line: str) -> Iterator[bytes | Callable[[Message], bytes]]:
    for token in _TOKEN.finditer(line):
        escape, name = token["escape"], token["field"]
        if escape is not None:
            yield unescaped(escape)
        elif name is not None:
            if name not in FIELDS:
                fail(f"--format: %{name} is none of {' '.join('%' + known for known in FIELDS)}")
            yield FIELDS[name]
        else:
            yield token["text"].encode()


def unescape(text: str) -> bytes:
    """Text with `\\t`, `\\n`, `\\x01` and their like as the bytes they stand for."""
    tokens = re.finditer(r"\\(x[0-9a-fA-F]{2}|.)|[^\\]+|\\", text, re.DOTALL)
    return b"".join(token[0].encode() if token[1] is None else unescaped(token[1]) for token in tokens)


def unescaped(letters: str) -> bytes:
    """What a backslash and `letters` stand for; itself, when that is nothing."""
    if len(letters) == 3:
        return bytes.fromhex(letters[1:])
    return ESCAPES.get(letters, b"\\" + letters.encode())
