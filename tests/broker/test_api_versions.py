"""ApiVersions and the table behind it."""

from pathlib import Path

import pytest

from penstock.broker.apis.table import SERVED, served_markdown
from penstock.protocol import messages
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker

ROOT = Path(__file__).resolve().parents[2]
ApiVersions = messages.ApiVersionsRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    return InMemoryBroker()


@pytest.mark.parametrize("version", range(5))
def test_the_answer_is_the_table(broker, version):
    response = broker.request(ApiVersions(client_software_name="test", client_software_version="1.0"), version)

    told = {entry.api_key: (entry.min_version, entry.max_version) for entry in response.api_keys}
    assert response.error_code == 0
    assert told == {int(key): (served.advertised_min, served.max) for key, served in SERVED.items()}
    assert list(told) == sorted(told)


FEATURES = [("transaction.version", 0, 2), ("group.version", 0, 1), ("share.version", 0, 1), ("streams.version", 0, 1)]


@pytest.mark.parametrize(("version", "supported"), [(3, []), (4, FEATURES)])
def test_a_feature_is_told_for_what_is_served_and_no_other(broker, version, supported):
    response = broker.request(ApiVersions(client_software_name="test", client_software_version="1"), version)

    # Levels that begin at 0 are told from version 4 on.
    assert [(f.name, f.min_version, f.max_version) for f in response.supported_features] == supported
    assert [(f.name, 0, f.max_version_level) for f in response.finalized_features] == FEATURES
    assert response.finalized_features_epoch >= 0


@pytest.mark.parametrize(("name", "low", "high"), FEATURES)
def test_a_cluster_that_was_set_up_before_a_feature_gets_it_with_the_next_start(broker, name, low, high):
    broker.broker.controller.commit(broker.broker.controller.metadata.set_features({name: low}), 0)
    assert name not in broker.broker.controller.metadata.features

    broker.restart()

    assert broker.broker.controller.metadata.features[name] == high


def test_produce_is_told_from_version_0_on_for_old_clients_and_served_from_3_on():
    assert SERVED[ApiKey.PRODUCE].advertised_min == 0
    assert SERVED[ApiKey.PRODUCE].min == 3


@pytest.mark.parametrize("key", SERVED, ids=lambda key: key.name)
def test_no_version_is_served_that_kafka_does_not_have(key):
    api, served = API[key], SERVED[key]

    assert api.min_version <= served.min <= served.max <= api.max_version


def test_the_client_is_known_by_its_software_from_version_3_on(broker):
    broker.request(ApiVersions(client_software_name="librdkafka", client_software_version="2.8.0"), 3)

    assert (broker.session.software_name, broker.session.software_version) == ("librdkafka", "2.8.0")


@pytest.mark.parametrize(("name", "version"), [("", "1"), ("a", ""), ("-a", "1"), ("a b", "1"), ("a", "1\n")])
def test_software_that_is_not_a_name_is_an_invalid_request(broker, name, version):
    request = ApiVersions(client_software_name=name, client_software_version=version)

    response = broker.request(request, 3)

    assert response.error_code == KafkaError.INVALID_REQUEST
    assert response.api_keys == []


def test_the_documentation_tells_what_the_table_says():
    assert (ROOT / "docs" / "served.md").read_text(encoding="utf-8") == served_markdown()
