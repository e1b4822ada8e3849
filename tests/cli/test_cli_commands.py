"""The commands as a user types them, each in its own process, against a broker of Penstock."""

import json
import os
import subprocess
import sys

import pytest

MISSING = "127.0.0.1:1"


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


def test_what_was_done_is_told_beside_what_was_not(run, topic):
    run("topic", "create", topic)

    created = run("topic", "create", topic, topic + "-b", topic + "-c", "-o", "json")
    deleted = run("topic", "delete", topic + "-b", topic + "-none", topic + "-c")

    assert created.returncode == deleted.returncode == 1
    assert sorted(json.loads(created.stdout)["created"]) == [topic + "-b", topic + "-c"]
    assert f"topic {topic!r}: TOPIC_ALREADY_EXISTS" in created.stderr
    assert sorted(deleted.stdout.splitlines()) == [f"Deleted topic {topic}-b.", f"Deleted topic {topic}-c."]
    assert f"topic {topic + '-none'!r}: UNKNOWN_TOPIC_OR_PART" in deleted.stderr


def test_a_property_comes_before_what_the_command_would_set(run, topic):
    run("topic", "create", topic, "--partitions", "1")

    produced = run("produce", topic, "-X", "acks=1", "-X", "compression.type=nonsense", stdin="1\n")
    run("produce", topic, "-X", "acks=1", stdin="1\n2\n")
    consumed = run("consume", topic, "-X", "isolation.level=nonsense", "--from-beginning", "-e")
    measured = run("perf", "produce", topic, "-n", "10", "-X", "acks=nonsense")

    assert "nonsense" in produced.stderr
    assert "nonsense" in consumed.stderr
    assert "request.required.acks" in measured.stderr
    assert run("consume", topic, "--from-beginning", "-e").stdout == "1\n2\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (
            ["produce", "{topic}", "--json"],
            '{"value":"x","partition":"1"}',
            "partition is '1', expected a whole number",
        ),
        (["produce", "{topic}", "--json"], '{"value":"x","timestamp":-5}', "timestamp is -5, expected a whole number"),
        (["produce", "{topic}", "--json"], '{"value":"x","headers":[[1,"x"]]}', "a header's name is 1, expected text"),
        (["produce", "{topic}", "--json"], '{"value":"x","partition":9}', "_UNKNOWN_PARTITION"),
        (["produce", "{topic}", "/dev/null/x"], "", "/dev/null/x: no such file"),
        (["produce", "{topic}", "/"], "", "/: Is a directory"),
        (["consume", "{topic}", "--offset=9999999999999999999"], "", "beyond the last offset"),
        (["consume", "{topic}", "--offset=@99999999999999999999"], "", "outside of what a record can have"),
        (["consume", "{topic}", "--offset=@1969-12-31"], "", "outside of what a record can have"),
        (["consume", "{topic}", "--from-beginning", "--offset=3"], "", "give one of them"),
        (
            ["group", "reset-offsets", "g", "-t", "{topic}", "--by-duration=99999999999d"],
            "",
            "longer than there has been",
        ),
        (["topic", "list", "--command-config", "/"], "", "--command-config /: Is a directory"),
        (["topic", "list", "--command-config", sys.executable], "", "not text in UTF-8"),
    ],
)
def test_what_cannot_be_taken_is_told_in_one_line(run, topic, arguments, stdin, words):
    run("topic", "create", topic)

    done = run(*(argument.format(topic=topic) for argument in arguments), stdin=stdin)

    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("separator", "line"), [("é", "kév"), (r"\t", "k\tv"), (r"\x01", "k\x01v"), ("\\", "k\\v")])
def test_a_key_separator_may_be_any_text_or_escape(run, topic, separator, line):
    done = run("produce", topic, "-K", separator, stdin=line + "\n")

    assert done.returncode == 0, done.stderr
    assert run("consume", topic, "--from-beginning", "-e", "-f", r"%k|%s\n").stdout == "k|v\n"


def test_headers_that_are_no_text_survive_the_way_through_json(run, topic):
    first = {"value": "x", "headers_base64": [["a", "/w=="], ["b", None], ["c", "eA=="]]}
    run("produce", topic, "--json", stdin=json.dumps(first))

    lines = run("consume", topic, "--from-beginning", "-e", "-o", "json").stdout

    assert json.loads(lines)["headers_base64"] == first["headers_base64"]


def test_one_record_may_be_all_of_standard_input(run, topic):
    run("produce", topic, "--whole", stdin="two\nlines\n")

    assert json.loads(run("consume", topic, "--from-beginning", "-e", "-o", "json").stdout)["value"] == "two\nlines\n"


def test_a_reader_that_has_had_enough_is_no_error(run, topic, kafka):
    run("produce", topic, stdin="1\n2\n")
    command = [sys.executable, "-m", "penstock.cli.main", "topic", "list", "-b", kafka.bootstrap_servers]
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_an_overview_that_nobody_reads_to_its_end_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "penstock.cli.main", *arguments],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")
