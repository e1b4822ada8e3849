"""`penstock topic`: create, list, describe, alter, delete."""

from typing import Annotated, Any

import typer
from confluent_kafka import KafkaError
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from penstock.cli.connect import (
    DEFAULT_BOOTSTRAP_SERVER,
    REQUEST_TIMEOUT_S,
    BootstrapServer,
    CommandConfig,
    Properties,
    admin,
    fail,
    fail_for,
    offsets_at,
    pairs,
    reported,
    settle,
)
from penstock.cli.output import Format, Output, cell, say, show

app = typer.Typer(no_args_is_help=True, help="Create, list, describe, alter and delete topics.")
ConfigPairs = Annotated[
    list[str] | None, typer.Option("--config", metavar="NAME=VALUE", help="A topic setting; repeatable.")
]


@app.command()
def create(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...")],
    partitions: Annotated[int, typer.Option(help="How many partitions; -1 takes the broker's num.partitions.")] = -1,
    replication_factor: Annotated[int, typer.Option(help="Copies of each partition; -1 takes the default.")] = -1,
    config: ConfigPairs = None,
    if_not_exists: Annotated[bool, typer.Option("--if-not-exists", help="A topic that is there is no error.")] = False,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Create topics."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        settings = pairs(config, "--config")
        wanted = [NewTopic(t, partitions, replication_factor, config=settings) for t in topics]
        futures = client.create_topics(wanted, request_timeout=REQUEST_TIMEOUT_S)
        settled = settle("topic", futures, KafkaError.TOPIC_ALREADY_EXISTS if if_not_exists else None)
        lines = [f"Created topic {t}." for t in settled.done]
        lines += [f"Topic {t} is there already." for t in settled.spared]
        say(lines, output, created=settled.done)
        fail_for(settled.faults)


@app.command("list")
def list_topics(
    internal: Annotated[bool, typer.Option("--internal", help="Show Kafka's own topics too.")] = False,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """List topics."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        topics = client.list_topics(timeout=REQUEST_TIMEOUT_S).topics
        rows = [
            {
                "name": name,
                "partitions": len(topic.partitions),
                "replication_factor": max((len(p.replicas) for p in topic.partitions.values()), default=0),
            }
            for name, topic in sorted(topics.items())
            if internal or not name.startswith("__")
        ]
        show(rows, output)


@app.command()
def describe(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...")],
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Show partitions, leaders, replicas, offsets, and the settings that differ from the defaults."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        known = client.list_topics(timeout=REQUEST_TIMEOUT_S).topics
        missing = [t for t in topics if t not in known]
        if missing:
            fail(
                f"topic {missing[0]!r} does not exist at {bootstrap_server}; `penstock topic list` shows those that do"
            )
        described = [describe_one(client, known[name]) for name in topics]
        if output is Format.JSON:
            show(described, output)
            return
        for topic in described:
            settings = cell(topic["configs"]) or "default"
            print(f"Topic {topic['name']}: {len(topic['partitions'])} partitions, settings {settings}")
            show(topic["partitions"], output)


def describe_one(client: AdminClient, topic: Any) -> dict[str, Any]:
    places = [(topic.topic, number) for number in topic.partitions]
    earliest = offsets_at(client, places, OffsetSpec.earliest())
    latest = offsets_at(client, places, OffsetSpec.latest())
    rows = [
        {
            "partition": number,
            "leader": partition.leader,
            "replicas": partition.replicas,
            "isr": partition.isrs,
            "earliest": earliest.get((topic.topic, number)),
            "latest": latest.get((topic.topic, number)),
        }
        for number, partition in sorted(topic.partitions.items())
    ]
    return {"name": topic.topic, "partitions": rows, "configs": overrides(client, topic.topic)}


def overrides(client: AdminClient, name: str) -> dict[str, str]:
    """Settings given to this topic itself."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    entries = client.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S)[resource].result()
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {entry.name: entry.value for entry in entries.values() if entry.source == own}


@app.command()
def alter(
    topic: str,
    partitions: Annotated[int | None, typer.Option(help="The new number of partitions, larger than now.")] = None,
    config: ConfigPairs = None,
    delete_config: Annotated[list[str] | None, typer.Option(help="A setting to put back to its default.")] = None,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Add partitions, set or unset settings."""
    with reported():
        changes = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in pairs(config, "--config").items()
        ]
        changes += [ConfigEntry(n, None, incremental_operation=AlterConfigOpType.DELETE) for n in delete_config or ()]
        if partitions is None and not changes:
            fail("nothing to alter: give --partitions, --config or --delete-config")
        client = admin(bootstrap_server, command_config, properties)
        if changes:
            resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=changes)
            client.incremental_alter_configs([resource], request_timeout=REQUEST_TIMEOUT_S)[resource].result()
        if partitions is not None:
            more = [NewPartitions(topic, partitions)]
            client.create_partitions(more, request_timeout=REQUEST_TIMEOUT_S)[topic].result()
        say([f"Altered topic {topic}."], output, altered=topic)


@app.command()
def delete(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...")],
    if_exists: Annotated[bool, typer.Option("--if-exists", help="A topic that is not there is no error.")] = False,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Delete topics and their records."""
    with reported():
        client = admin(bootstrap_server, command_config, properties)
        futures = client.delete_topics(topics, operation_timeout=REQUEST_TIMEOUT_S)
        settled = settle("topic", futures, KafkaError.UNKNOWN_TOPIC_OR_PART if if_exists else None)
        lines = [f"Deleted topic {t}." for t in settled.done] + [f"There is no topic {t}." for t in settled.spared]
        say(lines, output, deleted=settled.done)
        fail_for(settled.faults)
