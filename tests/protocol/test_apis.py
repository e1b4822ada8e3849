"""The table of APIs against Kafka's JSON, and what of it Kafka 4.3.1 advertises."""

from __future__ import annotations

import pytest

from penstock.protocol import messages
from penstock.protocol.apis import API, ApiKey

from .kafka_json import definitions, versions

# What Apache Kafka 4.3.1 lists in its ApiVersions response, for APIs that are odd in one way or another.
ADVERTISED = {
    ApiKey.PRODUCE: (0, 13),
    ApiKey.FETCH: (4, 18),
    ApiKey.METADATA: (0, 13),
    ApiKey.OFFSET_COMMIT: (2, 10),
    ApiKey.INIT_PRODUCER_ID: (0, 5),
    ApiKey.SHARE_FETCH: (1, 2),
    ApiKey.OFFSET_DELETE: (0, 0),
}


def test_the_table_holds_every_request_of_kafka():
    requests = {d["apiKey"]: d for d in definitions().values() if d["type"] == "request"}

    assert set(API) == set(requests) == set(ApiKey)
    for key, definition in requests.items():
        valid = versions(definition["validVersions"])
        assert (API[key].min_version, API[key].max_version) == (min(valid), max(valid))
        assert API[key].name == definition["name"].removesuffix("Request")
        assert API[key].is_unstable == definition.get("latestVersionUnstable", False)


@pytest.mark.parametrize("api", API.values(), ids=lambda api: api.name)
def test_an_api_knows_its_two_messages(api):
    assert api.request is getattr(messages, api.request_name)
    assert api.response is getattr(messages, api.response_name)
    assert api.request.DEFINITION.versions == api.response.DEFINITION.versions
    assert api.request.DEFINITION.flexible == api.response.DEFINITION.flexible
    assert api.key.name.replace("_", "").lower() == api.name.lower()


@pytest.mark.parametrize(("key", "range_"), ADVERTISED.items(), ids=lambda value: getattr(value, "name", ""))
def test_versions_are_advertised_as_kafka_does(key, range_):
    assert (API[key].advertised_min_version, API[key].stable_version) == range_


@pytest.mark.parametrize(
    ("key", "version", "request_header", "response_header"),
    [
        (ApiKey.PRODUCE, 8, 1, 0),
        (ApiKey.PRODUCE, 9, 2, 1),
        (ApiKey.API_VERSIONS, 2, 1, 0),
        (ApiKey.API_VERSIONS, 3, 2, 0),
        (ApiKey.SASL_HANDSHAKE, 1, 1, 0),
        (ApiKey.SASL_HANDSHAKE, 99, 1, 0),
        (ApiKey.VOTE, 0, 2, 1),
        (ApiKey.PRODUCE, -1, 1, 0),
    ],
)
def test_headers_have_the_version_that_fits_the_message(key, version, request_header, response_header):
    assert API[key].request_header_version(version) == request_header
    assert API[key].response_header_version(version) == response_header
