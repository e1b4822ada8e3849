"""Kafka's command line tools say of Penstock what they say of Apache Kafka."""

import json
import re

import pytest
from confluent_kafka import Consumer

from ..journeys import CODECS, NUMBERS
from ..test_journeys import codec_on_disk
from .conftest import ROWS


def send(pair, topic, *options):
    keyed = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"]
    lines = "".join(f"{key}:{value}\n" for key, value in ROWS)
    pair.same("kafka-console-producer", "--topic", topic, *keyed, *options, stdin=lines)


def read(pair, topic, *options):
    shown = [f"print.{part}=true" for part in ("key", "offset", "partition", "headers")]
    formatting = [part for name in shown for part in ("--formatter-property", name)]
    return pair.same("kafka-console-consumer", "--topic", topic, "--from-beginning", *formatting, *options)


def test_topics_are_created_described_grown_and_deleted(pair, topic):
    created = ["--create", "--topic", topic, "--partitions", 2, "--config", "retention.ms=3600000"]
    pair.same("kafka-topics", *created)
    described = pair.same("kafka-topics", "--describe", "--topic", topic)
    pair.same("kafka-topics", "--alter", "--topic", topic, "--partitions", 3)
    grown = pair.same("kafka-topics", "--describe", "--topic", topic)
    listed = pair.run("kafka-topics", "--list")
    pair.same("kafka-topics", "--delete", "--topic", topic)
    gone = pair.same("kafka-topics", "--describe", "--topic", topic)

    assert "PartitionCount: 2" in described
    assert "retention.ms=3600000" in described
    assert "PartitionCount: 3" in grown
    assert all(topic in said.out.splitlines() for said in listed)
    assert "does not exist as expected" in gone


@pytest.mark.parametrize(
    "refused",
    [
        ["--create", "--partitions", 2],
        ["--create", "--replication-factor", 3, "--if-not-exists", "--topic", "another-topic"],
        ["--create", "--topic", "bad/name"],
        ["--create", "--topic", "bad-config", "--config", "segment.bytes=1"],
        ["--alter", "--partitions", 1],
    ],
    ids=lambda r: " ".join(map(str, r[:4])),
)
def test_topics_are_refused_with_the_same_error(pair, filled, refused):
    named = [] if "--topic" in refused else ["--topic", filled]

    ours, theirs = pair.run("kafka-topics", *refused, *named)

    # The words are each server's own; programs go by the class.
    assert ours.code == theirs.code == 1
    assert error_classes(ours) == error_classes(theirs) != []


def test_configs_are_set_shown_and_taken_back(pair, filled):
    of_topic = ["--entity-type", "topics", "--entity-name", filled]
    pair.same("kafka-configs", "--alter", *of_topic, "--add-config", "retention.ms=60000,cleanup.policy=compact")
    changed = pair.same("kafka-configs", "--describe", *of_topic, ordered=False)
    pair.same("kafka-configs", "--alter", *of_topic, "--delete-config", "cleanup.policy")
    everything = pair.same("kafka-configs", "--describe", *of_topic, "--all")
    refused = pair.run("kafka-configs", "--alter", *of_topic, "--add-config", "retention.ms=never")

    assert "cleanup.policy=compact" in changed
    assert "retention.ms=60000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=60000" in everything
    assert [said.code for said in refused] == [1, 1]
    assert error_classes(refused[0]) == error_classes(refused[1])
    assert "InvalidConfigurationException" in error_classes(refused[0])


@pytest.mark.parametrize("codec", CODECS)
def test_the_console_reads_back_what_it_wrote(pair, empty, codec):
    send(pair, empty, "--compression-codec", codec)

    text = read(pair, empty, "--max-messages", 20)

    assert text.splitlines()[19] == f"Partition:0\tOffset:19\tNO_HEADERS\tk19\tv19-{'x' * 60}"
    assert codec_on_disk(pair.ours, empty) == NUMBERS[codec]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_groups_are_described_reset_and_deleted(pair, filled, protocol):
    group = ["--group", f"{filled}-group"]
    reader = [*group, "--command-property", f"group.protocol={protocol}"]
    reset = ["--reset-offsets", "--topic", filled]
    read(pair, filled, "--max-messages", 20, *reader)

    state = pair.same("kafka-consumer-groups", "--describe", *group, "--state")
    offsets = pair.same("kafka-consumer-groups", "--describe", *group)
    pair.same("kafka-consumer-groups", "--describe", *group, "--members", "--verbose")
    planned = pair.same("kafka-consumer-groups", *group, *reset, "--to-earliest", "--dry-run")
    pair.same("kafka-consumer-groups", *group, *reset, "--to-offset", 5, "--execute")
    shifted = pair.same("kafka-consumer-groups", *group, *reset, "--shift-by", 2, "--execute")
    rest = read(pair, filled, "--max-messages", 13, *reader)
    pair.same("kafka-consumer-groups", *group, "--delete-offsets", "--topic", filled)
    pair.same("kafka-consumer-groups", *group, "--delete")
    gone = pair.same("kafka-consumer-groups", "--describe", *group)

    assert "Empty" in state
    assert offsets.split()[-6:] == ["20", "20", "0", "-", "-", "-"]
    assert planned.split()[-1] == "0"
    assert shifted.split()[-1] == "7"
    assert rest.startswith("Partition:0\tOffset:7\t")
    assert "GroupIdNotFoundException" in gone


def test_groups_of_every_type_are_listed(pair, filled):
    for protocol in ("classic", "consumer"):
        of_protocol = ["--group", f"{filled}-{protocol}", "--command-property", f"group.protocol={protocol}"]
        read(pair, filled, "--max-messages", 20, *of_protocol)
    share = f"{filled}-share"
    earliest = ["--add-config", "share.auto.offset.reset=earliest"]
    pair.same("kafka-configs", "--alter", "--entity-type", "groups", "--entity-name", share, *earliest)
    limits = ["--max-messages", len(ROWS), "--timeout-ms", 60_000]
    pair.same("kafka-console-share-consumer", "--topic", filled, "--group", share, *limits)

    def told(tool, *arguments):
        said = pair.run(tool, "--list", *arguments)
        return [sorted(line for line in one.out.splitlines() if line.startswith(f"{filled}-")) for one in said]

    everything = told("kafka-groups")
    shares = told("kafka-groups", "--share")
    typed = told("kafka-consumer-groups", "--type", "consumer,classic")
    states = told("kafka-consumer-groups", "--state")

    for ours, theirs in (everything, shares, typed, states):
        assert ours == theirs
    assert [line.split()[1:] for line in everything[0]] == [
        ["Classic", "consumer"],
        ["Consumer", "consumer"],
        ["Share", "share"],
    ]
    assert len(shares[0]) == 1
    assert [line.split()[1] for line in typed[0]] == ["Classic", "Consumer"]
    assert [line.split()[1] for line in states[0]] == ["Empty", "Empty"]


def test_a_group_of_the_new_protocol_is_described(pair, filled):
    """By members that are there; their ids, and how wide those are, are their own."""
    group = f"{filled}-group"
    consumers = [
        Consumer(
            {
                "bootstrap.servers": server.bootstrap_servers,
                "group.id": group,
                "client.id": "app",
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
            }
        )
        for server in (pair.ours, pair.theirs)
    ]
    for consumer in consumers:
        consumer.subscribe([filled])
        assert len(consumer.consume(20, 60)) == 20
        consumer.commit(asynchronous=False)

    def told(*options):
        said = pair.run("kafka-consumer-groups", "--describe", "--group", group, *options)
        return [re.sub(r"(?<!\S)[\w/+-]{22}(?!\S)", "MEMBER", one.out) for one in said]

    try:
        tables = [told(), told("--verbose"), told("--state"), told("--members", "--verbose")]
    finally:
        for consumer in consumers:
            consumer.close()
    tables.append(told("--state"))

    assert [ours for ours, _ in tables] == [theirs for _, theirs in tables]
    assert tables[0][0].split()[-6:] == ["20", "20", "0", "MEMBER", "/127.0.0.1", "app"]
    assert "uniform" in tables[2][0]
    assert "Empty" in tables[4][0]


def test_javas_consumer_reads_with_the_new_protocol(pair, filled):
    options = ["--max-messages", 20, "--command-property", "group.protocol=consumer"]

    assert len(read(pair, filled, *options, "--group", f"{filled}-group").splitlines()) == 20


def test_offsets_are_got_by_time_and_moved_by_deleting_records(pair, filled, tmp_path):
    wanted = {"partitions": [{"topic": filled, "partition": 0, "offset": 8}], "version": 1}
    plan = tmp_path / "delete.json"
    plan.write_text(json.dumps(wanted))

    latest = pair.same("kafka-get-offsets", "--topic", filled)
    by_time = pair.same("kafka-get-offsets", "--topic", filled, "--time", 1)
    highest = pair.same("kafka-get-offsets", "--topic", filled, "--time", -3)
    pair.same("kafka-delete-records", "--offset-json-file", plan)
    earliest = pair.same("kafka-get-offsets", "--topic", filled, "--time", -2)

    assert latest == f"{filled}:0:20"
    assert by_time == f"{filled}:0:0"
    assert highest == f"{filled}:0:19"
    assert earliest == f"{filled}:0:8"


def test_log_directories_tell_the_same_sizes(pair, filled):
    def sizes(said):
        (answer,) = (json.loads(line) for line in said.out.splitlines() if line.startswith("{"))
        (directory,) = answer["brokers"][0]["logDirs"]
        assert directory["error"] is None
        return directory["partitions"]

    ours, theirs = map(sizes, pair.run("kafka-log-dirs", "--describe", "--topic-list", filled))

    assert ours == theirs
    assert ours[0]["size"] > 20 * 60


def test_the_files_on_disk_are_read_by_kafkas_own_tool(pair, filled):
    segment = f"LOG_DIR/{filled}-0/00000000000000000000"
    options = ["--print-data-log", "--deep-iteration"]

    ours, theirs = pair.run("kafka-dump-log", "--files", f"{segment}.log", *options, files=True)
    indexes = ["--files", f"{segment}.index,{segment}.timeindex", "--index-sanity-check"]
    pair.run("kafka-dump-log", *indexes, files=True)

    records = [line for line in ours.out.splitlines() if line.startswith("|")]
    assert ours.code == 0
    assert len(records) == 20
    assert records == [line for line in theirs.out.splitlines() if line.startswith("|")]
    assert "isvalid: true" in ours.out


def test_the_commits_on_disk_are_read_by_kafkas_own_tool(pair, filled):
    group = f"{filled}-group"
    read(pair, filled, "--max-messages", 20, "--group", group)
    files = ",".join(f"LOG_DIR/__consumer_offsets-{n}/00000000000000000000.log" for n in range(4))

    said = pair.run("kafka-dump-log", "--files", files, "--offsets-decoder", files=True)

    ours, theirs = (
        [payload(line) for line in s.out.splitlines() if '"type":"1"' in line and group in line] for s in said
    )
    assert ours == theirs
    assert ours[-1]["offset"] == 20


def test_a_broker_says_what_it_is(pair):
    ours, theirs = (lines_of_versions(said.out) for said in pair.run("kafka-broker-api-versions"))
    cluster, _ = pair.run("kafka-cluster", "cluster-id")

    assert cluster.out == "Cluster ID: ID"
    # Never more than Apache Kafka serves, and no client of that version is left without a common one.
    for api, (low, high) in ours.items():
        assert theirs[api][0] == low, api
        assert high <= theirs[api][1], api


def error_classes(said):
    return re.findall(r"org\.apache\.kafka\.common\.(?:errors|config)\.(\w+)", said.error)


def payload(line):
    """The value of a record, less what no two servers have in common."""
    data = json.loads(line.partition(" payload: ")[2])["data"]
    return {name: value for name, value in data.items() if name not in {"topicId", "commitTimestamp"}}


def lines_of_versions(text):
    """{api: (lowest, highest)} of the lines that are served."""
    served = {}
    for line in text.splitlines():
        name, _, rest = line.strip().partition(": ")
        if rest and "[usable: " in rest:
            low, _, high = rest.partition(" [")[0].partition(" to ")
            served[name] = int(low), int(high or low)
    return served
