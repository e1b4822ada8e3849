"""The table of transactions, cell by cell: what is asked in each state, and what becomes of it."""

from dataclasses import replace

import pytest

from penstock.coordinate.transactions.coordinator import Transactions, markers_of
from penstock.coordinate.transactions.outcome import TransactionOutcome
from penstock.coordinate.transactions.records import record_of
from penstock.coordinate.transactions.settings import TransactionSettings
from penstock.coordinate.transactions.states import MAY_FOLLOW, TABLE, Event, Rule, State, as_markdown
from penstock.coordinate.transactions.transaction import Transaction
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

SETTINGS = TransactionSettings(transaction_state_log_num_partitions=1)
NOW_MS = 10_000_000
PLACES = (("orders", 0), ("orders", 2))
LIVE = [state for state in State if state not in (State.DEAD, State.PREPARE_EPOCH_FENCE)]
CELLS = [(event, state) for event in Event for state in LIVE]


def standing_in(state: State) -> Transaction:
    """Producer 7 in epoch 5, whose last word is half an hour old."""
    has_partitions = state is State.ONGOING or state.is_prepared
    return Transaction(
        "tx",
        7,
        60_000,
        NOW_MS - 1_800_000,
        state,
        previous_producer_id=7,
        epoch=5,
        partitions=PLACES if has_partitions else (),
        started_ms=-1 if state is State.EMPTY else NOW_MS - 1_800_000,
        client_version=2,
    )


def machine_with(transaction: Transaction, **settings: int) -> Transactions:
    fresh = iter(range(100, 200))
    machine = Transactions(replace(SETTINGS, **settings), lambda: next(fresh))
    machine.load_started(0)
    machine.replay(*record_of(transaction, 2))
    machine.loaded(0)
    return machine


def ask(machine: Transactions, event: Event, state: State) -> TransactionOutcome | KafkaError:
    ends = {
        Event.COMMIT_OLD: (5, True, 0),
        Event.ABORT_OLD: (5, False, 0),
        Event.COMMIT: (5, True, 2),
        Event.ABORT: (5, False, 2),
        Event.COMMIT_AGAIN: (4, True, 2),
        Event.ABORT_AGAIN: (4, False, 2),
    }
    if event in ends:
        return machine.end("tx", 7, *ends[event], NOW_MS)
    if event is Event.VERIFY:
        return machine.verify("tx", 7, 5, [("orders", 9)])["orders", 9]
    found = machine.get("tx")
    assert isinstance(found, Transaction)
    return {
        Event.INIT: lambda: machine.init_producer_id("tx", 1_000, None, NOW_MS),
        Event.ADD: lambda: machine.add_partitions("tx", 7, 5, [("orders", 1)], 2, NOW_MS),
        Event.TIME_UP: lambda: machine.abort_late("tx", NOW_MS),
        Event.MARKED: lambda: machine.marked(markers_of(found), NOW_MS),
        Event.SILENT: lambda: machine.expire("tx", NOW_MS),
    }[event]()


# What a rule leads to: the state after it, whether the epoch rises, and the error of its answer.
LEADS_TO = {
    Rule.GRANT: (State.EMPTY, True, KafkaError.NONE),
    Rule.BEGIN: (State.ONGOING, False, KafkaError.NONE),
    Rule.JOIN: (State.ONGOING, False, KafkaError.NONE),
    Rule.COMMIT: (State.PREPARE_COMMIT, True, KafkaError.NONE),
    Rule.ABORT: (State.PREPARE_ABORT, True, KafkaError.NONE),
    Rule.ABORT_NOTHING: (State.PREPARE_ABORT, True, KafkaError.NONE),
    Rule.FENCE: (State.PREPARE_ABORT, True, KafkaError.NONE),
    Rule.FORGET: (None, False, KafkaError.NONE),
}


@pytest.mark.parametrize(("event", "state"), CELLS, ids=lambda value: value.name)
def test_a_cell_does_what_it_says(event, state):
    machine = machine_with(standing_in(state), transactional_id_expiration_ms=1_000)
    before = machine.get("tx")
    cell = TABLE[event][state]

    asked = ask(machine, event, state)

    if not isinstance(asked, TransactionOutcome):
        assert asked == (KafkaError.TRANSACTION_ABORTABLE if cell is Rule.LOOK else cell)
        assert machine.get("tx") == before
        return
    answer = asked.settle(lambda _: 0).answer
    after = machine.get("tx")
    if isinstance(cell, KafkaError):
        assert answer.error == cell
    if isinstance(cell, KafkaError) or cell in (Rule.IGNORE, Rule.REPEAT):
        assert (asked.records, after) == ([], before)
        return
    wanted, rises, error = LEADS_TO.get(cell, (None, False, KafkaError.NONE))
    if cell is Rule.COMPLETE:
        wanted = State.COMPLETE_COMMIT if state is State.PREPARE_COMMIT else State.COMPLETE_ABORT
    if event is Event.INIT and cell is Rule.FENCE:
        error = KafkaError.CONCURRENT_TRANSACTIONS
    assert answer.error == error
    if wanted is None:
        assert after is KafkaError.TRANSACTIONAL_ID_NOT_FOUND
    else:
        raised = rises and event not in (Event.COMMIT_OLD, Event.ABORT_OLD)
        assert (after.state, after.epoch) == (wanted, 6 if raised else 5)
        assert state in MAY_FOLLOW[wanted]


@pytest.mark.parametrize(("event", "state"), CELLS, ids=lambda value: value.name)
def test_what_could_not_be_appended_did_not_happen(event, state):
    machine = machine_with(standing_in(state), transactional_id_expiration_ms=1_000)
    before = machine.get("tx")

    asked = ask(machine, event, state)

    if isinstance(asked, TransactionOutcome) and asked.records:
        settled = asked.settle(lambda _: Refused(KafkaError.KAFKA_STORAGE_ERROR, "the disk is full"))
        assert settled.answer.error == KafkaError.NOT_COORDINATOR
        assert settled.markers is None
    assert machine.get("tx") == before


@pytest.mark.parametrize("state", [State.DEAD, State.PREPARE_EPOCH_FENCE])
@pytest.mark.parametrize("event", Event)
def test_in_states_that_are_never_written_nothing_is_done(event, state):
    assert isinstance(TABLE[event][state], KafkaError)


def test_the_table_can_be_printed():
    lines = as_markdown().splitlines()

    assert len(lines) == 2 + len(Event)
    assert {line.count("|") for line in lines} == {2 + len(LIVE)}


def test_the_last_epoch_is_followed_by_a_new_producer_id():
    machine = machine_with(replace(standing_in(State.ONGOING), epoch=32_766))

    ended = machine.end("tx", 7, 32_766, True, 2, NOW_MS).settle(lambda _: 0)
    over = machine.marked(ended.markers, NOW_MS).settle(lambda _: 0)
    again = machine.end("tx", 7, 32_766, True, 2, NOW_MS)

    assert ended.answer == (KafkaError.NONE, 100, 0)
    assert (ended.markers.producer_id, ended.markers.epoch) == (7, 32_767)
    assert over.answer.error == KafkaError.NONE
    assert again.answer == ended.answer
    assert (machine.get("tx").producer_id, machine.get("tx").epoch) == (100, 0)


def test_a_producer_that_asks_again_gets_the_same_epoch():
    machine = machine_with(standing_in(State.EMPTY))

    first = machine.init_producer_id("tx", 1_000, (7, 5), NOW_MS).settle(lambda _: 0).answer
    again = machine.init_producer_id("tx", 1_000, (7, 5), NOW_MS).settle(lambda _: 0).answer
    other = machine.init_producer_id("tx", 1_000, None, NOW_MS).settle(lambda _: 0).answer
    late = machine.init_producer_id("tx", 1_000, (7, 5), NOW_MS).settle(lambda _: 0).answer

    assert first == again == (KafkaError.NONE, 7, 6)
    assert other.epoch == 7
    assert late.error == KafkaError.PRODUCER_FENCED


@pytest.mark.parametrize("named", [(7, 4), (7, 6), (8, 5)])
def test_a_producer_that_is_not_the_current_one_is_fenced(named):
    machine = machine_with(standing_in(State.COMPLETE_COMMIT))

    assert machine.init_producer_id("tx", 1_000, named, NOW_MS).answer.error == KafkaError.PRODUCER_FENCED


def test_with_an_older_feature_level_a_fence_raises_the_epoch_once_and_is_written_the_older_way():
    machine = machine_with(standing_in(State.ONGOING), transaction_version=0)

    fenced = machine.init_producer_id("tx", 1_000, None, NOW_MS)
    record_version = int.from_bytes(fenced.records[0][1][:2], "big")
    fenced.settle(lambda _: 0)
    machine.marked(fenced.markers, NOW_MS).settle(lambda _: 0)

    assert record_version == 0
    assert machine.get("tx").epoch == 6
    assert machine.init_producer_id("tx", 1_000, None, NOW_MS).answer.epoch == 7


def test_strangers_cannot_fill_the_memory():
    machine = machine_with(standing_in(State.EMPTY), transactional_ids_max=1, transactional_id_length_max=10)

    assert machine.init_producer_id("more", 1_000, None, NOW_MS).answer.error == KafkaError.POLICY_VIOLATION
    assert machine.init_producer_id("x" * 11, 1_000, None, NOW_MS).answer.error == KafkaError.INVALID_REQUEST


def test_a_partition_that_is_not_ours_or_not_read_yet_answers_for_nobody():
    machine = machine_with(standing_in(State.EMPTY))
    machine.load_started(0)
    loading = machine.init_producer_id("tx", 1_000, None, NOW_MS).answer.error
    machine.unload(0)

    assert loading == KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    assert machine.get("tx") is KafkaError.NOT_COORDINATOR
