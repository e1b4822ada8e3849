"""The commands as a user types them, each in its own process, against a broker of Penstock."""

import json
import os
import subprocess
import sys
import uuid

import pytest

MISSING = "127.0.0.1:1"


@pytest.fixture
def run(kafka):
    """Runs one command; gives the finished process, text decoded."""

    def run(
        *arguments: str, stdin: str = "", address: str = kafka.bootstrap_servers
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "penstock.cli.main", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"PENSTOCK_BOOTSTRAP_SERVER": address},
        )

    return run


@pytest.fixture
def topic():
    return f"cli-{uuid.uuid4().hex[:8]}"


def test_a_topic_lives_from_create_to_delete(run, topic):
    created = run("topic", "create", topic, "--partitions", "2", "--config", "retention.ms=60000")
    altered = run("topic", "alter", topic, "--partitions", "3", "--config", "segment.bytes=2000000")
    described = json.loads(run("topic", "describe", topic, "--output", "json").stdout)
    listed = json.loads(run("topic", "list", "--output", "json").stdout)
    deleted = run("topic", "delete", topic)
    gone = run("topic", "describe", topic)

    assert created.stdout == f"Created topic {topic}.\n"
    assert altered.returncode == 0, altered.stderr
    assert [p["partition"] for p in described[0]["partitions"]] == [0, 1, 2]
    assert described[0]["configs"] == {"retention.ms": "60000", "segment.bytes": "2000000"}
    assert {"name": topic, "partitions": 3, "replication_factor": 1} in listed
    assert deleted.stdout == f"Deleted topic {topic}.\n"
    assert gone.returncode == 1
    assert "does not exist" in gone.stderr


def test_a_second_create_is_an_error_unless_it_is_expected(run, topic):
    run("topic", "create", topic)

    again = run("topic", "create", topic)
    tolerated = run("topic", "create", topic, "--if-not-exists")

    assert again.returncode == 1
    assert "TOPIC_ALREADY_EXISTS" in again.stderr
    assert tolerated.returncode == 0


def test_an_unknown_topic_setting_is_refused_by_name(run, topic):
    refused = run("topic", "create", topic, "--config", "retention.msec=1")

    assert refused.returncode == 1
    assert "retention.msec" in refused.stderr


def test_what_is_produced_is_consumed_with_keys_headers_and_tombstones(run, topic):
    run("topic", "create", topic, "--partitions", "1")

    produced = run("produce", topic, "-K", ":", "-H", "from=test", "--null-value", "-", stdin="a:1\nb:2\na:-\n")
    consumed = run("consume", topic, "--from-beginning", "-e", "-f", r"%p %o %k=%s %h %S\n")

    assert produced.stdout == f"Produced 3 records to {topic}.\n", produced.stderr
    assert consumed.stdout == "0 0 a=1 from=test 1\n0 1 b=2 from=test 1\n0 2 a= from=test -1\n"


def test_json_out_of_one_topic_goes_into_another(run, topic):
    copy = topic + "-copy"
    run(
        "produce",
        topic,
        "--json",
        stdin='{"key":"k","value":{"n":1},"timestamp":1700000000000}\n{"value_base64":"/w=="}\n',
    )

    lines = run("consume", topic, "--from-beginning", "-e", "-o", "json").stdout
    run("produce", copy, "--json", stdin=lines)
    copied = [
        json.loads(line)
        for line in run("consume", copy, "--offset", "beginning", "-e", "-o", "json").stdout.splitlines()
    ]

    assert copied == [{**json.loads(line), "topic": copy} for line in lines.splitlines()]
    assert sorted(r.get("value") or r["value_base64"] for r in copied) == ["/w==", '{"n":1}']


@pytest.mark.parametrize(
    ("offset", "expected"), [("beginning", "1 2 3 4 5"), ("3", "4 5"), ("-2", "4 5"), ("@0", "1 2 3 4 5"), ("end", "")]
)
def test_reading_starts_where_it_is_told(run, topic, offset, expected):
    run("topic", "create", topic, "--partitions", "1")
    run("produce", topic, stdin="1\n2\n3\n4\n5\n")

    found = run("consume", topic, f"--offset={offset}", "-e")

    assert found.stdout.split() == expected.split(), found.stderr


def test_a_group_is_described_with_lag_reset_and_deleted(run, topic):
    group = f"g-{topic}"
    run("topic", "create", topic, "--partitions", "1")
    run("produce", topic, stdin="1\n2\n3\n")
    run("consume", topic, "-g", group, "--from-beginning", "-e")
    run("produce", topic, stdin="4\n")

    before = json.loads(run("group", "describe", group, "-o", "json").stdout)
    dry = json.loads(
        run("group", "reset-offsets", group, "-t", topic, "--shift-by", "-2", "--dry-run", "-o", "json").stdout
    )
    reset = run("group", "reset-offsets", group, "-t", f"{topic}:0", "--to-earliest")
    after = json.loads(run("group", "describe", group, "-o", "json").stdout)
    deleted = run("group", "delete", group)
    gone = run("group", "describe", group)

    assert [(r["committed"], r["end"], r["lag"]) for r in before] == [(3, 4, 1)]
    assert [(r["before"], r["after"]) for r in dry] == [(3, 1)]
    assert reset.returncode == 0, reset.stderr
    assert [(r["committed"], r["lag"]) for r in after] == [(0, 4)]
    assert deleted.returncode == 0, deleted.stderr
    assert gone.returncode == 1


def test_perf_reports_rates_and_percentiles(run, topic):
    run("topic", "create", topic, "--partitions", "1")

    produced = json.loads(run("perf", "produce", topic, "-n", "2000", "--record-size", "100", "-o", "json").stdout)
    consumed = json.loads(run("perf", "consume", topic, "-o", "json").stdout)

    assert produced[0]["records"] == consumed[0]["records"] == 2000
    assert produced[0]["p50_ms"] <= produced[0]["p99_ms"] <= produced[0]["max_ms"]


def test_the_market_demo_verifies_itself(run):
    done = run("demo", "market", "--speed", "0", "-o", "json")

    checks = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [check["result"] for check in checks] == ["ok"] * 4


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["topic", "list"], "no Kafka answers at 127.0.0.1:1"),
        (["produce", "t"], "no Kafka answers at 127.0.0.1:1"),
        (["consume", "t", "-e"], "no Kafka answers at 127.0.0.1:1"),
    ],
)
def test_an_address_where_nobody_listens_is_named(run, arguments, expected):
    done = run(*arguments, address=MISSING)

    assert done.returncode == 1
    assert expected in done.stderr


@pytest.mark.parametrize("arguments", [["topic", "create"], ["topics"], ["consume", "--nonsense"]])
def test_wrong_usage_is_status_2(run, arguments):
    assert run(*arguments).returncode == 2
