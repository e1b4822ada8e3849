"""From command line and configuration file to the settings of the rooms below."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.kit.properties import PropertiesError, read_properties
from penstock.kit.settings import SettingError
from penstock.server.settings import ServerSettings, of_broker

KAFKA_PORT = 9092
# What penstock.metrics.port is when there is to be no endpoint.
NO_PORT = -1


class OptionError(ValueError):
    """An option that cannot be taken, with what to do."""


@dataclass(slots=True, frozen=True)
class Options:
    """What a node is started with. metrics_port: None for no endpoint, 0 for any free port."""

    broker: BrokerSettings
    server: ServerSettings
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None


def read_config(path: str | None, assignments: list[str]) -> dict[str, str]:
    """A file in the .properties syntax, then NAME=VALUE texts; later ones win. Error: OptionError."""
    config: dict[str, str] = {}
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                config.update(read_properties(file.read()))
        except OSError as error:
            raise OptionError(f"--config-file {path}: {error.strerror or error}") from None
        except (UnicodeDecodeError, PropertiesError) as error:
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
    data_dir_default: str | None = None,
    host: str | None = None,
    port: int | None = None,
    metrics_port: int | None = None,
) -> Options:
    """Everything checked. host and port stand for `listeners`, data_dir for `log.dirs`, and win over `config`;
    data_dir_default: when neither names one. Error: OptionError.
    """
    given = dict(config)
    if data_dir is None and not given.keys() & {"log.dir", "log.dirs"}:
        data_dir = data_dir_default
        if data_dir is None:
            raise OptionError("no data directory is named; expected --data-dir DIR, or log.dirs in the configuration")
    if data_dir is not None:
        if not data_dir.strip():
            raise OptionError("--data-dir is empty; expected a directory, . for the one you are in")
        given["log.dirs"] = os.path.abspath(data_dir)
    if host is not None or port is not None or "listeners" not in given:
        host = "localhost" if host is None else host
        given["listeners"] = f"PLAINTEXT://{bracketed(host)}:{KAFKA_PORT if port is None else port}"
    if metrics_port is not None:
        given["penstock.metrics.port"] = str(metrics_port)
    try:
        broker = BrokerSettings.from_mapping(given)
    except SettingError as error:
        raise OptionError(str(error)) from None
    return Options(
        broker=broker,
        server=of_broker(broker),
        # One address, of the family that people type: the library listens on no more than one.
        metrics_host="127.0.0.1" if host in (None, "localhost") else host,
        metrics_port=None if broker.penstock_metrics_port == NO_PORT else broker.penstock_metrics_port,
    )


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
