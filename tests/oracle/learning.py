"""What a script remembers of a server's answers, to use it in later requests: see `script.ref`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.protocol import messages as m
from tests.oracle.plain import Symbols
from tests.oracle.script import Step
from tests.oracle.wire import Connection

Told = dict[str, Any]


def learn(step: Step, request: Any, answer: Any, told: Told, prefix: str) -> None:
    """Keeps what `step.learns` is for; nothing of a refusal but the member id that may come with it."""
    lesson = _LESSONS.get(step.api)
    if lesson is not None and step.learns:
        lesson(step.learns, request, answer, told)


def learn_topics(line: Connection, names: list[str], told: Told, symbols: Symbols, prefix: str) -> None:
    """The ids of those topics that are there, as "topic t0"."""
    if not names:
        return
    asked = [m.MetadataRequest.MetadataRequestTopic(name=name) for name in names]
    answer = line.ask(m.MetadataRequest(topics=asked, allow_auto_topic_creation=False), 12)
    for topic in answer.topics:
        if not topic.error_code:
            name = topic.name.removeprefix(prefix)
            told[f"topic {name}"] = topic.topic_id
            symbols.name("topic", topic.topic_id)


def _producer(name: str, request: Any, answer: Any, told: Told) -> None:
    if not answer.error_code and answer.producer_id >= 0:
        told[f"producer {name}"] = answer.producer_id
        told[f"epoch {name}"] = answer.producer_epoch


def _join(name: str, request: Any, answer: Any, told: Told) -> None:
    if answer.member_id:
        told[f"member {name}"] = answer.member_id
    if not answer.error_code:
        told[f"generation {name}"] = answer.generation_id
        told[f"leader {name}"] = answer.leader


def _heartbeat(name: str, request: Any, answer: Any, told: Told) -> None:
    if answer.error_code:
        return
    told[f"member {name}"] = answer.member_id
    told[f"generation {name}"] = answer.member_epoch
    if answer.assignment is not None:
        told[f"owned {name}"] = [
            {"topic_id": {"$hex": part.topic_id.hex()}, "partitions": part.partitions}
            for part in answer.assignment.topic_partitions
        ]


def _fetch(name: str, request: Any, answer: Any, told: Told) -> None:
    if not answer.error_code and answer.session_id:
        told[f"session {name}"] = answer.session_id


def _share(name: str, request: Any, answer: Any, told: Told) -> None:
    if not answer.error_code:
        told[f"share {name}"] = request.share_session_epoch + 1


_LESSONS: dict[str, Callable[[str, Any, Any, Told], None]] = {
    "ConsumerGroupHeartbeat": _heartbeat,
    "EndTxn": _producer,
    "Fetch": _fetch,
    "InitProducerId": _producer,
    "JoinGroup": _join,
    "ShareAcknowledge": _share,
    "ShareFetch": _share,
    "ShareGroupHeartbeat": _heartbeat,
}
