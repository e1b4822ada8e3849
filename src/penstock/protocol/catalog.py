"""Every definition by message name; each text is read into a schema when somebody first asks for it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from penstock.protocol.notation import Definition, blocks, read_definition, read_head

FAMILIES: Final = (
    "headers",
    "produce",
    "fetch",
    "offsets",
    "cluster",
    "classic_groups",
    "group_offsets",
    "group_admin",
    "consumer_groups",
    "share_groups",
    "share_state",
    "streams_groups",
    "transactions",
    "topics",
    "log_dirs",
    "configs",
    "security",
    "quotas",
    "quorum",
    "brokers",
    "control_records",
    "group_records",
    "group_records_newer",
    "transaction_records",
    "metadata_records",
)


@cache
def texts() -> dict[str, str]:
    """The unread definitions of all families by message name."""
    found: dict[str, str] = {}
    for family in FAMILIES:
        module = import_module(f"penstock.protocol.definitions.{family}")
        found.update(blocks(module.MESSAGES))
    return found


def names() -> list[str]:
    """The names of all messages, in the order of the definitions."""
    return list(texts())


@cache
def head(name: str) -> Definition:
    """A message without its fields: kind, key and versions.  KeyError when there is no such message."""
    return read_head(texts()[name])


@cache
def schema(name: str) -> Definition:
    """A message with all its fields.  KeyError when there is no such message."""
    return read_definition(texts()[name])
