"""From command line and configuration file to the settings of the rooms below."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.broker.config import BrokerConfig
from penstock.broker.core import BrokerSettings
from penstock.kit.properties import PropertiesError, read_properties
from penstock.kit.settings import Definition, Kind, SettingError, between, one_of, parse
from penstock.server import settings as server_settings
from penstock.server.settings import ServerSettings

PAGE_CACHE, FSYNC = "page-cache", "fsync"

# Settings that Kafka does not have; all others are the broker's, under Kafka's names.
OURS = {
    definition.name: definition
    for definition in (
        Definition(
            "penstock.durability",
            Kind.STRING,
            PAGE_CACHE,
            "page-cache: acks=all is answered when the operating system has the record, as Kafka does by default. "
            "fsync: when it is on the disk.",
            one_of(PAGE_CACHE, FSYNC),
        ),
        Definition(
            "penstock.metrics.port",
            Kind.INT,
            "-1",
            "Port of the Prometheus endpoint; 0 takes a free one, -1 opens none.",
            between(-1, 65535),
        ),
    )
}


class OptionError(ValueError):
    """An option that cannot be taken, with what to do."""


@dataclass(slots=True, frozen=True)
class Options:
    """What a node is started with. metrics_port: None for no endpoint, 0 for any free port."""

    broker: BrokerSettings
    server: ServerSettings
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    notes: tuple[str, ...] = field(default=())


def read_config(path: str | None, assignments: list[str]) -> dict[str, str]:
    """A file in the .properties syntax, then NAME=VALUE texts; later ones win. Error: OptionError."""
    config: dict[str, str] = {}
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                config.update(read_properties(file.read()))
        except (OSError, UnicodeDecodeError, PropertiesError) as error:
            raise OptionError(f"--config-file {path}: {error}") from None
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise OptionError(f"--config {text!r} is not NAME=VALUE, as in num.partitions=3")
        config[name.strip()] = value
    return config


def make_options(
    config: Mapping[str, str],
    *,
    data_dir: str | None = None,
    host: str | None = None,
    port: int | None = None,
    metrics_port: int | None = None,
) -> Options:
    """Everything checked. host and port stand for `listeners`, data_dir for `log.dirs`. Error: OptionError."""
    given = dict(config)
    if data_dir is not None:
        given["log.dirs"] = os.path.abspath(data_dir)
    if host is not None or port is not None or "listeners" not in given:
        host = "localhost" if host is None else host
        given["listeners"] = f"PLAINTEXT://{bracketed(host)}:{9092 if port is None else port}"
    ours = {name: given.pop(name) for name in OURS if name in given}
    try:
        values = parse(OURS, ours)
        config_of_broker = BrokerConfig(given)
        server = server_settings.from_config(config_of_broker.value)
    except SettingError as error:
        raise OptionError(str(error)) from None
    if metrics_port is None and values["penstock.metrics.port"] != -1:
        metrics_port = int(str(values["penstock.metrics.port"]))
    return Options(
        broker=_broker_settings(given, config_of_broker.value, values["penstock.durability"] == FSYNC),
        server=server,
        metrics_host=host if host not in (None, "localhost") else "127.0.0.1",
        metrics_port=metrics_port,
    )


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _broker_settings(given: dict[str, str], value: Any, durable: bool) -> BrokerSettings:
    directories = value("log.dirs") or value("log.dir")
    if len(directories) != 1:
        raise OptionError(
            f"log.dirs = {','.join(directories)!r} names {len(directories)} directories; this broker uses exactly one"
        )
    return BrokerSettings(log_dir=directories[0], durable=durable, configs=given)
