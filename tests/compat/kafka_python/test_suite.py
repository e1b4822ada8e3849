"""Every integration test of kafka-python passes whose APIs the broker serves."""

import warnings

import pytest

from penstock.protocol.apis import ApiKey

from .suite import Ran, suite

# What comes later, by the API that it needs; what is listed here and served must pass.
NEEDS = {
    ApiKey.CREATE_ACLS: ["test_create_describe_delete_acls"],
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: ["test_alter_partition_reassignments"],
    ApiKey.LIST_PARTITION_REASSIGNMENTS: ["test_list_partition_reassignments"],
    ApiKey.ELECT_LEADERS: ["test_elect_leaders"],
    ApiKey.ALTER_REPLICA_LOG_DIRS: ["test_alter_replica_log_dirs"],
    ApiKey.DESCRIBE_QUORUM: ["test_describe_metadata_quorum"],
}
# For brokers older than 0.10.1.
SKIPS = {"test_kafka_consumer_offsets_for_time_old"}
# Must be there and pass: a broker without transactions must not lose them in silence.
TRANSACTIONS = {"test_transactional_producer_messages", "test_transactional_producer_offsets"}
# On Apache Kafka 4.3.1 with kafka-python 3.0.12.
COUNT = 56
# Tests that may need a second try, each counted as often as it was run again. On an idle machine none does; more than
# a handful is no busy machine but a broker that answers late, or only now and then.
AGAIN_MAX = 4


@pytest.fixture(scope="module")
def ran(broker, tmp_path_factory) -> Ran:
    return suite(broker, tmp_path_factory.mktemp("kafka-python") / "report.xml")


@pytest.mark.slow
def test_every_integration_test_of_kafka_python_passes(ran, broker):
    served = broker.served()
    later = {name for api, names in NEEDS.items() if api not in served for name in names}

    failed = {name: said for name, (outcome, said) in ran.results.items() if outcome == "fail" and name not in later}

    assert not failed, "\n\n".join(f"{name}\n{said}" for name, said in failed.items())


@pytest.mark.slow
def test_no_integration_test_of_kafka_python_is_missing(ran):
    assert len(ran.results) == COUNT
    assert {name for name, result in ran.results.items() if result.outcome == "skip"} == SKIPS
    assert {name for name in TRANSACTIONS if ran.results[name].outcome == "pass"} == TRANSACTIONS


@pytest.mark.slow
def test_few_integration_tests_of_kafka_python_are_run_again(ran, broker):
    served = broker.served()
    later = {name for api, names in NEEDS.items() if api not in served for name in names}

    again = [name for name in ran.again if name not in later]

    if again:
        warnings.warn(f"run again: {', '.join(again)}", stacklevel=1)
    assert len(again) <= AGAIN_MAX, again
