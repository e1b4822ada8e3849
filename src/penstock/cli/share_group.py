"""Share groups (KIP-932) by Kafka's protocol, as librdkafka's admin client has no calls for them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.cli.wire import Wire, ensure
from penstock.protocol import messages

Place = tuple[str, int]


class Progress(NamedTuple):
    """start: the first record that is not settled, None before the group's first fetch; lag: records from there on."""

    start: int | None
    lag: int | None


def describe(wire: Wire, group: str) -> Any:
    """Kafka's DescribedGroup: state, epochs, assignor, members with what they are assigned."""
    reply = wire.ask_coordinator(group, messages.ShareGroupDescribeRequest(group_ids=[group]))
    (found,) = reply.groups
    ensure(found.error_code, found.error_message, f"group {group!r}")
    return found


def progress(wire: Wire, group: str) -> dict[Place, Progress]:
    """How far the group is in each partition that it ever had."""
    request = messages.DescribeShareGroupOffsetsRequest
    wanted = request.DescribeShareGroupOffsetsRequestGroup(group_id=group, topics=None)
    (found,) = wire.ask_coordinator(group, request(groups=[wanted])).groups
    ensure(found.error_code, found.error_message, f"group {group!r}")
    known = {}
    for topic in found.topics:
        for partition in topic.partitions:
            place = topic.topic_name, partition.partition_index
            ensure(partition.error_code, partition.error_message, f"{place[0]}:{place[1]}")
            known[place] = Progress(_number(partition.start_offset), _number(partition.lag))
    return known


def _number(told: int) -> int | None:
    """Kafka says -1 where there is none yet."""
    return None if told < 0 else told


def assigned(member: Any) -> list[Place]:
    return [(topic.topic_name, number) for topic in member.assignment.topic_partitions for number in topic.partitions]


def places(description: Any, known: Mapping[Place, Progress]) -> list[Place]:
    """The partitions that the group has, or had."""
    return sorted({*known, *(place for member in description.members for place in assigned(member))})


def member_rows(description: Any) -> list[dict[str, Any]]:
    return [
        {
            "client_id": member.client_id,
            "member_id": member.member_id,
            "host": member.client_host,
            "epoch": member.member_epoch,
            "topics": sorted(member.subscribed_topic_names),
            "partitions": [f"{topic}:{number}" for topic, number in sorted(assigned(member))],
        }
        for member in description.members
    ]


def partition_rows(
    description: Any, known: Mapping[Place, Progress], ends: Mapping[Place, int]
) -> list[dict[str, Any]]:
    """clients: more than one may read a partition of a share group."""
    rows = []
    for place in places(description, known):
        at = known.get(place, Progress(None, None))
        rows.append(
            {
                "topic": place[0],
                "partition": place[1],
                "start": at.start,
                "end": ends.get(place),
                "lag": at.lag,
                "clients": sorted(member.client_id for member in description.members if place in assigned(member)),
            }
        )
    return rows


def move(wire: Wire, group: str, offsets: Mapping[Place, int]) -> None:
    """Lets a group without members go on from other offsets. Error: Failure, also when it has members."""
    request = messages.AlterShareGroupOffsetsRequest
    topics: dict[str, list[Any]] = {}
    for (topic, number), offset in offsets.items():
        part = request.AlterShareGroupOffsetsRequestPartition(partition_index=number, start_offset=offset)
        topics.setdefault(topic, []).append(part)
    named = [request.AlterShareGroupOffsetsRequestTopic(topic_name=name, partitions=p) for name, p in topics.items()]
    reply = wire.ask_coordinator(group, request(group_id=group, topics=named))
    ensure(reply.error_code, reply.error_message, f"group {group!r}")
    for topic in reply.responses:
        for partition in topic.partitions:
            place = f"{topic.topic_name}:{partition.partition_index}"
            ensure(partition.error_code, partition.error_message, place)
