"""`penstock group` on classic, consumer and share groups, each with real members."""

import json
import time

import pytest
from confluent_kafka import Consumer, Producer, ShareConsumer
from confluent_kafka.admin import AdminClient

from penstock.cli.connect import Failure
from penstock.cli.group_listing import Cluster
from penstock.cli.wire import Wire
from penstock.protocol import messages
from penstock.testing import embedded

SECONDS_MAX = 60
RECORDS = 6
GROUP_RESOURCE = 32
# Where a share group began that has settled all in one go: Kafka writes how far the group is with the next change,
# and tells until then that nothing is left to deliver.
STARTED = 0
# Members that report once in five seconds would make tests of a minute.
PACE = {
    "group.consumer.min.heartbeat.interval.ms": "300",
    "group.consumer.heartbeat.interval.ms": "300",
    "group.share.min.heartbeat.interval.ms": "300",
    "group.share.heartbeat.interval.ms": "300",
}


@pytest.fixture(scope="module")
def kafka():
    with embedded.kafka(configs=PACE) as running:
        yield running


@pytest.fixture
def topic(kafka):
    """Two partitions with RECORDS records in each."""
    name = kafka.topic(partitions=2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(2 * RECORDS):
        producer.produce(name, str(number), partition=number % 2)
    assert producer.flush(30) == 0
    return name


@pytest.fixture
def join(kafka, topic):
    """Makes a member of a group of the named type that has read and committed all of `topic`; they leave at the end."""
    made = []

    def join(kind: str, group: str):
        member = share_member(kafka, group) if kind == "share" else consumer(kafka, group, kind)
        made.append(member)
        member.subscribe([topic])
        read, deadline = 0, time.monotonic() + SECONDS_MAX
        while read < 2 * RECORDS:
            assert time.monotonic() < deadline, f"{read} records came"
            batch = member.poll(0.2) if kind == "share" else member.consume(100, 0.2)
            read += len(batch)
        member.commit_sync() if kind == "share" else member.commit(asynchronous=False)
        return member

    yield join
    for member in made:
        member.close()


def consumer(kafka, group, kind):
    return Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": group,
            "client.id": f"{kind}-app",
            "group.protocol": kind,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )


def share_member(kafka, group):
    request = messages.IncrementalAlterConfigsRequest
    setting = request.AlterableConfig(name="share.auto.offset.reset", config_operation=0, value="earliest")
    resource = request.AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name=group, configs=[setting])
    with Wire(kafka.bootstrap_servers) as wire:
        assert wire.ask(request(resources=[resource])).responses[0].error_code == 0
    return ShareConsumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": group, "client.id": "share-app"})


def rows(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_groups_of_every_type_are_listed(run, join, topic):
    kinds = ("classic", "consumer", "share")
    for kind in kinds:
        join(kind, f"{kind}-{topic}")

    listed = {row["group"]: row for row in rows(run("group", "list", "-o", "json"))}
    shares = rows(run("group", "list", "--type", "share", "-o", "json"))

    for kind in kinds:
        row = listed[f"{kind}-{topic}"]
        protocol = "share" if kind == "share" else "consumer"
        assert (row["type"], row["protocol"], row["state"]) == (kind.title(), protocol, "Stable")
    assert f"share-{topic}" in {row["group"] for row in shares}
    assert {row["type"] for row in shares} == {"Share"}


@pytest.mark.parametrize(("kind", "assignor"), [("classic", "range"), ("consumer", "uniform")])
def test_a_group_of_consumers_is_described(run, join, topic, kind, assignor):
    join(kind, group := f"{kind}-{topic}")

    table = run("group", "describe", group).stdout
    partitions = rows(run("group", "describe", group, "-o", "json"))
    (member,) = rows(run("group", "describe", group, "--members", "-o", "json"))

    assert table.splitlines()[0] == f"Group {group}: {kind.title()}, Stable, 1 members, assignor {assignor}"
    assert [(r["topic"], r["partition"], r["committed"], r["end"], r["lag"]) for r in partitions] == [
        (topic, number, RECORDS, RECORDS, 0) for number in range(2)
    ]
    assert {r["client_id"] for r in partitions} == {member["client_id"]} == {f"{kind}-app"}
    assert member["partitions"] == [f"{topic}:0", f"{topic}:1"]
    assert member.get("target", member["partitions"]) == member["partitions"]
    assert ("target" in member) == (kind == "consumer")


def test_a_share_group_is_described(run, join, topic):
    join("share", group := f"share-{topic}")

    table = run("group", "describe", group).stdout
    partitions = rows(run("group", "describe", group, "-o", "json"))
    (member,) = rows(run("group", "describe", group, "--members", "-o", "json"))

    assert table.splitlines()[0] == f"Group {group}: Share, Stable, 1 members, assignor simple"
    assert partitions == [
        {"topic": topic, "partition": n, "start": STARTED, "end": RECORDS, "lag": 0, "clients": ["share-app"]}
        for n in range(2)
    ]
    assert (member["client_id"], member["topics"]) == ("share-app", [topic])
    assert member["partitions"] == [f"{topic}:0", f"{topic}:1"]
    assert member["epoch"] > 0


@pytest.mark.parametrize("kind", ["classic", "consumer", "share"])
def test_a_group_is_moved_and_deleted_when_its_members_have_left(run, join, topic, kind):
    member = join(kind, group := f"{kind}-{topic}")
    reset = ["group", "reset-offsets", group, "-t", f"{topic}:0"]
    at, stood = ("start", STARTED) if kind == "share" else ("committed", RECORDS)

    refused = run(*reset, "--to-earliest")
    kept = run("group", "delete", group)
    member.close()
    planned = rows(run(*reset, "--to-offset", "4", "--dry-run", "-o", "json"))
    moved = rows(run(*reset, "--to-offset", "1", "-o", "json"))
    described = rows(run("group", "describe", group, "-o", "json"))
    deleted = run("group", "delete", group)
    gone = run("group", "describe", group)

    assert (refused.returncode, kept.returncode) == (1, 1)
    assert "members" in refused.stderr or "NON_EMPTY_GROUP" in refused.stderr
    assert "NON_EMPTY_GROUP" in kept.stderr
    assert [(r["before"], r["after"]) for r in planned] == [(stood, 4)]
    assert [(r["before"], r["after"]) for r in moved] == [(stood, 1)]
    assert [(r[at], r["lag"]) for r in described] == [(1, RECORDS - 1), (stood, 0)]
    assert deleted.stdout == f"Deleted group {group}.\n"
    assert gone.returncode == 1
    assert "does not exist" in gone.stderr


def test_behind_tls_the_groups_that_librdkafka_knows_are_listed(kafka, join, topic):
    for kind in ("classic", "consumer", "share"):
        join(kind, f"{kind}-{topic}")
    cluster = Cluster(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), None)

    listed = cluster.groups()

    assert listed[f"classic-{topic}"][1:] == ("Classic", "consumer", "Stable")
    assert listed[f"consumer-{topic}"][1:] == ("Consumer", "consumer", "Stable")
    with pytest.raises(Failure, match="share group, which is seen over PLAINTEXT alone"):
        cluster.group(f"share-{topic}")


def test_an_address_of_several_is_enough(kafka):
    with Wire(f"127.0.0.1:1, PLAINTEXT://{kafka.bootstrap_servers}") as wire:
        (address,) = wire.brokers()

    assert f"{address.host}:{address.port}" == kafka.bootstrap_servers
