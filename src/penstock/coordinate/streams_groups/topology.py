"""What an application of Kafka Streams consists of, as its members tell it and as it is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Value = messages.StreamsGroupTopologyValue


class InternalTopic(NamedTuple):
    """A topic that the broker makes. partitions: 0 to have it decided; replication_factor: 0 for the broker's; configs:
    by name, in order.
    """

    name: str
    partitions: int
    replication_factor: int
    configs: tuple[tuple[str, str], ...]


class Subtopology(NamedTuple):
    """One part. sources: topics that are there before; repartitions: internal ones that it reads; sinks: internal ones
    that it writes for others; changelogs: of its stores; copartitions: names that must have as many partitions as each
    other. Names are in order.
    """

    subtopology_id: str
    sources: tuple[str, ...]
    sinks: tuple[str, ...]
    repartitions: tuple[InternalTopic, ...]
    changelogs: tuple[InternalTopic, ...]
    copartitions: tuple[tuple[str, ...], ...]

    @property
    def inputs(self) -> list[str]:
        """All that it reads."""
        return [*self.sources, *(topic.name for topic in self.repartitions)]


class Topology(NamedTuple):
    """Subtopologies by id, in order; epoch: grows with each version of the application."""

    epoch: int
    subtopologies: tuple[Subtopology, ...]

    def required(self) -> set[str]:
        """All topics whose coming, going and growing matters."""
        return {
            name for part in self.subtopologies for name in (*part.inputs, *(topic.name for topic in part.changelogs))
        }

    def reader_of(self, topic: str) -> Subtopology | None:
        return next((part for part in self.subtopologies if topic in part.inputs), None)

    def bytes_held(self) -> int:
        """About how much memory a client made us keep."""
        internal = [topic for part in self.subtopologies for topic in (*part.repartitions, *part.changelogs)]
        names = [name for part in self.subtopologies for name in (part.subtopology_id, *part.sources, *part.sinks)]
        names += [text for topic in internal for pair in topic.configs for text in pair]
        return sum(map(len, names)) + sum(len(topic.name) for topic in internal)


def topology_of(said: Any) -> Topology | Refused:
    """From the Topology of a heartbeat, or the value of a record, which are made alike.

    Error: STREAMS_INVALID_TOPOLOGY, for numbers of topics that there are not, and ids that are there twice.
    """
    parts: dict[str, Subtopology] = {}
    for part in said.subtopologies:
        copartitions = []
        for group in part.copartition_groups:
            names = _named(part, group)
            if names is None:
                return _invalid(f"A copartition group of subtopology {part.subtopology_id} names topics it has not.")
            copartitions.append(names)
        if part.subtopology_id in parts:
            return _invalid(f"There are two subtopologies {part.subtopology_id}.")
        parts[part.subtopology_id] = Subtopology(
            part.subtopology_id,
            tuple(sorted(set(part.source_topics))),
            tuple(sorted(set(part.repartition_sink_topics))),
            _internal(part.repartition_source_topics),
            _internal(part.state_changelog_topics),
            tuple(sorted(copartitions)),
        )
    return Topology(said.epoch, tuple(parts[key] for key in sorted(parts)))


def value_of(topology: Topology) -> Any:
    """As the value of a record."""
    return Value(topology.epoch, [_stored(part) for part in topology.subtopologies])


def _invalid(text: str) -> Refused:
    return Refused(KafkaError.STREAMS_INVALID_TOPOLOGY, text)


def _named(part: Any, group: Any) -> tuple[str, ...] | None:
    """The names of a copartition group, which the message gives by their places."""
    repartitions = [topic.name for topic in part.repartition_source_topics]
    names: set[str] = set()
    for places, of in ((group.source_topics, part.source_topics), (group.repartition_source_topics, repartitions)):
        if not all(0 <= place < len(of) for place in places):
            return None
        names |= {of[place] for place in places}
    return None if group.source_topic_regex else tuple(sorted(names))


def _internal(topics: Iterable[Any]) -> tuple[InternalTopic, ...]:
    found = {
        topic.name: InternalTopic(
            topic.name,
            topic.partitions,
            topic.replication_factor,
            tuple(sorted((pair.key, pair.value) for pair in topic.topic_configs)),
        )
        for topic in topics
    }
    return tuple(found[name] for name in sorted(found))


def _stored(part: Subtopology) -> Any:
    repartitions = [topic.name for topic in part.repartitions]
    return Value.Subtopology(
        subtopology_id=part.subtopology_id,
        source_topics=list(part.sources),
        source_topic_regex=[],
        state_changelog_topics=[_stored_topic(topic) for topic in part.changelogs],
        repartition_sink_topics=list(part.sinks),
        repartition_source_topics=[_stored_topic(topic) for topic in part.repartitions],
        copartition_groups=[
            Value.CopartitionGroup(
                source_topics=[place for place, name in enumerate(part.sources) if name in names],
                source_topic_regex=[],
                repartition_source_topics=[place for place, name in enumerate(repartitions) if name in names],
            )
            for names in part.copartitions
        ],
    )


def _stored_topic(topic: InternalTopic) -> Any:
    return Value.TopicInfo(
        topic.name,
        topic.partitions,
        topic.replication_factor,
        [Value.TopicConfig(key, value) for key, value in topic.configs],
    )
