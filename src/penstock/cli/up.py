"""`penstock up`: everything there is so far, with ports where people look for them."""

import argparse
from collections.abc import Sequence

from penstock.cli.broker import add_serving_options, port, serve

DATA_DIR = "penstock-data"
METRICS_PORT = 9644
DEFAULTS = {
    # Kafka's three seconds spare a large deployment rebalances while its members start; one that is tried out only
    # waits.
    "group.initial.rebalance.delay.ms": "0",
    "penstock.metrics.port": str(METRICS_PORT),
}


def main(args: Sequence[str] | None = None, prog_name: str = "penstock up") -> None:
    parser = argparse.ArgumentParser(
        prog=prog_name,
        description="Run Kafka and its metrics endpoint in the foreground; SIGTERM or Ctrl-C end them cleanly.",
    )
    add_serving_options(parser)
    parser.add_argument("--kafka-port", type=port, metavar="PORT", help="0 takes a free one (default: 9092)")
    parser.add_argument("--metrics-port", type=port, metavar="PORT", help=f"default: {METRICS_PORT}")
    given = parser.parse_args(args)
    serve(
        config_file=given.config_file,
        assignments=given.config,
        data_dir=given.data_dir,
        host=given.host,
        kafka_port=given.kafka_port,
        metrics_port=given.metrics_port,
        data_dir_default=DATA_DIR,
        tell_metrics=True,
        defaults=DEFAULTS,
    )
