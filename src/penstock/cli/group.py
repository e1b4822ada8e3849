"""`penstock group`: list, describe with lag, reset offsets, delete."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

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
from penstock.cli.consume import parse_time
from penstock.cli.output import Format, Output, say, show

app = typer.Typer(no_args_is_help=True, help="List and describe consumer groups, reset their offsets, delete them.")
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


@app.command("list")
def list_groups(
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """List groups with their state."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        listed = client.list_consumer_groups(request_timeout=REQUEST_TIMEOUT_S).result()
        if listed.errors:
            raise listed.errors[0]
        rows = [
            {"group": g.group_id, "state": g.state.name.title(), "type": g.type.name.title()}
            for g in sorted(listed.valid, key=lambda g: g.group_id)
        ]
        show(rows, output)


@app.command()
def describe(
    group: str,
    members: Annotated[bool, typer.Option("--members", help="Show the members instead of the partitions.")] = False,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Show where a group stands: committed offset, end and lag of each partition, and who reads it."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        description = client.describe_consumer_groups([group], request_timeout=REQUEST_TIMEOUT_S)[group].result()
        committed = committed_offsets(client, group)
        if not committed and not description.members and group not in known_groups(client):
            fail(f"group {group!r} does not exist; `penstock group list` shows those that do")
        rows = member_rows(description) if members else partition_rows(client, description, committed)
        if output is Format.TABLE:
            print(
                f"Group {group}: {description.state.name.title()}, {len(description.members)} members, "
                f"assignor {description.partition_assignor or '-'}"
            )
        show(rows, output)


def known_groups(client: AdminClient) -> set[str]:
    return {g.group_id for g in client.list_consumer_groups(request_timeout=REQUEST_TIMEOUT_S).result().valid}


def committed_offsets(client: AdminClient, group: str) -> dict[tuple[str, int], int]:
    request = [ConsumerGroupTopicPartitions(group)]
    answer = client.list_consumer_group_offsets(request, request_timeout=REQUEST_TIMEOUT_S)[group].result()
    return {(tp.topic, tp.partition): tp.offset for tp in answer.topic_partitions if tp.offset >= 0}


def member_rows(description: Any) -> list[dict[str, Any]]:
    return [
        {
            "client_id": m.client_id,
            "member_id": m.member_id,
            "host": m.host,
            "instance_id": m.group_instance_id,
            "partitions": [f"{tp.topic}:{tp.partition}" for tp in m.assignment.topic_partitions],
        }
        for m in description.members
    ]


def partition_rows(
    client: AdminClient, description: Any, committed: dict[tuple[str, int], int]
) -> list[dict[str, Any]]:
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
        given = [
            to_earliest,
            to_latest,
            *(x is not None for x in (to_offset, shift_by, to_datetime, by_duration)),
        ]
        if sum(given) != 1:
            fail(
                "give exactly one of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime, --by-duration"
            )
        client = admin(bootstrap_server, command_config, properties)
        places = [place for text in topic for place in parse_places(client, text)]
        earliest = offsets_at(client, places, OffsetSpec.earliest())
        latest = offsets_at(client, places, OffsetSpec.latest())
        for name, number in places:
            if (name, number) not in earliest or (name, number) not in latest:
                fail(f"{name}:{number}: the broker does not tell where it begins and ends; nothing was reset")
        committed = committed_offsets(client, group)
        if to_earliest:
            wanted = dict(earliest)
        elif to_latest:
            wanted = dict(latest)
        elif to_offset is not None:
            wanted = dict.fromkeys(places, to_offset)
        elif shift_by is not None:
            wanted = {place: committed.get(place, earliest[place]) + shift_by for place in places}
        else:
            at = parse_time(to_datetime) if to_datetime else ago_ms(by_duration or "")
            found = offsets_at(client, places, OffsetSpec.for_timestamp(at))
            wanted = {place: found[place] if found.get(place, -1) >= 0 else latest[place] for place in places}
        new = {place: min(max(wanted[place], earliest[place]), latest[place]) for place in places}
        if not dry_run:
            commit(client, group, new)
        rows = [
            {"topic": t, "partition": p, "before": committed.get((t, p)), "after": new[(t, p)]} for t, p in sorted(new)
        ]
        show(rows, output)


def parse_places(client: AdminClient, text: str) -> list[tuple[str, int]]:
    """`orders` is every partition of it, `orders:0,2` two of them."""
    name, colon, numbers = text.partition(":")
    metadata = client.list_topics(name, timeout=REQUEST_TIMEOUT_S).topics[name]
    if metadata.error is not None:
        fail(f"topic {name!r}: {describe_fault(metadata.error)}")
    if not colon:
        return [(name, number) for number in sorted(metadata.partitions)]
    try:
        wanted = [int(number) for number in numbers.split(",")]
    except ValueError:
        fail(f"--topic {text!r} is not TOPIC or TOPIC:PARTITION,...")
    missing = [number for number in wanted if number not in metadata.partitions]
    if missing:
        fail(f"topic {name!r} has no partition {missing[0]}")
    return [(name, number) for number in wanted]


def ago_ms(text: str) -> int:
    match = DURATION.match(text)
    if not text or match is None:
        fail(f"--by-duration {text!r} is not a duration such as 1d12h, 30m or 45s")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        moment = datetime.now(UTC) - timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        fail(f"--by-duration {text!r} is longer than there has been time")
    return max(0, int(moment.timestamp() * 1000))


def commit(client: AdminClient, group: str, offsets: dict[tuple[str, int], int]) -> None:
    partitions = [TopicPartition(t, p, offset) for (t, p), offset in offsets.items()]
    request = [ConsumerGroupTopicPartitions(group, partitions)]
    try:
        answer = client.alter_consumer_group_offsets(request, request_timeout=REQUEST_TIMEOUT_S)[group].result()
    except KafkaException as error:
        if error.args[0].name() == "UNKNOWN_MEMBER_ID":
            fail(f"group {group!r} has members; offsets can be reset when they have stopped")
        raise
    for tp in answer.topic_partitions:
        if tp.error is not None:
            fail(f"{tp.topic}:{tp.partition}: {describe_fault(tp.error)}")


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
