"""`penstock produce`: lines or JSON objects in, records out."""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from confluent_kafka import KafkaError, KafkaException, Producer

from penstock.cli.connect import (
    DEFAULT_BOOTSTRAP_SERVER,
    BootstrapServer,
    CommandConfig,
    Failure,
    Properties,
    client_config,
    describe_fault,
    ensure_reachable,
    fail,
    pair,
    reported,
)
from penstock.cli.consume import OFFSET_MAX, unescape
from penstock.cli.output import Format, Output, say

FLUSH_TIMEOUT_S = 60.0
PARTITION_MAX = 2**31 - 1


class Input(NamedTuple):
    """One record to send; partition and timestamp_ms None leave the choice to the client."""

    key: bytes | None
    value: bytes | None
    headers: list[Any]
    partition: int | None = None
    timestamp_ms: int | None = None


def produce(
    topic: str,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to read; standard input when none is given.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", "-k", help="The same key for every record.")] = None,
    key_separator: Annotated[
        str | None, typer.Option("--key-separator", "-K", help="Splits a line in key and value.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME=VALUE", help="A header; repeatable.")
    ] = None,
    partition: Annotated[int | None, typer.Option("--partition", "-p", min=0, help="This partition only.")] = None,
    json_lines: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Lines are objects with key, value, headers, partition, timestamp (as consume --output json).",
        ),
    ] = False,
    whole_files: Annotated[
        bool, typer.Option("--whole", help="Each file, or standard input, is one record, not one a line.")
    ] = False,
    null_value: Annotated[
        str | None, typer.Option("--null-value", help="A line (or value) of this text is a tombstone.")
    ] = None,
    compression: Annotated[str, typer.Option("--compression", "-z", help="none, gzip, snappy, lz4 or zstd.")] = "none",
    acks: Annotated[str, typer.Option("--acks", help="all, 1 or 0.")] = "all",
    idempotent: Annotated[bool, typer.Option("--idempotent/--no-idempotent", help="No duplicates on retries.")] = True,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Produce records from lines, JSON lines or whole files."""
    with reported():
        headers: list[Any] = [(name, value.encode()) for name, value in (pair(h, "--header") for h in header or ())]
        defaults = Input(key.encode() if key is not None else None, None, headers, partition)
        reader = Reader(defaults, key_separator, json_lines, null_value)
        preset = {"compression.type": compression, "acks": acks, "linger.ms": 5}
        config = client_config(bootstrap_server, command_config, properties, preset)
        config.setdefault("enable.idempotence", idempotent and config["acks"] in ("all", "-1"))
        sender = Sender(topic, config, bootstrap_server)
        for record in records(files or [], whole_files, reader):
            sender.send(record)
        sender.finish()
        say([f"Produced {sender.delivered} records to {topic}."], output, topic=topic, records=sender.delivered)


class Sender:
    """Sends records and counts what the broker acknowledged; the first refusal is the failure of the command."""

    def __init__(self, topic: str, config: dict[str, Any], bootstrap_server: str) -> None:
        self.topic = topic
        self.producer = Producer(config)
        ensure_reachable(self.producer, bootstrap_server)
        self.delivered = 0
        self.fault: KafkaError | None = None

    def send(self, record: Input) -> None:
        extra: dict[str, Any] = {}
        if record.partition is not None:
            extra["partition"] = record.partition
        if record.timestamp_ms is not None:
            extra["timestamp"] = record.timestamp_ms
        while True:
            try:
                self.producer.produce(
                    self.topic,
                    record.value,
                    record.key,
                    on_delivery=self.note,
                    headers=record.headers,
                    **extra,
                )
                break
            except BufferError:
                self.producer.poll(0.1)
            except KafkaException as error:
                self.fault = self.fault or error.args[0]
                break
        self.producer.poll(0)
        self.raise_fault()

    def note(self, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            self.delivered += 1
        elif self.fault is None:
            self.fault = error

    def raise_fault(self) -> None:
        if self.fault is not None:
            fail(
                f"topic {self.topic!r}: {describe_fault(self.fault)}; {self.delivered} records were acknowledged before"
            )

    def finish(self) -> None:
        left = self.producer.flush(FLUSH_TIMEOUT_S)
        self.raise_fault()
        if left:
            fail(f"topic {self.topic!r}: {left} records not acknowledged after {FLUSH_TIMEOUT_S:g} s")


class Reader:
    """Turns a line into a record; errors name the file and line."""

    def __init__(self, defaults: Input, key_separator: str | None, json_lines: bool, null_value: str | None) -> None:
        self.defaults = defaults
        self.separator = unescape(key_separator) if key_separator else None
        self.json_lines = json_lines
        self.null_value = null_value.encode() if null_value is not None else None

    def read(self, line: bytes, where: str) -> Input:
        if self.json_lines:
            return self.read_json(line, where)
        key, value = self.defaults.key, line
        if self.separator:
            head, found, tail = line.partition(self.separator)
            if not found:
                fail(f"{where}: no key separator {self.separator!r} in {line[:60]!r}")
            key, value = head, tail
        return self.defaults._replace(key=key, value=None if value == self.null_value else value)

    def read_json(self, line: bytes, where: str) -> Input:
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                fail(f"{where}: expected a JSON object, found {type(record).__name__}")
            return Input(
                field(record, "key") if record.keys() & {"key", "key_base64"} else self.defaults.key,
                field(record, "value"),
                [*self.defaults.headers, *headers_of(record)],
                number(record, "partition", PARTITION_MAX, self.defaults.partition),
                number(record, "timestamp", OFFSET_MAX),
            )
        except (ValueError, TypeError) as error:
            raise Failure(f"{where}: not a record as JSON: {error}") from None


def field(record: dict[str, Any], name: str) -> bytes | None:
    """`name` as text or nested JSON, or `name_base64` for bytes that are no text."""
    encoded = record.get(f"{name}_base64")
    return to_bytes(record.get(name)) if encoded is None else from_base64(encoded)


def number(record: dict[str, Any], name: str, most: int, default: int | None = None) -> int | None:
    found = record.get(name)
    if found is None:
        return default
    if type(found) is not int or not 0 <= found <= most:
        raise ValueError(f"{name} is {found!r}, expected a whole number of 0 to {most}")
    return found


def headers_of(record: dict[str, Any]) -> list[tuple[str, bytes | None]]:
    """`headers`, as an object or as a list of pairs, then `headers_base64` for bytes that are no text."""
    found = []
    for field_name, decode in (("headers", to_bytes), ("headers_base64", from_base64)):
        headers = record.get(field_name) or []
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            if not isinstance(name, str):
                raise ValueError(f"a header's name is {name!r}, expected text")
            found.append((name, decode(value)))
    return found


def from_base64(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def to_bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode()


def records(files: list[Path], whole: bool, reader: Reader) -> Iterator[Input]:
    for path in files:
        # A pipe, as in <(command), is no file and can be read all the same.
        if not path.exists():
            fail(f"{path}: no such file")
    if whole:
        for path in files:
            yield reader.read(path.read_bytes(), str(path))
        if not files:
            yield reader.read(sys.stdin.buffer.read(), "standard input")
        return
    for path in files:
        with path.open("rb") as stream:
            yield from lines(stream, str(path), reader)
    if not files:
        yield from lines(sys.stdin.buffer, "standard input", reader)


def lines(stream: Any, name: str, reader: Reader) -> Iterator[Input]:
    for number, line in enumerate(stream, 1):
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        if reader.json_lines and not text.strip():
            continue
        yield reader.read(text, f"{name} line {number}")
