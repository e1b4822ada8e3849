"""One broker: opens its data, answers requests through its handlers, and does its chores. No socket, loop or thread."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.broker.apis.table import SERVED
from penstock.broker.chores import Chores, Sweep
from penstock.broker.config import BrokerConfig
from penstock.broker.controller import Controller
from penstock.broker.coordinator import GroupCoordinator
from penstock.broker.fetch_sessions import FetchSessions
from penstock.broker.internal import InternalLog
from penstock.broker.metrics import Metrics
from penstock.broker.outcome import Outcome
from penstock.broker.producer_ids import ProducerIds
from penstock.broker.session import Session
from penstock.broker.topics import OFFSETS_TOPIC, Topics
from penstock.broker.waiting import Waiting
from penstock.kit.clock import Clock
from penstock.kit.files import Files
from penstock.log.directory import LogDirectory
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError

log = logging.getLogger("penstock.broker")

Handler = Callable[[Any, Session, int], Outcome]
# Host and port that clients of a listener are told to connect to.
Endpoint = tuple[str, int]


@dataclass(slots=True)
class BrokerSettings:
    """What one broker is started with.

    log_dir: where all data lies; cluster_id: None takes the directory's, or makes one up for a new directory;
    durable: whether acks=all and what coordinators write waits for the disk; configs: Kafka's broker settings by their
    names in server.properties.
    """

    log_dir: str
    node_id: int = 1
    cluster_id: str | None = None
    rack: str | None = None
    durable: bool = False
    configs: Mapping[str, str] = field(default_factory=dict)


class Broker:
    """The parts of one broker, and what the server drives it by: handlers, waiting, tick, to_sync and synced.

    handlers: by API key; served: which versions of each; endpoints: by listener name, filled by the server before
    the first request; to_sync: partitions with appends that are not on disk yet, only in durable mode.
    """

    def __init__(
        self, settings: BrokerSettings, files: Files, clock: Clock, dice: Callable[[int], bytes]
    ) -> None:
        self.settings = settings
        self.files = files
        self.clock = clock
        self.dice = dice
        self.served = SERVED
        self.metrics = Metrics()
        self.waiting = Waiting()
        self.topics = Topics(self.metrics)
        self.to_sync: set[Partition] = set()
        self.endpoints: dict[str, Endpoint] = {}
        self.handlers: dict[int, Handler] = {}
