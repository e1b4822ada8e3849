"""Single requests of Kafka's protocol, for what librdkafka's admin client has no call for: share groups, all groups."""

import socket
import struct
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from penstock.cli.connect import REQUEST_TIMEOUT_S, fail
from penstock.protocol import frame, messages
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.errors import KafkaError

KAFKA_PORT = 9092
# A coordinator that is still reading its partition of the log, or whose topic is just being made, is there soon.
RETRY_PAUSE_S = 0.1
_CLIENT_ID = "penstock-cli"
_KEYS = {api.request_name: key for key, api in API.items()}
_COMING = (KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)


class Address(NamedTuple):
    host: str
    port: int


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether a client with these settings of librdkafka speaks without TLS and SASL, as `Wire` does."""
    return str(config.get("security.protocol", "plaintext")).lower() == "plaintext"


class Wire:
    """Connections to the brokers of one cluster, each made when it is first needed; to be used in `with`.

    Errors: Failure when no broker answers, or does not serve what is asked; OSError when a connection breaks.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap = [_address(text.strip()) for text in bootstrap_servers.split(",") if text.strip()]
        self._lines: dict[Address, _Line] = {}

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines.values():
            line.close()

    def ask(self, request: Any, address: Address | None = None) -> Any:
        """The reply of one broker, at the newest version that both know; of any broker when no address is given."""
        return (self._line(address) if address else self._any_line()).ask(request)

    def brokers(self) -> list[Address]:
        reply = self.ask(messages.MetadataRequest(topics=[]))
        return [Address(broker.host, broker.port) for broker in reply.brokers]

    def ask_coordinator(self, group: str, request: Any) -> Any:
        """The reply of the broker that coordinates the group."""
        return self.ask(request, self._coordinator(group))

    def _coordinator(self, group: str) -> Address:
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            line = self._any_line()
            many = line.has(ApiKey.FIND_COORDINATOR, 4)
            keys: dict[str, Any] = {"coordinator_keys": [group]} if many else {"key": group}
            reply = line.ask(messages.FindCoordinatorRequest(**keys))
            found = reply.coordinators[0] if reply.coordinators else reply
            if found.error_code not in _COMING or time.monotonic() > deadline:
                ensure(found.error_code, found.error_message)
                return Address(found.host, found.port)
            time.sleep(RETRY_PAUSE_S)

    def _any_line(self) -> "_Line":
        if self._lines:
            return next(iter(self._lines.values()))
        for address in self._bootstrap[:-1]:
            try:
                return self._line(address)
            except OSError:
                continue
        return self._line(self._bootstrap[-1])

    def _line(self, address: Address) -> "_Line":
        if address not in self._lines:
            self._lines[address] = _Line(address)
        return self._lines[address]


class _Line:
    """One connection, and the versions that its broker serves."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection(address, REQUEST_TIMEOUT_S)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        served = self._exchange(ApiKey.API_VERSIONS, 0, messages.ApiVersionsRequest())
        self._versions = {api.api_key: (api.min_version, api.max_version) for api in served.api_keys}

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def has(self, key: int, version: int) -> bool:
        low, high = self._versions.get(key, (0, -1))
        return low <= version <= high

    def ask(self, request: Any) -> Any:
        api = API[_KEYS[type(request).__name__]]
        low, high = self._versions.get(api.key, (0, -1))
        version = min(high, api.stable_version)
        if version < max(low, api.min_version):
            fail(f"this Kafka does not serve {api.name}, which the command needs")
        return self._exchange(api.key, version, request)

    def _exchange(self, key: int, version: int, request: Any) -> Any:
        self._number += 1
        parts = frame.encode_request(key, version, self._number, _CLIENT_ID, request)
        self._socket.sendall(b"".join(bytes(part) for part in parts))
        (size,) = struct.unpack(">i", self._read(4))
        return frame.decode_response(key, version, self._read(size))[1]

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionResetError("the broker closed the connection")
        return data


def ensure(code: int, message: str | None, subject: str = "") -> None:
    """Nothing for code 0. Error: Failure with Kafka's name for the code, and the broker's words or ours."""
    if code:
        known = code in KafkaError.__members__.values()
        name, meaning = (KafkaError(code).name, KafkaError(code).message) if known else (f"error {code}", "")
        fail(f"{subject}: " * bool(subject) + f"{name}: {message or meaning}")


def _address(text: str) -> Address:
    """`HOST`, `HOST:PORT` or `PROTOCOL://HOST:PORT`, as librdkafka takes them."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        return Address(parts.hostname or "localhost", parts.port or KAFKA_PORT)
    except ValueError:
        fail(f"--bootstrap-server {text!r} is not HOST:PORT")
