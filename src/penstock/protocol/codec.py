"""Decodes and encodes any message: compiles a function per (message, version) on first use, then calls it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from penstock.protocol.decoding import DecoderWriter
from penstock.protocol.encoding import EncoderWriter
from penstock.protocol.errors import Malformed
from penstock.protocol.notation import Definition
from penstock.protocol.sources import run_source

Part = Any
Decoder = Callable[..., tuple[Any, int]]
Encoder = Callable[..., list[Part]]


def decode(cls: Any, version: int, buf: Any, pos: int = 0) -> tuple[Any, int]:
    """The message that begins at `pos`, and the position after it.

    buf: bytes, bytearray or a memoryview of bytes.  Records fields come back as views into it, so it must
    stay as it is while they live; everything else is copied.  Bytes after the message are the caller's.
    Error: Malformed; ValueError when the message has no such version.
    """
    return decoder(cls, version)(buf, pos)


def decode_exact(cls: Any, version: int, buf: Any, pos: int = 0) -> Any:
    """The message that fills `buf` from `pos` to its end.

    Kafka 4.3 itself ignores what follows a request's body; this is for those who want to know.
    Error: Malformed, also when bytes are left over.
    """
    message, end = decode(cls, version, buf, pos)
    if end != len(buf):
        raise Malformed(f"{cls.__qualname__} v{version}: {len(buf) - end} bytes left over at byte {end}")
    return message


def encode(message: Any, version: int) -> list[Part]:
    """The message as a list of parts to be sent in order.

    Parts are bytearrays, or records and bytes of 1 KiB and more exactly as they stand in the message.
    Error: Unencodable when a value does not fit its field, or a field the version lacks is set and not ignorable;
    ValueError when the message has no such version.
    """
    cls: Any = type(message)
    return encoder(cls, version)(message)


@cache
def decoder(cls: Any, version: int) -> Decoder:
    """The compiled `decode(view, pos=0) -> (message, next position)` of hot callers, without the look-up."""
    writer = DecoderWriter(_definition(cls, version), version)
    names = run_source(f"<penstock decode {writer.what}>", writer.write(), writer.sheet.names)
    made: Decoder = names["decode"]
    return made


@cache
def encoder(cls: Any, version: int) -> Encoder:
    """The compiled `encode(message, out=None) -> parts` of hot callers; small fields go behind what `out` holds."""
    writer = EncoderWriter(_definition(cls, version), version)
    names = run_source(f"<penstock encode {writer.what}>", writer.write(), writer.sheet.names)
    made: Encoder = names["encode"]
    return made


def _definition(cls: Any, version: int) -> Definition:
    definition: Definition = cls.DEFINITION
    if cls.STRUCT is not definition.root:
        raise ValueError(f"{cls.__qualname__} is a part of {definition.name}; only whole messages travel")
    if not definition.versions.has(version):
        low, high = definition.versions
        raise ValueError(f"{definition.name} has versions {low} to {high}, not {version}")
    return definition
