"""Waiting until a server has done what it said it would: Apache Kafka answers first and acts soon after."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from tests.oracle.pair import await_no_topics, await_topics, until
from tests.oracle.script import Step
from tests.oracle.wire import Connection

_NOT_NOW = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.CONCURRENT_TRANSACTIONS,
}
_NOT_YET = {KafkaError.UNKNOWN_TOPIC_OR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
# A setting of a topic reaches its log after the metadata that tells it.
_CONFIG_PAUSE_S = 0.04
_AUTO_CREATE_S_MAX = 2.0
_SHARE_S_MAX = 2.0


def is_to_repeat(answer: Any) -> bool:
    """Whether the server asks for the same request again, a little later."""
    return not isinstance(answer, str) and bool(_NOT_NOW & set(_errors(answer)))


def settle(line: Connection, step: Step, request: Any, answer: Any) -> None:
    """Waits for the effects of an answered request."""
    wait = _WAITS.get(step.api)
    if wait is not None:
        wait(line, request, answer)


def _errors(message: Any) -> list[int]:
    found = []
    for name in message.__slots__:
        value = getattr(message, name)
        if name.endswith("error_code"):
            found.append(value)
        elif isinstance(value, list) and value and hasattr(value[0], "__slots__"):
            found += [code for one in value for code in _errors(one)]
    return found


def _created(line: Connection, request: Any, answer: Any) -> None:
    made = [topic.name for topic in answer.topics if not topic.error_code]
    if made and not request.validate_only:
        _all_partitions(line, made)


def _grown(line: Connection, request: Any, answer: Any) -> None:
    grown = {topic.name for topic in answer.results if not topic.error_code}
    if grown and not request.validate_only:
        await_topics(line, {topic.name: topic.count for topic in request.topics if topic.name in grown})


def _all_partitions(line: Connection, names: list[str]) -> None:
    counts: dict[str, int] = {}

    def is_told() -> bool:
        asked = [m.MetadataRequest.MetadataRequestTopic(name=name) for name in names]
        answer = line.ask(m.MetadataRequest(topics=asked, allow_auto_topic_creation=False), 12)
        counts.update({topic.name: len(topic.partitions) for topic in answer.topics})
        return not any(topic.error_code for topic in answer.topics)

    until(is_told)
    await_topics(line, counts)


def _deleted(line: Connection, request: Any, answer: Any) -> None:
    gone = [topic.name for topic in answer.responses if not topic.error_code and topic.name]
    if gone:
        await_no_topics(line, gone)


def _auto_created(line: Connection, request: Any, answer: Any) -> None:
    """Who asks for a topic's metadata may make it."""
    names = [topic.name for topic in request.topics or [] if topic.name and topic.name.startswith("o")]
    if not names or not request.allow_auto_topic_creation:
        return
    deadline = time.monotonic() + _AUTO_CREATE_S_MAX
    asked = [m.MetadataRequest.MetadataRequestTopic(name=name) for name in names]
    wanted = m.MetadataRequest(topics=asked, allow_auto_topic_creation=False)
    while time.monotonic() < deadline:
        topics = line.ask(wanted, 12).topics
        if not any(topic.error_code in _NOT_YET for topic in topics):
            break
        time.sleep(0.01)
    await_topics(line, {topic.name: len(topic.partitions) for topic in topics if not topic.error_code})


def _configured(line: Connection, request: Any, answer: Any) -> None:
    if any(not entry.error_code for entry in answer.responses) and not request.validate_only:
        time.sleep(_CONFIG_PAUSE_S)


def _ended(line: Connection, request: Any, answer: Any) -> None:
    """Until the markers of the transaction are written."""
    if not request.transactional_id:
        return
    describe = m.DescribeTransactionsRequest(transactional_ids=[request.transactional_id])
    until(
        lambda: (
            not any(
                state.transaction_state.startswith("Prepare") or state.error_code in _NOT_NOW
                for state in line.ask(describe, 0).transaction_states
            )
        )
    )


def _joined(line: Connection, request: Any, answer: Any) -> None:
    """Until the member of a share group has its partitions, if it is to have some."""
    if answer.error_code or request.member_epoch or not request.subscribed_topic_names:
        return
    heartbeat = m.ShareGroupHeartbeatRequest
    deadline = time.monotonic() + _SHARE_S_MAX
    epoch = answer.member_epoch
    while time.monotonic() < deadline and not (answer.assignment and answer.assignment.topic_partitions):
        time.sleep(0.02)
        answer = line.ask(heartbeat(group_id=request.group_id, member_id=request.member_id, member_epoch=epoch), 1)
        if answer.error_code:
            break
        epoch = answer.member_epoch


_WAITS: dict[str, Callable[[Connection, Any, Any], None]] = {
    "AlterConfigs": _configured,
    "CreatePartitions": _grown,
    "CreateTopics": _created,
    "DeleteTopics": _deleted,
    "EndTxn": _ended,
    "IncrementalAlterConfigs": _configured,
    "InitProducerId": _ended,
    "Metadata": _auto_created,
    "ShareGroupHeartbeat": _joined,
}
