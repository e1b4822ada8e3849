"""`penstock broker`: one Kafka broker in the foreground.

argparse, not Typer as the other commands: Typer alone takes a third of the time that a broker needs to be ready.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# Only what parses the command line is imported here, so that a wrong option is told at once.


def main(args: Sequence[str] | None = None, prog_name: str = "penstock broker") -> None:
    parser = argparse.ArgumentParser(
        prog=prog_name,
        description="Run one Kafka broker in the foreground. When it accepts connections it prints one line, "
        "`Kafka ready at HOST:PORT`; its log goes to stderr. SIGTERM or Ctrl-C end it cleanly.",
    )
    add_serving_options(parser)
    parser.add_argument("--port", type=port, metavar="PORT", help="0 takes a free one (default: 9092)")
    parser.add_argument("--metrics-port", type=port, metavar="PORT", help="Prometheus endpoint (default: none)")
    given = parser.parse_args(args)
    serve(
        config_file=given.config_file,
        assignments=given.config,
        data_dir=given.data_dir,
        host=given.host,
        kafka_port=given.port,
        metrics_port=given.metrics_port,
    )


def add_serving_options(parser: argparse.ArgumentParser) -> None:
    """What `broker` and `up` share."""
    parser.add_argument("--data-dir", metavar="DIR", help="where the data lies; made when missing")
    parser.add_argument(
        "--host", metavar="HOST", help="address to listen on, instead of `listeners` (default: localhost)"
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one setting by Kafka's name, as in num.partitions=3; repeatable",
    )
    parser.add_argument("--config-file", metavar="FILE", help="settings in a server.properties; --config wins over it")


def port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; expected 0 to 65535")
    return int(text)


def serve(
    config_file: str | None,
    assignments: list[str],
    data_dir: str | None,
    host: str | None,
    kafka_port: int | None,
    metrics_port: int | None,
    *,
    data_dir_default: str | None = None,
    tell_metrics: bool = False,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Runs until it is told to end; exits with the status of the broker, 1 when it cannot start.

    Options come first, then assignments, the file, and `defaults`: settings of a command that differ from Kafka's.
    """
    from penstock.app import broker_process
    from penstock.app.options import make_options, read_config

    def ready(address: str, metrics: int | None) -> None:
        print(f"Kafka ready at {address}", flush=True)
        if tell_metrics and metrics is not None:
            print(f"Metrics at http://{options.metrics_host}:{metrics}/metrics", flush=True)

    try:
        config = {**defaults, **read_config(config_file, assignments)}
        options = make_options(
            config,
            data_dir=data_dir,
            data_dir_default=data_dir_default,
            host=host,
            port=kafka_port,
            metrics_port=metrics_port,
        )
        status = broker_process.run(options, ready)
    except broker_process.START_FAULTS as error:
        print(f"penstock: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)
