"""Random scripts to Apache Kafka and to us: the same answers, but for what `differences` names."""

from __future__ import annotations

import os

import pytest

from penstock.protocol import messages as m
from tests.oracle.dice import TOPICS
from tests.oracle.differences import KNOWN, Known
from tests.oracle.families.all import FAMILIES, script_of
from tests.oracle.learning import _LESSONS
from tests.oracle.pair import started
from tests.oracle.plain import Symbols, differences, plain
from tests.oracle.runs import run_scripts
from tests.oracle.script import APIS, Script, Step, message_of
from tests.oracle.shrinking import shrink

SEED = int(os.environ.get("PENSTOCK_SEED", "20261"))
SCRIPTS = int(os.environ.get("PENSTOCK_ORACLE_SCRIPTS", "300"))


@pytest.fixture(scope="module")
def pair():
    with started() as made:
        yield made


@pytest.mark.apache
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_apache_kafka_and_we_answer_alike(pair):
    run = run_scripts(pair, [script_of(SEED, number) for number in range(SCRIPTS)])

    # Each with the first script that shows it; `python -m tests.oracle` shrinks it and keeps it for --replay.
    assert {signature: scripts[0].origin for signature, scripts in run.failures.items()} == {}
    assert run.scripts == SCRIPTS
    assert run.answers > 4 * SCRIPTS


def test_a_script_is_the_same_for_the_same_seed_and_survives_its_text():
    scripts = [script_of(7, number, family) for family in FAMILIES for number in range(20)]

    assert [Script.from_json(script.to_json()) for script in scripts] == scripts
    assert scripts == [script_of(7, number, family) for family in FAMILIES for number in range(20)]


def test_every_step_can_be_said_before_anything_was_learnt():
    scripts = [script_of(8, number) for number in range(300)]

    for step in (step for script in scripts for step in script.steps):
        assert type(message_of(step, {}, "o-")).__name__ == f"{step.api}Request"


def test_every_api_that_teaches_is_asked():
    asked = {step.api for number in range(600) for step in script_of(9, number).steps}

    assert asked >= _LESSONS.keys()
    assert len(asked) > 40


def test_a_failing_script_is_shrunk_to_what_makes_it_fail():
    steps = tuple(Step("Metadata", 12, {"topics": [{"name": f"~{number}"}]}) for number in range(12))

    small = shrink(Script(steps, TOPICS), lambda script: steps[7] in script.steps and steps[3] in script.steps)

    assert small.steps == (steps[3], steps[7])


def ids(*values: int) -> list[object]:
    symbols = Symbols()
    return [
        plain("InitProducerId", 4, m.InitProducerIdResponse(error_code=0, producer_id=value), symbols, "o-")
        for value in values
    ]


def test_ids_are_compared_by_the_order_in_which_they_were_met():
    assert ids(7, 8, 7) == ids(1_000, 3, 1_000)
    assert ids(7, 8, 7) != ids(1, 1, 1)


def test_a_difference_is_told_by_its_place():
    apache = plain("EndTxn", 3, m.EndTxnResponse(error_code=0), Symbols(), "o-")
    ours = plain("EndTxn", 3, m.EndTxnResponse(error_code=48), Symbols(), "o-")

    assert [tuple(one) for one in differences(apache, ours)] == [("error_code", 0, 48)]


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: one.name)
def test_a_documented_difference_names_apis_and_a_reason(known: Known):
    assert known.apis <= APIS.keys()
    assert known.reason.endswith(".")
