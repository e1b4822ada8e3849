"""Every test of franz-go's client passes whose APIs the broker serves."""

import pytest

from penstock.protocol.apis import ApiKey

from .suite import Result, listed, results

# What comes later: tests that need an API, left out until the broker tells that it serves it.
NEEDS = {
    ApiKey.END_TXN: ["TestTxnEtl"],
    ApiKey.SHARE_FETCH: [
        "TestShareGroup",
        "TestShareGroupAckOnClose",
        "TestShareGroupETL",
        "TestShareGroupOffsetsAdmin",
        "TestConsumeRegexShareSkipsInternal",
    ],
    ApiKey.CONSUMER_GROUP_HEARTBEAT: ["Test848RegexBrokerResolves"],
    # The suite takes SCRAM listeners by further settings.
    None: ["TestSCRAMAuth", "TestSCRAMAuthBadCredentials"],
}
# Skips itself on every broker of today: it wants one that is too old for message format 2.
SKIPS = {"TestIssueProduceBrokerTooOldFailsRecords"}
# Parts of other tests that run groups by KIP-848; franz-go leaves them out by itself, by the same rule.
PARTS_OF_848 = "/848"


@pytest.fixture(scope="module")
def left_out(broker) -> list[str]:
    served = broker.served()
    return [name for api, names in NEEDS.items() if api not in served for name in names]


@pytest.fixture(scope="module")
def ran(broker, left_out) -> dict[str, Result]:
    return results(broker.bootstrap_servers, left_out)


@pytest.mark.slow
def test_every_test_of_franz_go_passes(ran, record_property):
    for outcome in ("pass", "skip", "fail"):
        record_property(outcome, sum(result.outcome == outcome for result in ran.values()))
    failed = {name: result for name, result in ran.items() if result.outcome == "fail"}

    assert not failed, "\n\n".join(f"{name} ({r.seconds} s)\n{r.output}" for name, r in failed.items())


@pytest.mark.slow
def test_no_test_of_franz_go_is_missing(ran, left_out, broker):
    expected = set(listed()) - set(left_out)

    skipped = {name for name, result in ran.items() if result.outcome == "skip"}
    if ApiKey.CONSUMER_GROUP_HEARTBEAT not in broker.served():
        skipped = {name for name in skipped if PARTS_OF_848 not in name}

    assert {name for name in ran if "/" not in name} == expected
    assert skipped <= SKIPS
