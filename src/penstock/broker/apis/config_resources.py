"""ListConfigResources: what has configs that can be described.  Source: KIP-1000, KIP-1142."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Response = messages.ListConfigResourcesResponse
Resource = Response.ConfigResource

# Kafka knows these too; here nothing has such configs, so they are asked for in vain but not in error.
CLIENT_METRICS = 16
BROKER_LOGGER = 8
KNOWN = frozenset((*ConfigKind, CLIENT_METRICS, BROKER_LOGGER))

# Version 0 could only ask for client metrics, under the name ListClientMetricsResources.
TYPES_VERSION = 1


class ListConfigResources:
    """The handler of one broker."""

    __slots__ = ("broker", "metadata")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.metadata = broker.controller.metadata

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        """No types named: all of them."""
        if session.version < TYPES_VERSION:
            return Reply(Response())
        if not KNOWN.issuperset(request.resource_types):
            return Reply(Response(error_code=KafkaError.UNSUPPORTED_VERSION))
        wanted = set(request.resource_types) or KNOWN
        listed = [Resource(name, kind) for kind in ConfigKind if kind in wanted for name in self._names(kind)]
        return Reply(Response(config_resources=listed))

    def _names(self, kind: ConfigKind) -> list[str]:
        if kind is ConfigKind.TOPIC:
            return list(self.metadata.topics)
        if kind is ConfigKind.BROKER:
            return [str(self.broker.configs.settings.node_id)]
        return list(self.metadata.configs[kind])
