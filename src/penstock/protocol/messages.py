"""Kafka's messages as classes, made when first named: `messages.ProduceRequest`.

Types inside a message are attributes of it, flat as in Kafka: `messages.ProduceRequest.PartitionProduceData`.
Fields have Kafka's names in snake case and Kafka's order; uuids are 16 bytes.
"""

from __future__ import annotations

from typing import Any

from penstock.protocol import catalog
from penstock.protocol.classes import message_class


def __getattr__(name: str) -> Any:
    try:
        made = message_class(name)
    except KeyError:
        raise AttributeError(f"Kafka has no message {name!r}; see penstock.protocol.catalog.names()") from None
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return catalog.names()
