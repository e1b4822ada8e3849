"""`penstock group`: list, describe with lag, reset offsets, delete; classic, consumer and share groups alike."""

from typing import Annotated, Any, NoReturn

import typer
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from penstock.cli import share_group
from penstock.cli.connect import (
    DEFAULT_BOOTSTRAP_SERVER,
    REQUEST_TIMEOUT_S,
    BootstrapServer,
    CommandConfig,
    Properties,
    admin,
    describe_fault,
    fail,
    fail_for,
    offsets_at,
    reported,
    settle,
)
from penstock.cli.group_listing import Cluster, GroupType, Listed, reach
from penstock.cli.group_reset import Place, Target, parse_places
from penstock.cli.output import Format, Output, say, show

app = typer.Typer(no_args_is_help=True, help="List and describe groups, reset their offsets, delete them.")


@app.command("list")
def list_groups(
    kinds: Annotated[
        list[GroupType] | None, typer.Option("--type", help="Only groups of this type; repeatable.")
    ] = None,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """List groups with their type and state."""
    with reported(), reach(bootstrap_server, command_config, properties) as cluster:
        show(
            [listed._asdict() for listed in cluster.groups().values() if not kinds or is_one_of(listed, kinds)], output
        )


def is_one_of(listed: Listed, kinds: list[GroupType]) -> bool:
    return listed.type.lower() in kinds


@app.command()
def describe(
    group: str,
    members: Annotated[bool, typer.Option("--members", help="Show the members instead of the partitions.")] = False,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Show where a group stands: its offset, the end and the lag of each partition, and who reads it."""
    with reported(), reach(bootstrap_server, command_config, properties) as cluster:
        listed = cluster.group(group)
        tell = describe_share if listed.is_a(GroupType.SHARE) else describe_consumer
        headline, rows = tell(cluster, listed, members)
        if output is Format.TABLE:
            print(headline)
        show(rows, output)


def describe_consumer(cluster: Cluster, listed: Listed, members: bool) -> tuple[str, list[dict[str, Any]]]:
    """A line about the group, and the rows of its members or partitions."""
    client = cluster.client
    futures = client.describe_consumer_groups([listed.group], request_timeout=REQUEST_TIMEOUT_S)
    description = futures[listed.group].result()
    line = headline(listed, len(description.members), description.partition_assignor)
    if members:
        return line, member_rows(description, listed.is_a(GroupType.CONSUMER))
    return line, partition_rows(client, description, committed_offsets(client, listed.group))


def describe_share(cluster: Cluster, listed: Listed, members: bool) -> tuple[str, list[dict[str, Any]]]:
    wire = cluster.plain_wire()
    description = share_group.describe(wire, listed.group)
    line = headline(listed, len(description.members), description.assignor_name)
    if members:
        return line, share_group.member_rows(description)
    known = share_group.progress(wire, listed.group)
    ends = offsets_at(cluster.client, share_group.places(description, known), OffsetSpec.latest())
    return line, share_group.partition_rows(description, known, ends)


def headline(listed: Listed, count: int, assignor: str) -> str:
    return f"Group {listed.group}: {listed.type}, {listed.state or '-'}, {count} members, assignor {assignor or '-'}"


def committed_offsets(client: AdminClient, group: str) -> dict[Place, int]:
    request = [ConsumerGroupTopicPartitions(group)]
    answer = client.list_consumer_group_offsets(request, request_timeout=REQUEST_TIMEOUT_S)[group].result()
    return {(tp.topic, tp.partition): tp.offset for tp in answer.topic_partitions if tp.offset >= 0}


def member_rows(description: Any, with_target: bool) -> list[dict[str, Any]]:
    """with_target: what the coordinator wants each member to have, which differs while partitions change hands."""
    rows = []
    for member in description.members:
        row = {
            "client_id": member.client_id,
            "member_id": member.member_id,
            "host": member.host,
            "instance_id": member.group_instance_id,
            "partitions": named(member.assignment),
        }
        rows.append({**row, "target": named(member.target_assignment)} if with_target else row)
    return rows


def named(assignment: Any) -> list[str]:
    places = sorted((tp.topic, tp.partition) for tp in assignment.topic_partitions) if assignment else []
    return [f"{topic}:{number}" for topic, number in places]


def partition_rows(client: AdminClient, description: Any, committed: dict[Place, int]) -> list[dict[str, Any]]:
    owners = {(tp.topic, tp.partition): m for m in description.members for tp in m.assignment.topic_partitions}
    places = sorted({*committed, *owners})
    ends = offsets_at(client, places, OffsetSpec.latest())
    rows = []
    for place in places:
        at, end, owner = committed.get(place), ends.get(place), owners.get(place)
        rows.append(
            {
                "topic": place[0],
                "partition": place[1],
                "committed": at,
                "end": end,
                "lag": None if at is None or end is None else max(end - at, 0),
                "client_id": owner.client_id if owner else None,
                "host": owner.host if owner else None,
            }
        )
    return rows


@app.command("reset-offsets")
def reset_offsets(
    group: str,
    topic: Annotated[list[str], typer.Option("--topic", "-t", metavar="TOPIC[:PARTITION,...]", help="Repeatable.")],
    to_earliest: Annotated[bool, typer.Option("--to-earliest")] = False,
    to_latest: Annotated[bool, typer.Option("--to-latest")] = False,
    to_offset: Annotated[int | None, typer.Option("--to-offset", min=0)] = None,
    shift_by: Annotated[int | None, typer.Option("--shift-by", help="Forward, or back when negative.")] = None,
    to_datetime: Annotated[str | None, typer.Option("--to-datetime", help="ISO 8601 or epoch milliseconds.")] = None,
    by_duration: Annotated[str | None, typer.Option("--by-duration", help="So long ago, such as 1d12h or 30m.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the new offsets, change nothing.")] = False,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Move a group that has no members to other offsets."""
    with reported():
        target = Target(to_earliest, to_latest, to_offset, shift_by, to_datetime, by_duration)
        with reach(bootstrap_server, command_config, properties) as cluster:
            places = [place for text in topic for place in parse_places(cluster.client, text)]
            listed = cluster.groups().get(group)
            shares = listed is not None and listed.is_a(GroupType.SHARE)
            before = share_starts(cluster, group) if shares else committed_offsets(cluster.client, group)
            new = target.offsets(cluster.client, places, before)
            if not dry_run and shares:
                share_group.move(cluster.plain_wire(), group, new)
            elif not dry_run:
                commit(cluster.client, group, new)
        rows = [
            {"topic": t, "partition": p, "before": before.get((t, p)), "after": new[(t, p)]} for t, p in sorted(new)
        ]
        show(rows, output)


def share_starts(cluster: Cluster, group: str) -> dict[Place, int]:
    known = share_group.progress(cluster.plain_wire(), group)
    return {place: at.start for place, at in known.items() if at.start is not None}


def commit(client: AdminClient, group: str, offsets: dict[Place, int]) -> None:
    partitions = [TopicPartition(t, p, offset) for (t, p), offset in offsets.items()]
    request = [ConsumerGroupTopicPartitions(group, partitions)]
    try:
        answer = client.alter_consumer_group_offsets(request, request_timeout=REQUEST_TIMEOUT_S)[group].result()
    except KafkaException as error:
        fail_to_commit(group, f"group {group!r}", error.args[0])
    for tp in answer.topic_partitions:
        if tp.error is not None:
            fail_to_commit(group, f"{tp.topic}:{tp.partition}", tp.error)


def fail_to_commit(group: str, subject: str, error: KafkaError) -> NoReturn:
    # A commit that names no member is no member's: that is how Kafka says that a group has some.
    if error.code() == KafkaError.UNKNOWN_MEMBER_ID:
        fail(f"group {group!r} has members; offsets can be reset when they have stopped")
    fail(f"{subject}: {describe_fault(error)}")


@app.command()
def delete(
    groups: Annotated[list[str], typer.Argument(metavar="GROUP...")],
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Delete groups that have no members, with their offsets."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        futures = client.delete_consumer_groups(groups, request_timeout=REQUEST_TIMEOUT_S)
        settled = settle("group", futures)
        say([f"Deleted group {g}." for g in settled.done], output, deleted=settled.done)
        fail_for(settled.faults)
