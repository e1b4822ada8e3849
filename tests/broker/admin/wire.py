"""One request at a time over a socket, to any Kafka."""

import socket
import struct
from typing import Any

from penstock.protocol import frame
from penstock.protocol.apis import API

_KEYS = {api.request_name: key for key, api in API.items()}


class Wire:
    """A connection. Close it, or use it in `with`."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=30)
        self._stream = self._socket.makefile("rb")
        self._number = 0

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def request(self, message: Any, version: int) -> Any:
        """The response. version: of request and response."""
        self._number += 1
        key = _KEYS[type(message).__name__]
        parts = frame.encode_request(key, version, self._number, "test", message)
        self._socket.sendall(b"".join(bytes(part) for part in parts))
        (size,) = struct.unpack(">i", self._stream.read(4))
        number, response = frame.decode_response(key, version, self._stream.read(size))
        assert number == self._number
        return response
