"""ApiVersions: what this broker serves, from the one table that says so.  Source: ApiVersionsRequest v0-4."""

import re
from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ApiVersionsResponse = messages.ApiVersionsResponse
ApiVersion = ApiVersionsResponse.ApiVersion

NAMED_VERSION = 3
# How a client may call itself.  Source: KIP-511.
_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


class ApiVersions:
    """The handler of one broker. No feature is advertised: each stands for an API that is not served (transactions,
    the new groups), and clients take a missing one for level 0. Versions of ApiVersions itself that are too new are
    the server's to answer: only it can tell where such a request ends (KIP-511).
    """

    __slots__ = ("answer",)

    def __init__(self, broker: "Broker") -> None:
        keys = [ApiVersion(api, served.advertised_min, served.max) for api, served in sorted(broker.served.items())]
        self.answer = Reply(ApiVersionsResponse(api_keys=keys))

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        """Notes the client's software; a name that is none is INVALID_REQUEST."""
        if session.version >= NAMED_VERSION:
            name, version = request.client_software_name, request.client_software_version
            if not _SOFTWARE.fullmatch(name) or not _SOFTWARE.fullmatch(version):
                return Reply(ApiVersionsResponse(error_code=KafkaError.INVALID_REQUEST))
            session.software_name, session.software_version = name, version
        return self.answer
