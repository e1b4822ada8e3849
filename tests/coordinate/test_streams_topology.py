"""A topology beside the topics there are: partitions of internal topics, tasks, and what is wrong."""

from __future__ import annotations

import pytest
from tests.coordinate.consumer_world import ChangingTopics
from tests.coordinate.streams_world import Request, internal, part, topology, word_count

from penstock.coordinate.streams_groups.configured import Configured, StatusCode, configure
from penstock.coordinate.streams_groups.topology import topology_of, value_of
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

Together = Request.CopartitionGroup


def configured(said, **counts):
    made = topology_of(said)
    assert not isinstance(made, Refused), made
    return configure(made, ChangingTopics(**counts))


def test_what_is_stored_is_what_was_said():
    said = topology(
        part(
            "1",
            source_topics=["b", "a"],
            repartition_source_topics=[internal("z", 3), internal("y", k="v")],
            copartition_groups=[Together([0], [], [1])],
        ),
        part("0", source_topics=["t"], state_changelog_topics=[internal("c", x="1", a="2")]),
        epoch=4,
    )

    made = topology_of(said)

    assert topology_of(value_of(made)) == made
    assert made.subtopologies[1].copartitions == (("b", "y"),)
    assert [p.subtopology_id for p in made.subtopologies] == ["0", "1"]


def test_partitions_follow_from_the_largest_input_along_the_way():
    said = topology(
        part("2", repartition_source_topics=[internal("s")], state_changelog_topics=[internal("c")]),
        part("1", repartition_source_topics=[internal("r")], repartition_sink_topics=["s"]),
        part("0", source_topics=["t", "u"], repartition_sink_topics=["r"]),
    )

    found = configured(said, t=2, u=5)

    assert found.status.code is StatusCode.MISSING_INTERNAL_TOPICS
    assert {topic.name: topic.partitions for topic in found.missing} == {"c": 5, "r": 5, "s": 5}
    assert found.task_counts == {"0": 5, "1": 5, "2": 5}


def test_all_that_is_there_is_ready():
    found = configured(word_count(), t=3, r=3, c=3)

    assert (found.is_ready, found.missing, found.task_counts) == (True, (), {"0": 3, "1": 3})


def test_joined_topics_take_the_partitions_of_those_that_are_there():
    said = topology(
        part("0", source_topics=["t"], repartition_sink_topics=["r"]),
        part(
            "1",
            source_topics=["u"],
            repartition_source_topics=[internal("r")],
            copartition_groups=[Together([0], [], [0])],
        ),
    )

    found = configured(said, t=2, u=6)

    assert found.counts["r"] == 6
    assert found.task_counts == {"0": 2, "1": 6}


def test_joined_internal_topics_take_the_largest_number_or_the_one_that_was_given():
    def said(fixed):
        return topology(
            part("0", source_topics=["t"], repartition_sink_topics=["r"]),
            part("1", source_topics=["u"], repartition_sink_topics=["s"]),
            part(
                "2",
                repartition_source_topics=[internal("r"), internal("s", fixed)],
                copartition_groups=[Together([], [], [0, 1])],
            ),
        )

    assert configured(said(0), t=2, u=6).counts == {"r": 6, "s": 6}
    assert configured(said(3), t=2, u=6).counts == {"r": 3, "s": 3}


@pytest.mark.parametrize(
    ("fixed", "counts", "detail"),
    [
        (0, {"t": 2, "u": 3}, "Following topics do not have the same number of partitions: [{t=2, u=3}]"),
        (
            4,
            {"t": 2, "u": 2},
            "Number of partitions [4] of repartition topic [r] doesn't match number of partitions [2] of the source "
            "topic.",
        ),
    ],
)
def test_topics_that_cannot_be_joined_are_told(fixed, counts, detail):
    said = topology(
        part(
            "0",
            source_topics=["t", "u"],
            repartition_source_topics=[internal("r", fixed)],
            repartition_sink_topics=["r"],
            copartition_groups=[Together([0, 1], [], [0])],
        )
    )

    found = configured(said, **counts)

    assert found.status == (StatusCode.INCORRECTLY_PARTITIONED_TOPICS, detail)


@pytest.mark.parametrize(
    "said",
    [
        topology(part("0", source_topics=["t"], repartition_source_topics=[internal("r")])),
        topology(part("0", repartition_source_topics=[internal("r")], repartition_sink_topics=["r"])),
        topology(part("0", source_topics=["t"]), part("1")),
    ],
    ids=["nobody writes it", "it feeds itself", "no input"],
)
def test_a_topology_that_no_topics_would_make_right_is_refused(said):
    found = configured(said, t=2)

    assert isinstance(found, Refused)
    assert found.error == KafkaError.STREAMS_INVALID_TOPOLOGY


def test_a_store_may_keep_its_changes_in_the_topic_it_reads():
    said = topology(part("0", source_topics=["t"], state_changelog_topics=[internal("t")]))

    found = configured(said, t=2)

    assert isinstance(found, Configured)
    assert found.is_ready
