"""A connection on which an answer may be waited for, or not: some requests are held back until somebody else asks."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import Any

from penstock.protocol import frame
from penstock.protocol.apis import API

KEYS = {api.request_name: key for key, api in API.items()}
ANSWER_S_MAX = 10.0


class HungUp(ConnectionError):
    """The server closed the connection instead of answering."""


class Connection:
    """One socket to one server; a request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._buffer = bytearray()
        self._number = 0
        self._socket = self._open()
        self._asked: tuple[int, int] | None = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def is_waiting(self) -> bool:
        """Whether a request has not been answered."""
        return self._asked is not None

    def reopen(self) -> None:
        """A new connection in place of one that was closed, or whose answer nobody wants."""
        self._socket.close()
        self._buffer.clear()
        self._asked = None
        self._socket = self._open()

    def ask(self, message: Any, version: int) -> Any:
        """The answer to one request. Error: HungUp, TimeoutError."""
        self.send(message, version)
        answer = self.receive(ANSWER_S_MAX)
        if answer is None:
            raise TimeoutError(f"no answer to {type(message).__name__} within {ANSWER_S_MAX} s")
        return answer

    def send(self, message: Any, version: int) -> None:
        assert self._asked is None, "the last request was not answered"
        self.post(message, version)
        self._asked = (KEYS[type(message).__name__], version)

    def post(self, message: Any, version: int) -> None:
        """Sends what is never answered."""
        self._number += 1
        parts = frame.encode_request(KEYS[type(message).__name__], version, self._number, "oracle", message)
        try:
            self._socket.sendall(b"".join(bytes(part) for part in parts))
        except OSError as error:
            raise HungUp(str(error)) from None

    def receive(self, seconds: float) -> Any:
        """The answer to the last request, or None when it does not come in time. Error: HungUp."""
        deadline = time.monotonic() + seconds
        while (data := self._frame()) is None:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self._socket], [], [], left)[0]:
                return None
            try:
                part = self._socket.recv(1 << 20)
            except OSError as error:
                raise HungUp(str(error)) from None
            if not part:
                raise HungUp("closed")
            self._buffer += part
        assert self._asked is not None, "nothing was asked"
        key, version = self._asked
        self._asked = None
        number, answer = frame.decode_response(key, version, data)
        assert number == self._number, f"answer to request {number}, expected {self._number}"
        return answer

    def _frame(self) -> bytes | None:
        if len(self._buffer) < 4:
            return None
        (size,) = struct.unpack_from(">i", self._buffer)
        if len(self._buffer) < 4 + size:
            return None
        data = bytes(self._buffer[4 : 4 + size])
        del self._buffer[: 4 + size]
        return data

    def _open(self) -> socket.socket:
        made = socket.create_connection(self._address, timeout=ANSWER_S_MAX)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
