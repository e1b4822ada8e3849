"""What every command that talks to a Kafka shares: the options, the client, and one place where faults become words."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

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
    typer.Option("--property", "-X", metavar="NAME=VALUE", help="One client setting of librdkafka; repeatable."),
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


def client_config(bootstrap_server: str, command_config: Path | None, properties: list[str] | None) -> dict[str, Any]:
    """Settings for librdkafka: the address, then the file, then single properties; later ones win."""
    config: dict[str, Any] = {
        "bootstrap.servers": bootstrap_server,
        # librdkafka logs each refused connection to stderr; the command says it once, in its own words.
        "log_level": 0,
        "socket.connection.setup.timeout.ms": 5000,
    }
    if command_config is not None:
        if not command_config.is_file():
            fail(f"--command-config {command_config}: no such file")
        lines = (line.strip() for line in command_config.read_text(encoding="utf-8").splitlines())
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


@contextmanager
def reported() -> Iterator[None]:
    """Failures and Kafka's errors end as one line on stderr and exit status 1; Ctrl-C as 130, a closed pipe as 0."""
    try:
        yield
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
