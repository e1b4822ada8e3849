"""Every test of franz-go's client passes; none is left out without a reason, and none leaves itself out."""

from collections.abc import Iterable

import pytest

from .suite import RECORDS_IN_CHAOS, Result, listed, results

# Not run, and why; the list on the page of these suites (README.md) is this one.
LEFT_OUT = {
    "TestSCRAMAuth": "wants a SCRAM listener, which the session's broker does not have",
    "TestSCRAMAuthBadCredentials": "wants a SCRAM listener, which the session's broker does not have",
}
# Tests that leave themselves out, and why.
SKIPS = {"TestIssueProduceBrokerTooOldFailsRecords": "wants a broker that is too old for message format 2"}
# What a broker that did not advertise transactions, KIP-848 or share groups would lose in silence: these tests, and
# so many parts of them.
PARTS = {
    "TestGroupSimple": 2,
    "TestGroupETL": 6,
    "TestTxnEtl": 6,
    "TestShareGroup": 0,
    "TestShareGroupETL": 0,
    "Test848RegexBrokerResolves": 0,
    "TestAddRemovePartitions": 0,
    "TestIssue337": 0,
    "TestPauseIssue489": 0,
    "TestIssue523": 2,
    "TestPauseIssueOct2023": 0,
}
# Of these alone the client's connections break, where chaos is asked for.
CHAOS = ["TestGroupETL", "TestShareGroupETL"]


@pytest.fixture(scope="module")
def ran(broker) -> dict[str, Result]:
    return results(broker.bootstrap_servers, skip=LEFT_OUT)


def failures(ran: dict[str, Result]) -> str:
    failed = {name: result for name, result in ran.items() if result.outcome == "fail"}
    return "\n\n".join(f"{name} ({r.seconds} s)\n{r.output}" for name, r in failed.items())


def parts(ran: dict[str, Result], names: Iterable[str]) -> dict[str, int]:
    """How many parts each test had; -1 for one that was not run."""
    return {name: sum(part.startswith(f"{name}/") for part in ran) if name in ran else -1 for name in names}


@pytest.mark.slow
def test_every_test_of_franz_go_passes(ran, record_property):
    for outcome in ("pass", "skip", "fail"):
        record_property(outcome, sum(result.outcome == outcome for result in ran.values()))

    assert not failures(ran), failures(ran)


@pytest.mark.slow
def test_no_test_of_franz_go_is_missing(ran):
    skipped = {name for name, result in ran.items() if result.outcome == "skip"}

    assert {name for name in ran if "/" not in name} == set(listed()) - LEFT_OUT.keys()
    assert skipped == SKIPS.keys()
    assert parts(ran, PARTS) == PARTS


@pytest.mark.slow
def test_groups_of_franz_go_survive_connections_that_break(broker):
    ran = results(broker.bootstrap_servers, only=CHAOS, records=RECORDS_IN_CHAOS, chaos=True)

    assert not failures(ran), failures(ran)
    assert parts(ran, CHAOS) == {name: PARTS[name] for name in CHAOS}
