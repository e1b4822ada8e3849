"""What every command that talks to a Kafka shares: the options, the client, and one place where faults become words."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

DEFAULT_BOOTSTRAP_SERVER = "localhost:9092"
# Long enough for a broker that is just starting, short enough that a wrong address is told while one still looks.
REQUEST_TIMEOUT_S = 10.0

BootstrapServer = Annotated[
    str,
    typer.Option(
        "--bootstrap-server",
        "-b",
        envvar="PENSTOCK_BOOTSTRAP_SERVER",
        help="HOST:PORT of any Kafka; several separated by commas.",
    ),
]
CommandConfig = Annotated[
    Path | None,
    typer.Option("--command-config", help="File of client settings, NAME=VALUE a line (security, timeouts)."),
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        "-X",
        metavar="NAME=VALUE",
        help="One client setting of librdkafka, before all others; repeatable.",
    ),
]


class Failure(Exception):
    """A fault to tell the user in one line: what was found and what to do. Exit status 1."""


def fail(message: str) -> NoReturn:
    raise Failure(message)


def pair(text: str, what: str) -> tuple[str, str]:
    """`NAME=VALUE` split at the first equals sign; `what` names the option in the error."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        fail(f"{what} {text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def pairs(texts: list[str] | None, what: str) -> dict[str, str]:
    return dict(pair(text, what) for text in texts or ())


def client_config(
    bootstrap_server: str,
    command_config: Path | None,
    properties: list[str] | None,
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Settings for librdkafka: `defaults` of the command, the file, then single properties; later ones win."""
    config: dict[str, Any] = {
        "bootstrap.servers": bootstrap_server,
        # librdkafka logs each refused connection to stderr; the command says it once, in its own words.
        "log_level": 0,
        "socket.connection.setup.timeout.ms": 5000,
        **defaults,
    }
    if command_config is not None:
        try:
            text = command_config.read_text(encoding="utf-8")
        except OSError as error:
            fail(f"--command-config {command_config}: {error.strerror}")
        except UnicodeDecodeError as error:
            fail(f"--command-config {command_config}: not text in UTF-8: {error}")
        lines = (line.strip() for line in text.splitlines())
        config.update(pair(line, str(command_config)) for line in lines if line and not line.startswith("#"))
    config.update(pairs(properties, "--property"))
    return config


def admin(bootstrap_server: str, command_config: Path | None, properties: list[str] | None) -> AdminClient:
    """A client that has reached the cluster; Failure with the address if it cannot."""
    client = AdminClient(client_config(bootstrap_server, command_config, properties))
    ensure_reachable(client, bootstrap_server)
    return client


def ensure_reachable(client: Any, bootstrap_server: str) -> None:
    try:
        client.list_topics(timeout=REQUEST_TIMEOUT_S)
    except KafkaException as error:
        fault = error.args[0]
        if fault.code() in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN):
            fail(
                f"no Kafka answers at {bootstrap_server} within {REQUEST_TIMEOUT_S:g} s; "
                "is it running? `penstock up` starts one on localhost:9092, --bootstrap-server names another"
            )
        raise


def describe_fault(error: KafkaError) -> str:
    """Kafka's name for the fault and the broker's own words."""
    return f"{error.name()}: {error.str()}"


class Settled(NamedTuple):
    """What became of each of several things: names of those done, of those spared, and a line for each fault."""

    done: list[str]
    spared: list[str]
    faults: list[str]


def settle(kind: str, futures: Mapping[str, Any], tolerated: int | None = None) -> Settled:
    """Waits for all, so that none is done without a word. kind: "topic"; tolerated: the code that is no fault."""
    settled = Settled([], [], [])
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            if tolerated is not None and error.args[0].code() == tolerated:
                settled.spared.append(name)
            else:
                settled.faults.append(f"{kind} {name!r}: {describe_fault(error.args[0])}")
        else:
            settled.done.append(name)
    return settled


def fail_for(faults: list[str]) -> None:
    """A Failure with a line for each fault; nothing when there is none."""
    if faults:
        fail("\npenstock: ".join(faults))


def offsets_at(client: AdminClient, places: list[tuple[str, int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    """Offsets of those partitions that can be asked: not of one that was deleted, or whose disk failed."""
    if not places:
        return {}
    futures = client.list_offsets({TopicPartition(t, p): spec for t, p in places}, request_timeout=REQUEST_TIMEOUT_S)
    found = {}
    for tp, future in futures.items():
        try:
            found[(tp.topic, tp.partition)] = future.result().offset
        except KafkaException:
            continue
    return found


@contextmanager
def reported() -> Iterator[None]:
    """Failures and Kafka's errors end as lines on stderr and exit status 1; Ctrl-C as 130, a closed pipe as 0."""
    try:
        yield
        # What is still buffered must meet its closed pipe or full disk here, not when Python ends.
        sys.stdout.flush()
    except Failure as failure:
        print(f"penstock: {failure}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KafkaException as error:
        print(f"penstock: {describe_fault(error.args[0])}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # The reader (`| head`) has had enough. What is still buffered must not raise again when Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"penstock: {place}{error.strerror or error}", file=sys.stderr)
        raise typer.Exit(1) from None
