"""`penstock.testing`: a Kafka for tests, in a thread or a process, in memory or on disk."""

import sys

import pytest
from confluent_kafka import Consumer, Producer

from penstock.testing import embedded
from penstock.testing.embedded import kafka as new_kafka

pytest_plugins = ["pytester"]

KINDS = {"thread": {}, "disk": {"in_memory": False}, "process": {"as_process": True}}


def write(address, topic, values):
    producer = Producer({"bootstrap.servers": address})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def read(address, topic, count):
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"of-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values = []
    while len(values) < count:
        message = consumer.poll(30)
        assert message is not None, f"{len(values)} of {count} records came"
        assert message.error() is None, message.error()
        values.append(message.value())
    consumer.close()
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_records_go_in_and_come_out(kind):
    values = [b"record %d" % number for number in range(100)]
    with new_kafka(**KINDS[kind]) as running:
        topic = running.topic()

        write(running.bootstrap_servers, topic, values)

        assert read(running.bootstrap_servers, topic, 100) == values


@pytest.mark.parametrize("as_process", [False, True])
def test_a_directory_keeps_the_data(tmp_path, as_process):
    with new_kafka(data_dir=tmp_path, as_process=as_process) as running:
        topic = running.topic()
        write(running.bootstrap_servers, topic, [b"kept"])

    with new_kafka(data_dir=tmp_path, as_process=not as_process) as running:
        assert read(running.bootstrap_servers, topic, 1) == [b"kept"]


def test_topics_are_fresh_or_named():
    with new_kafka() as running:
        names = {running.topic(partitions=3) for _ in range(5)}

        assert len(names) == 5
        assert running.topic(name="mine", configs={"retention.ms": "1000"}) == "mine"
        with pytest.raises(ValueError, match="'mine' was not created: TOPIC_ALREADY_EXISTS"):
            running.topic(name="mine")


def test_several_run_side_by_side():
    with new_kafka() as one, new_kafka() as two:
        assert one.port != two.port
        assert (one.topic(name="same"), two.topic(name="same")) == ("same", "same")


def test_settings_reach_the_broker_and_wrong_ones_are_refused():
    with new_kafka(configs={"auto.create.topics.enable": "false"}) as running:
        assert running.host == "127.0.0.1"
    with pytest.raises(ValueError, match=r"there is no setting 'no\.such'"), new_kafka(configs={"no.such": "1"}):
        pass
    with (
        pytest.raises(RuntimeError, match=r"did not start:\n.*no\.such"),
        new_kafka(configs={"no.such": "1"}, as_process=True),
    ):
        pass


def test_the_fixture_is_one_broker_for_the_session(kafka, request):
    topic = kafka.topic()

    write(kafka.bootstrap_servers, topic, [b"a", b"b"])

    assert read(kafka.bootstrap_servers, topic, 2) == [b"a", b"b"]
    assert request.getfixturevalue("kafka") is kafka


def test_the_function_fixture_is_another_broker(kafka, kafka_function):
    assert kafka_function.port != kafka.port


def test_a_project_chooses_scope_and_settings(pytester):
    pytester.makeini("[pytest]\npenstock_scope = function\npenstock_configs =\n    num.partitions=7\n")
    pytester.makepyfile(
        """
        seen = []

        def test_one(kafka):
            seen.append(kafka.port)

        def test_two(kafka):
            seen.append(kafka.port)
            assert len(set(seen)) == 2
        """
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("penstock_scope = galaxy", "*penstock_scope = 'galaxy': expected one of session, *"),
        ("penstock_configs = num.partitions", "*penstock_configs has the line 'num.partitions': expected NAME=VALUE*"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(pytester, line, told):
    pytester.makeini(f"[pytest]\n{line}\n")
    pytester.makepyfile("def test_one(kafka): pass")

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    result.stdout.fnmatch_lines_random([told])


def test_the_plugin_costs_a_run_without_kafka_nothing(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_imported():
            assert not {name for name in sys.modules if name.startswith("penstock.") and "testing" not in name}
        """
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert "penstock.testing.pytest_plugin" in sys.modules


def test_a_process_that_never_gets_ready_is_given_up(tmp_path, monkeypatch):
    idle = tmp_path / "idle"
    idle.write_text("#!/bin/sh\nexec sleep 600\n")
    idle.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(idle))
    monkeypatch.setattr(embedded, "START_TIMEOUT_S", 0.1)

    with pytest.raises(RuntimeError, match="did not start"), new_kafka(as_process=True):
        pass
