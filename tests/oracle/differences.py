"""Where an answer of ours may differ from Apache Kafka's, and why. `docs/differences.md` tells the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.oracle.plain import Difference
from tests.oracle.script import Step


class Case(NamedTuple):
    """One difference, in the two answers to one request."""

    step: Step
    difference: Difference
    apache: Any
    ours: Any


class Known(NamedTuple):
    """A difference that is meant. ends: what follows cannot be compared, for the servers' states are not the same.

    is_rare: too rarely met to expect it in every long run. is_whole: about answers of which one did not come.
    """

    name: str
    reason: str
    apis: frozenset[str]
    holds: Callable[[Case], bool]
    ends: bool = False
    is_rare: bool = False
    is_whole: bool = False


def explain(case: Case, known: Iterable[Known]) -> Known | None:
    """The documented difference that this one is."""
    # An answer that did not come has no fields to look at.
    is_whole = isinstance(case.apache, str) or isinstance(case.ours, str)
    return next(
        (one for one in known if one.is_whole == is_whole and case.step.api in one.apis and one.holds(case)), None
    )


def _known(name: str, reason: str, apis: str, holds: Callable[[Case], bool], **rest: bool) -> Known:
    return Known(name, reason, frozenset(apis.split()), holds, **rest)


def _server_error(case: Case) -> bool:
    return _is_code(case) and case.difference.apache == -1


def _both_refuse(case: Case) -> bool:
    apache, ours = case.difference.apache, case.difference.ours
    return isinstance(apache, int) and isinstance(ours, int) and apache != 0 and ours != 0


def _is_code(case: Case) -> bool:
    return case.difference.path.endswith("error_code")


def _damaged(case: Case) -> bool:
    return '"damage"' in json.dumps(case.step.body)


def _of_refused(case: Case) -> bool:
    """About where the log of a refused batch starts."""
    answers = [part for topic in case.apache["responses"] for part in topic["partition_responses"]]
    return case.difference.path.endswith("log_start_offset") and any(part["error_code"] for part in answers)


KNOWN: tuple[Known, ...] = (
    _known(
        "no answer",
        "Apache Kafka fails on some damaged batches and never answers; we refuse them.",
        "Produce",
        lambda case: case.apache == "no answer",
        is_whole=True,
        ends=True,
        is_rare=True,
    ),
    _known(
        "server error",
        "Where Apache Kafka meets a fault of its own (-1, UNKNOWN_SERVER_ERROR), we tell what is wrong.",
        "ShareFetch ShareAcknowledge JoinGroup IncrementalAlterConfigs AlterConfigs Produce",
        _server_error,
        ends=True,
    ),
    _known(
        "log start of a refused batch",
        "Apache Kafka tells it or not by where in its code a batch was refused; nobody can use it.",
        "Produce",
        _of_refused,
    ),
    _known(
        "which fault of a batch is told",
        "A batch with several faults is refused for the one that is found first; Apache Kafka looks at the batches of"
        " all partitions before it looks for any of the topics, we at one partition after the other.",
        "Produce",
        lambda case: _is_code(case) and _both_refuse(case),
        ends=True,
    ),
    _known(
        "damaged batch",
        "Apache Kafka drops bytes behind a batch that are too few to be another, and refuses some damaged batches as a"
        " whole request; we refuse the one batch.",
        "Produce",
        _damaged,
        ends=True,
        is_rare=True,
    ),
    _known(
        "transactional without a producer",
        "Apache Kafka stores transactional batches without a producer id, which no marker can ever end; we do not.",
        "Produce",
        lambda case: _is_code(case) and case.difference == (case.difference.path, 0, 49),
        ends=True,
        is_rare=True,
    ),
    _known(
        "time of a repeated batch",
        "Apache Kafka tells the producer's time of a repeated batch as time of append; we tell -1, as for the first.",
        "Produce",
        lambda case: case.difference.path.endswith("log_append_time_ms") and case.difference.ours == -1,
        is_rare=True,
    ),
    _known(
        "which fault of a setting is told",
        "Settings of a topic that is not there, with values that are not allowed: Apache Kafka tells of the values.",
        "AlterConfigs IncrementalAlterConfigs",
        lambda case: _is_code(case) and _both_refuse(case),
    ),
    _known(
        "which fault of a join is told",
        "A join with several faults, such as a static member with the id of another and unknown protocols, is refused"
        " for the one that is found first; Apache Kafka looks for the member id before it looks at the protocols.",
        "JoinGroup",
        lambda case: bool(case.apache["error_code"]) and bool(case.ours["error_code"]),
        ends=True,
        is_rare=True,
    ),
    _known(
        "id of a topic that is only checked",
        "Apache Kafka tells one that no topic will ever have; we tell none.",
        "CreateTopics",
        lambda case: case.difference.path.endswith("topic_id") and case.step.body["validate_only"],
        is_rare=True,
    ),
    _known(
        "cursor at another topic",
        "Apache Kafka refuses a cursor that names a topic which was not asked for; we go on behind that name.",
        "DescribeTopicPartitions",
        lambda case: "cursor" in case.step.body,
        is_rare=True,
    ),
    _known(
        "damaged batch without an answer",
        "As above: what Apache Kafka drops ends the connection of a client that wants no answers here.",
        "Produce",
        lambda case: _damaged(case) and (case.apache, case.ours) == ("sent", "hung up"),
        is_whole=True,
        ends=True,
        is_rare=True,
    ),
    _known(
        "sequence of a refused transaction",
        "Apache Kafka remembers the lowest sequence that a producer tried before its transaction was verified and"
        " refuses later ones as out of order; we count from what was stored.",
        "Produce",
        lambda case: _is_code(case) and case.difference.apache == 45 and case.difference.ours == 0,
        ends=True,
        is_rare=True,
    ),
    _known(
        "share offsets of another kind of group",
        "Apache Kafka tells no offsets of a group that is no share group; we tell that there is no such share group.",
        "DescribeShareGroupOffsets",
        lambda case: case.difference == ("groups[].error_code", 0, 69),
        is_rare=True,
    ),
    _known(
        "open: records after a session began anew",
        "Not understood yet: who gets which records when a share session is begun again, or forgets a partition, while"
        " records are acquired.",
        "ShareFetch",
        lambda case: case.difference.path in ("responses", "responses[].partitions[].records"),
        ends=True,
        is_rare=True,
    ),
    _known(
        "loggers",
        "Apache Kafka lists its loggers among the resources that have settings; we have none, see skipped.md.",
        "ListConfigResources",
        lambda case: case.difference.path == "config_resources",
    ),
    _known(
        "share assignment in the background",
        "Apache Kafka sets up the partitions of a share group after it has answered, we before: the first answer of"
        " theirs may have no partitions yet, and an older epoch.",
        "ShareGroupHeartbeat ShareGroupDescribe DescribeShareGroupOffsets",
        lambda case: not _is_code(case),
        is_rare=True,
    ),
)
