"""From the first bytes of a request to the functions that decode, handle and answer it."""

import struct
from collections.abc import Callable
from typing import Any

from penstock.broker.apis.repeated import Repeated
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.kit.telemetry import Counter, Histogram
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.codec import decoder, encoder
from penstock.protocol.errors import KafkaError
from penstock.server.telemetry import ServerMetrics

Handler = Callable[[Any, Session, int], Outcome]
Decode = Callable[[memoryview, int], tuple[Any, int]]
Encode = Callable[[int, Any], list[Any]]

_put_head = struct.Struct(">ii").pack_into

# Replies to Produce are small and leave together at the end of a pass. Every other reply leaves by itself, so that a
# client that pipelines requests for large replies is held back as soon as it does not read them.
BULK = frozenset({ApiKey.PRODUCE})


class Unserved(Exception):
    """A request for an API or a version that this broker does not serve; the connection is closed, as Kafka does."""


class Route:
    """One API in one version. header_version: 1, or 2 when tagged fields follow the client id.

    repeated: asked first, where there is one: it answers requests that differ little from earlier ones.
    """

    __slots__ = (
        "decode",
        "encode",
        "handle",
        "header_version",
        "is_bulk",
        "latency",
        "name",
        "repeated",
        "requests",
        "version",
    )

    def __init__(
        self,
        name: str,
        version: int,
        header_version: int,
        decode: Decode,
        handle: Handler,
        encode: Encode,
        requests: Counter,
        latency: Histogram,
        is_bulk: bool = False,
        repeated: Repeated | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.header_version = header_version
        self.decode = decode
        self.handle = handle
        self.encode = encode
        self.requests = requests
        self.latency = latency
        self.is_bulk = is_bulk
        self.repeated = repeated

    def __repr__(self) -> str:
        return f"{self.name} v{self.version}"


class Routes:
    """The routes of one broker, each made when it is first asked for: its codec is compiled then.

    known: by route key, the API key times 65536 plus the version, as both stand in a request's header.
    """

    def __init__(self, broker: Any, metrics: ServerMetrics) -> None:
        self._broker = broker
        self._metrics = metrics
        self.known: dict[int, Route] = {}

    def find(self, route_key: int) -> Route:
        """Error: Unserved."""
        # Both halves are signed in the header; a negative one is simply none that anybody serves.
        key, version = route_key >> 16, route_key & 0xFFFF
        served = self._broker.served.get(key)
        if served is None:
            raise Unserved(f"API key {key} is not served")
        if not served.min <= version <= served.max:
            if key == ApiKey.API_VERSIONS:
                return self._too_new()
            raise Unserved(f"{API[key].name} version {version} is not served, {served.min} to {served.max} are")
        route = self.known[route_key] = self._make(key, version)
        return route

    def _make(self, key: int, version: int) -> Route:
        api = API[key]
        served = self._broker.served[key]
        encode = reply_encoder(key, version)
        repeated = None
        if served.repeated is not None and version >= served.repeated_min:
            repeated = served.repeated(self._broker, encode, version)
        return Route(
            api.name,
            version,
            api.request_header_version(version),
            decoder(api.request, version),
            self._broker.handlers[key],
            encode,
            self._metrics.requests[api.name, str(version)],
            self._metrics.latency[api.name],
            key in BULK,
            repeated,
        )

    def _too_new(self) -> Route:
        """ApiVersions in a version we do not know: nothing after the header is read, and version 0 says what we serve.

        Source: KIP-511.
        """
        api = API[ApiKey.API_VERSIONS]
        keys = [
            api.response.ApiVersion(key, served.advertised_min, served.max)
            for key, served in sorted(self._broker.served.items())
        ]
        reply = Reply(api.response(error_code=KafkaError.UNSUPPORTED_VERSION, api_keys=keys))
        return Route(
            api.name,
            0,
            2,
            lambda body, position: (None, position),
            lambda request, session, now_ms: reply,
            reply_encoder(ApiKey.API_VERSIONS, 0),
            self._metrics.requests[api.name, "unknown"],
            self._metrics.latency[api.name],
        )


def reply_encoder(key: int, version: int) -> Encode:
    """A function (correlation id, message) -> parts of a whole response frame, its size first."""
    api = API[key]
    encode = encoder(api.response, version)
    head_size = 8 + api.response_header_version(version)

    def encode_reply(correlation_id: int, message: Any) -> list[Any]:
        parts = encode(message, bytearray(head_size))
        head = parts[0]
        size = len(head) - 4 if len(parts) == 1 else sum(map(len, parts)) - 4
        _put_head(head, 0, size, correlation_id)
        return parts

    return encode_reply
