"""ApiVersions: what this broker serves, from the one table that says so.  Source: ApiVersionsRequest v0-4."""

import re
from typing import TYPE_CHECKING, Any

from penstock.broker.features import FEATURES
from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ApiVersionsResponse = messages.ApiVersionsResponse
ApiVersion = ApiVersionsResponse.ApiVersion
SupportedFeature = ApiVersionsResponse.SupportedFeatureKey
FinalizedFeature = ApiVersionsResponse.FinalizedFeatureKey

NAMED_VERSION = 3
# Clients before it take a feature whose levels begin at 0 for a broken answer (KAFKA-17011).
LEVEL_0_VERSION = 4
# How a client may call itself.  Source: KIP-511.
_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


class ApiVersions:
    """The handler of one broker. Versions of ApiVersions itself that are too new are the server's to answer: only it
    can tell where such a request ends (KIP-511).
    """

    __slots__ = ("answer", "older_answer")

    def __init__(self, broker: "Broker") -> None:
        keys = [ApiVersion(api, served.advertised_min, served.max) for api, served in sorted(broker.served.items())]
        levels = broker.controller.metadata.features
        features = {name: feature for name, feature in FEATURES.items() if feature.is_told}
        supported = [SupportedFeature(name, feature.min, feature.max) for name, feature in features.items()]
        finalized = [FinalizedFeature(name, levels[name], levels[name]) for name in features if name in levels]
        told: dict[str, Any] = {
            "api_keys": keys,
            "finalized_features": finalized,
            # Grows from start to start; the levels do not change in between.
            "finalized_features_epoch": broker.controller.partition.next_offset - 1,
        }
        self.answer = Reply(ApiVersionsResponse(**told, supported_features=supported))
        nonzero = [feature for feature in supported if feature.min_version]
        self.older_answer = Reply(ApiVersionsResponse(**told, supported_features=nonzero))

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        """Notes the client's software; a name that is none is INVALID_REQUEST."""
        if session.version >= NAMED_VERSION:
            name, version = request.client_software_name, request.client_software_version
            if not _SOFTWARE.fullmatch(name) or not _SOFTWARE.fullmatch(version):
                return Reply(ApiVersionsResponse(error_code=KafkaError.INVALID_REQUEST))
            session.software_name, session.software_version = name, version
        return self.answer if session.version >= LEVEL_0_VERSION else self.older_answer
