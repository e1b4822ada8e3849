"""Frames: a 4-byte size, a header, a body.  Sans-I/O: bytes in, messages out, and back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from penstock.protocol.apis import API
from penstock.protocol.codec import Encoder, Part, decoder, encoder
from penstock.protocol.errors import FrameTooLarge, Malformed
from penstock.protocol.primitives import skip_tags

_take_request_head: Final = struct.Struct(">hhih").unpack_from
_take_size: Final = struct.Struct(">i").unpack_from
_put_size: Final = struct.Struct(">i").pack_into
_put_response_head: Final = struct.Struct(">ii").pack_into
_put_request_head: Final = struct.Struct(">ihhih").pack


class RequestHeader:
    """What stands before a request: who asks, for what, and which number the answer must carry."""

    __slots__ = ("api_key", "client_id", "correlation_id", "version")

    def __init__(self, api_key: int, version: int, correlation_id: int, client_id: str | None = None) -> None:
        self.api_key = api_key
        self.version = version
        self.correlation_id = correlation_id
        self.client_id = client_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestHeader):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __repr__(self) -> str:
        return f"RequestHeader({self.api_key}, {self.version}, {self.correlation_id}, {self.client_id!r})"


# Looked up for every request, so kept as plain dictionaries: the first flexible version of an API,
# and (encoder, size of frame size and header) by api_key * 65536 + version.
_FLEXIBLE_FROM: Final = {key: api.flexible_from for key, api in API.items()}
_RESPONSE_ENCODERS: Final[dict[int, tuple[Encoder, int]]] = {}


def decode_request_header(buf: Any, pos: int = 0) -> tuple[RequestHeader, int]:
    """The header of a request, and where its body begins; the version may be one that nobody serves.

    Error: Malformed, also for an api key that Kafka 4.3.1 does not have: how its header ends is unknown.
    """
    view = buf if type(buf) is memoryview else memoryview(buf)
    end = len(view)
    try:
        api_key, version, correlation_id, size = _take_request_head(view, pos)
        pos += 10
        client_id = None
        if size >= 0:
            stop = pos + size
            if stop > end:
                raise Malformed(f"a client id of {size} bytes announced, {end - pos} left")
            client_id = view[pos:stop].tobytes().decode()
            pos = stop
        if version >= _FLEXIBLE_FROM[api_key]:
            count = view[pos]
            pos += 1
            if count:
                pos = skip_tags(view, pos, count, end)
    except KeyError:
        raise Malformed(f"request header: no API has the key {api_key}") from None
    except (struct.error, IndexError, ValueError) as fault:
        raise Malformed(f"request header at byte {pos}: {fault}") from None
    return RequestHeader(api_key, version, correlation_id, client_id), pos


def encode_response(api_key: int, version: int, correlation_id: int, message: Any) -> list[Part]:
    """A whole response frame as parts, its size first.  Errors as of codec.encode."""
    found = _RESPONSE_ENCODERS.get(api_key * 65536 + version)
    encode, head_size = found if found is not None else _response_encoder(api_key, version)
    parts = encode(message, bytearray(head_size))
    _put_response_head(parts[0], 0, sum(map(len, parts)) - 4, correlation_id)
    return parts


def _response_encoder(api_key: int, version: int) -> tuple[Encoder, int]:
    """Finds and remembers the encoder of a response; the flexible header ends in an empty tag section."""
    api = API[api_key]
    made = encoder(api.response, version), 8 + api.response_header_version(version)
    _RESPONSE_ENCODERS[api_key * 65536 + version] = made
    return made


def encode_request(api_key: int, version: int, correlation_id: int, client_id: str | None, message: Any) -> list[Part]:
    """A whole request frame as parts, its size first.  Errors as of codec.encode."""
    name = b"" if client_id is None else client_id.encode()
    name_size = -1 if client_id is None else len(name)
    head = bytearray(_put_request_head(0, api_key, version, correlation_id, name_size))
    head += name
    if API[api_key].is_flexible(version):
        head.append(0)
    parts = encoder(API[api_key].request, version)(message, head)
    _put_size(head, 0, sum(map(len, parts)) - 4)
    return parts


def decode_response(api_key: int, version: int, buf: Any) -> tuple[int, Any]:
    """(correlation id, message) of a response frame without its size.  Error: Malformed."""
    api = API[api_key]
    view = buf if type(buf) is memoryview else memoryview(buf)
    pos = 4
    try:
        correlation_id: int = _take_size(view)[0]
        if api.response_header_version(version):
            pos = skip_tags(view, 5, view[4], len(view))
    except (struct.error, IndexError, ValueError) as fault:
        raise Malformed(f"response header at byte {pos}: {fault}") from None
    return correlation_id, decoder(api.response, version)(view, pos)[0]


class FrameSplitter:
    """Cuts a stream into frames wherever it was cut before; holds at most one unfinished frame."""

    __slots__ = ("_pending", "max_size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._pending = bytearray()

    @property
    def pending_size(self) -> int:
        """Bytes of the unfinished frame that are held, its size field included."""
        return len(self._pending)

    def feed(self, buffer: Any) -> Iterator[memoryview]:
        """The frames that end in `buffer`, without their sizes; to be consumed to the end.

        Frames are views into `buffer` while it holds them whole, else into memory of their own.
        Error: FrameTooLarge as soon as a size is known, before anything of that frame is held.
        """
        view = memoryview(buffer)
        pos = 0
        if self._pending:
            pos = self._complete(view)
            size = self._wanted()
            if size < 0 or len(self._pending) < size:
                return
            frame, self._pending = self._pending, bytearray()
            yield memoryview(frame)[4:]
        end = len(view)
        while end - pos >= 4:
            stop = pos + 4 + self._checked(_take_size(view, pos)[0])
            if stop > end:
                break
            yield view[pos + 4 : stop]
            pos = stop
        self._pending += view[pos:]

    def _complete(self, view: memoryview) -> int:
        """Moves what the unfinished frame lacks out of `view`; gives the position after it."""
        taken = 0
        if len(self._pending) < 4:
            taken = min(4 - len(self._pending), len(view))
            self._pending += view[:taken]
        size = self._wanted()
        if size >= 0:
            more = min(size - len(self._pending), len(view) - taken)
            self._pending += view[taken : taken + more]
            taken += more
        return taken

    def _wanted(self) -> int:
        """The size of the unfinished frame with its size field; -1 while that is unknown."""
        if len(self._pending) < 4:
            return -1
        return 4 + self._checked(_take_size(self._pending)[0])

    def _checked(self, size: int) -> int:
        if not 0 <= size <= self.max_size:
            raise FrameTooLarge(f"a frame of {size} bytes announced, between 0 and {self.max_size} are accepted")
        return size
