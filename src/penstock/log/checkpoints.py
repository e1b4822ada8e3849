"""The small text files beside the logs, in Kafka's forms. Readers give None where the text is not of the form."""

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise

from penstock.protocol.primitives import from_base64, to_base64

Place = tuple[str, int]  # topic and partition index


def encode_offsets(offsets: Mapping[Place, int]) -> bytes:
    """An offset checkpoint: version 0, how many, and a line `topic partition offset` each."""
    lines = ["0", str(len(offsets))]
    lines += [f"{topic} {index} {offset}" for (topic, index), offset in offsets.items()]
    return ("\n".join(lines) + "\n").encode()


def decode_offsets(data: bytes) -> dict[Place, int] | None:
    rows = _rows(data, 3)
    if rows is None:
        return None
    try:
        return {(topic, int(index)): int(offset) for topic, index, offset in rows}
    except ValueError:
        return None


def encode_epochs(epochs: Iterable[tuple[int, int]]) -> bytes:
    """A leader epoch checkpoint: version 0, how many, and a line `epoch first-offset` each."""
    lines = [f"{epoch} {offset}" for epoch, offset in epochs]
    return "\n".join(["0", str(len(lines)), *lines, ""]).encode()


def decode_epochs(data: bytes) -> list[tuple[int, int]] | None:
    rows = _rows(data, 2)
    if rows is None:
        return None
    try:
        epochs = [(int(epoch), int(offset)) for epoch, offset in rows]
    except ValueError:
        return None
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(epochs))
    return epochs if rising else None


def encode_partition_metadata(topic_id: bytes) -> bytes:
    return f"version: 0\ntopic_id: {to_base64(topic_id)}".encode()


def decode_partition_metadata(data: bytes) -> bytes | None:
    """The 16 bytes of the topic's id."""
    entries = dict(line.split(": ", 1) for line in _text(data).splitlines() if ": " in line)
    try:
        return from_base64(entries["topic_id"].strip()) if entries.get("version", "").strip() == "0" else None
    except (KeyError, ValueError):
        return None


def encode_properties(entries: Mapping[str, str]) -> bytes:
    """Java properties; keys and values here hold nothing that would need an escape."""
    return "".join(f"{key}={value}\n" for key, value in entries.items()).encode()


def encode_clean_shutdown(broker_epoch: int) -> bytes:
    return json.dumps({"version": 0, "brokerEpoch": broker_epoch}, separators=(",", ":")).encode()


def decode_clean_shutdown(data: bytes) -> int:
    """The broker epoch that was written, -1 where there is none: the file alone already says "clean"."""
    try:
        return int(json.loads(data)["brokerEpoch"])
    except (ValueError, TypeError, KeyError):
        return -1


def _rows(data: bytes, width: int) -> list[list[str]] | None:
    """The rows of a checkpoint of version 0, each of `width` words, as many as its second line says."""
    lines = _text(data).splitlines()
    if len(lines) < 2 or lines[0].strip() != "0" or lines[1].strip() != str(len(lines) - 2):
        return None
    rows = [line.split() for line in lines[2:]]
    return rows if all(len(row) == width for row in rows) else None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
