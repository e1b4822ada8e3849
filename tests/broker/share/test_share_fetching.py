"""ShareFetch and ShareAcknowledge through a broker: who gets what, how long, and what outlives a start."""

import pytest
from tests.broker.calls import batch, create, produce
from tests.broker.share.calls import (
    ACCEPT,
    ANN,
    BOB,
    REJECT,
    RELEASE,
    RENEW,
    Member,
    acquired_of,
    batches_of,
    configure,
    described_offsets,
    fetch_request,
    heartbeat,
    records,
)

from penstock.broker.apis.share_fetch import SharePoll
from penstock.broker.session import Session
from penstock.coordinate.share.partition import SharePartition
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.records.batch import read_header
from penstock.records.control import ControlType, Marker, build_marker
from penstock.testing.broker_in_memory import InMemoryBroker

LOCK_MS = 30_000


class World:
    """A broker, a topic, a share group that reads it from its beginning, and members on connections of their own."""

    def __init__(self, *, durable: bool = False, partitions: int = 1, **configs: str) -> None:
        settings = {"share.coordinator.state.topic.num.partitions": "2", "offsets.topic.num.partitions": "2"}
        self.broker = InMemoryBroker(settings | {k.replace("_", "."): v for k, v in configs.items()}, durable=durable)
        self.topic_id = create(self.broker, partitions=partitions)
        configure(self.broker.request, "group", auto_offset_reset="earliest")
        self.joined: list[str] = []

    def member(self, name: str = ANN, session: Session | None = None) -> Member:
        session = session or Session()
        answer = heartbeat(self.broker.request, "group", name, 0, ["orders"])
        assert answer.error_code == 0, answer
        return Member(
            lambda message, version: self.broker.request(message, version, session), "group", name, self.topic_id
        )

    def offsets(self) -> tuple[int, int]:
        return described_offsets(self.broker.request, "group")["orders", 0]


@pytest.fixture
def world() -> World:
    world = World()
    for _ in range(3):
        produce(world.broker, records())
    return world


def test_what_one_holds_another_does_not_get(world):
    ann, bob = world.member(ANN), world.member(BOB)

    assert ann.take(max_records=5) == [(0, 9, 1)]
    assert bob.take(max_records=15) == [(10, 29, 1)]
    assert ann.take() == bob.take() == []


def test_what_is_accepted_is_done_and_what_is_released_comes_again(world):
    ann = world.member()
    ann.take(max_records=1)

    assert ann.say((0, 0, 9, [ACCEPT, ACCEPT, RELEASE, REJECT, RELEASE, *[ACCEPT] * 5])) == [0]

    assert ann.take(max_records=1) == [(2, 2, 2), (4, 4, 2)]
    assert ann.say((0, 2, 2, [ACCEPT]), (0, 4, 4, [ACCEPT])) == [0]
    assert ann.take(max_records=1) == [(10, 19, 1)]


def test_batches_are_sent_whole_and_only_those_with_acquired_records(world):
    response = world.member().fetch(max_records=12, share_acquire_mode=1)

    (part,) = response.responses[0].partitions
    assert batches_of(part) == [(0, 9), (10, 19)]
    assert acquired_of(part) == [(0, 11, 1)]
    assert response.acquisition_lock_timeout_ms == LOCK_MS


def test_acknowledgements_ride_on_a_fetch(world):
    ann = world.member()
    ann.take(max_records=1)

    assert ann.take((0, 0, 9, [ACCEPT]), max_records=1) == [(10, 19, 1)]
    assert world.member(BOB).take() == [(20, 29, 1)]


def test_a_lock_ends_with_its_time_and_the_record_goes_to_whoever_waits(world):
    ann, bob = world.member(ANN), world.member(BOB)
    ann.take()
    since_ms = world.broker.clock.now_ms()

    assert bob.take(max_wait_ms=10 * LOCK_MS) == [(0, 29, 2)]
    assert world.broker.clock.now_ms() - since_ms == LOCK_MS
    assert ann.say((0, 0, 9, [ACCEPT])) == [KafkaError.INVALID_RECORD_STATE]


def test_a_renewed_lock_lasts_as_long_again(world):
    ann, bob = world.member(ANN), world.member(BOB)
    ann.take(max_records=1)
    world.broker.advance(LOCK_MS - 1)

    assert ann.say((0, 0, 4, [RENEW]), is_renew_ack=True) == [0]

    world.broker.advance(1)
    assert bob.take(max_records=1) == [(5, 9, 2)]
    world.broker.advance(LOCK_MS - 1)
    assert bob.take(max_records=1) == [(0, 4, 2)]


def test_renewal_can_be_forbidden(world):
    configure(world.broker.request, "group", renew_acknowledge_enable="false")
    ann = world.member()
    ann.take(max_records=1)

    assert ann.say((0, 0, 4, [RENEW]), is_renew_ack=True) == [KafkaError.INVALID_RECORD_STATE]


def test_a_waiting_fetch_gets_what_is_produced_and_what_is_given_back(world):
    ann, bob = world.member(ANN), world.member(BOB)
    ann.take()
    bob.take()
    waits = [world.broker.send(fetch_request("group", BOB, 1, world.topic_id, max_wait_ms=5_000), 2, Session())]
    ann.say((0, 3, 3, [RELEASE]))
    waits.append(world.broker.send(fetch_request("group", BOB, 2, world.topic_id, max_wait_ms=5_000), 2, Session()))
    before = waits[1].over
    produce(world.broker, records(2))

    taken = [acquired_of(wait.answer.responses[0].partitions[0]) for wait in waits]

    assert not before
    assert taken == [[(3, 3, 2)], [(30, 31, 1)]]


def test_nothing_is_acquired_for_a_request_that_its_member_gave_up(world):
    ann, bob = world.member(ANN), world.member(BOB)
    ann.take()
    bob.take()
    waiting = world.broker.send(fetch_request("group", BOB, 1, world.topic_id, max_wait_ms=5_000), 2, Session())
    bob.epoch = 2
    assert bob.take() == []

    ann.say((0, 0, 29, [RELEASE]))

    assert waiting.answer.error_code == KafkaError.INVALID_SHARE_SESSION_EPOCH
    assert bob.take() == [(0, 29, 2)]


def test_after_so_many_deliveries_a_record_is_given_up(world):
    configure(world.broker.request, "group", delivery_count_limit="2")
    ann = world.member()

    for deliveries in (1, 2):
        assert ann.take(max_records=1) == [(0, 9, deliveries)]
        ann.say((0, 0, 9, [RELEASE]))

    assert ann.take(max_records=1) == [(10, 19, 1)]


def test_records_that_fail_again_and_again_go_out_in_ever_smaller_parts_and_at_last_alone(world):
    ann = world.member()
    taken = []
    for _ in range(5):
        pieces = ann.take(max_records=1)
        taken.append(pieces)
        ann.say(*[(0, first, last, [RELEASE]) for first, last, _ in pieces])

    assert taken == [[(0, 9, 1)], [(0, 9, 2)], [(0, 9, 3)], [(0, 4, 4)], [(0, 0, 5)]]


def test_so_many_records_may_be_out_at_once():
    world = World()
    configure(world.broker.request, "group", partition_max_record_locks="100")
    for _ in range(30):
        produce(world.broker, records())
    ann = world.member()

    assert ann.take(max_records=1_000) == [(0, 99, 1)]
    assert ann.take() == []
    assert ann.take((0, 50, 59, [RELEASE])) == [(50, 59, 2)]
    assert ann.take((0, 0, 19, [ACCEPT])) == [(100, 119, 1)]


def test_a_closed_connection_and_a_closed_session_give_back_what_was_held(world):
    line = Session()
    world.member(ANN, line).take(max_records=1)
    bob = world.member(BOB)
    bob.take(max_records=1)

    world.broker.disconnect(line)
    bob.close()

    assert world.member("cy").take() == [(0, 9, 2), (10, 19, 2), (20, 29, 1)]


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("ending", ["restart", "crash"])
def test_what_was_acknowledged_stays_so_and_what_was_held_is_free_after_a_start(durable, ending):
    world = World(durable=durable)
    for _ in range(3):
        produce(world.broker, records(), acks=-1)
    ann = world.member()
    ann.take()
    ann.say((0, 3, 5, [ACCEPT]), (0, 8, 8, [REJECT]), (0, 9, 9, [RELEASE]))
    before = world.offsets()

    getattr(world.broker, ending)()

    assert world.offsets() == before == (0, 26)
    again = Member(world.broker.request, "group", ANN, world.topic_id)
    assert again.take() == [(0, 2, 1), (6, 7, 1), (9, 9, 2), (10, 29, 1)]


def test_an_acknowledgement_is_answered_when_it_is_on_disk():
    world = World(durable=True)
    produce(world.broker, records(), acks=-1)
    ann = world.member()
    ann.take()
    world.broker.is_syncing = False
    request = m.ShareAcknowledgeRequest
    said = request.AcknowledgePartition(0, [request.AcknowledgementBatch(0, 9, [ACCEPT])])
    message = request("group", ANN, 1, topics=[request.AcknowledgeTopic(world.topic_id, [said])])

    waiting = world.broker.send(message)
    before = waiting.over
    world.broker.is_syncing = True
    world.broker.settle()

    assert not before
    assert waiting.answer.responses[0].partitions[0].error_code == 0


def test_the_beginning_of_a_log_takes_what_was_available_with_it(world):
    ann = world.member()
    ann.take(max_records=1)
    request = m.DeleteRecordsRequest
    topic = request.DeleteRecordsTopic("orders", [request.DeleteRecordsPartition(0, 15)])

    world.broker.request(request(topics=[topic], timeout_ms=1_000))

    assert ann.take() == [(15, 29, 1)]
    assert ann.say((0, 0, 9, [ACCEPT])) == [0]


@pytest.mark.parametrize(("reset", "first"), [("earliest", 0), ("latest", 20), ("by_duration:PT1H", 10)])
def test_a_group_begins_where_its_config_says(reset, first):
    world = World()
    configure(world.broker.request, "group", auto_offset_reset=reset)
    produce(world.broker, records())
    world.broker.advance(7_200_000)
    produce(world.broker, batch(*[b"late"] * 10, timestamp_ms=world.broker.clock.now_ms()))
    ann = world.member()
    ann.take(max_records=0)
    taken = ann.take()
    produce(world.broker, records(5))

    assert [*taken, *ann.take()][0][0] == first


def test_read_committed_waits_for_open_transactions_and_passes_over_aborted_ones():
    world = World()
    configure(world.broker.request, "group", isolation_level="read_committed")
    log = world.broker.broker.topics.find("orders", 0)
    produce(world.broker, records(4))
    for producer in (7, 8):
        _append(world.broker, records(3, producer_id=producer, producer_epoch=0, base_sequence=0, transactional=True))
    ann = world.member()

    first = ann.take()
    for producer, end in ((7, ControlType.ABORT), (8, ControlType.COMMIT)):
        _append(world.broker, build_marker(Marker(end, 0), producer, 0, 1_700_000_000_000))
    rest = ann.take()

    assert first == [(0, 3, 1)]
    assert rest == [(7, 11, 1)]
    assert ann.take((0, 0, 3, [ACCEPT]), (0, 7, 11, [ACCEPT])) == []
    assert log.high_watermark == 12
    assert world.offsets()[1] == 0


def _append(broker: InMemoryBroker, data: bytes) -> None:
    buffer = bytearray(data)
    done = broker.broker.topics.find("orders", 0).append(memoryview(buffer), read_header(buffer), broker.clock.now_ms())
    assert done.base_offset >= 0


def test_sessions_have_their_number():
    world = World(group_share_max_share_sessions="1")
    first, second = world.member(ANN), world.member(BOB)
    first.take()

    refused = second.fetch()
    first.close()

    assert refused.error_code == KafkaError.SHARE_SESSION_LIMIT_REACHED
    assert second.take() == []


def test_a_partition_or_topic_that_is_not_there_says_so_each_time(world):
    ann = world.member()

    codes = [ann.fetch(partitions=partitions).responses[-1].partitions[-1].error_code for partitions in ((9,), ())]
    elsewhere = world.broker.request(fetch_request("group", BOB, 0, b"\7" * 16, (0,)), 2)

    assert codes == [KafkaError.UNKNOWN_TOPIC_OR_PARTITION] * 2
    assert elsewhere.responses[0].partitions[0].error_code == KafkaError.UNKNOWN_TOPIC_ID


def test_a_topic_that_is_deleted_takes_its_share_states_with_it(world):
    ann = world.member()
    ann.take()

    world.broker.request(m.DeleteTopicsRequest(topics=[m.DeleteTopicsRequest.DeleteTopicState("orders")], timeout_ms=1))

    assert world.broker.broker.shares.states.kept == {}
    assert described_offsets(world.broker.request, "group") == {}
    assert ann.fetch().responses[0].partitions[0].error_code == KafkaError.UNKNOWN_TOPIC_ID


def test_a_write_that_fails_changes_nothing(world):
    ann = world.member()
    ann.take()
    for partition in world.broker.broker.topics.by_name["__share_group_state"].partitions:
        partition.sync_failed(OSError(5, "Input/output error"))

    (code,) = ann.say((0, 0, 29, [ACCEPT]))
    world.broker.advance(LOCK_MS)

    assert code != 0
    assert world.member(BOB).take() == [(0, 29, 2)]


def test_the_state_is_summed_up_and_what_lies_before_is_let_go(world):
    ann = world.member()
    ann.take()
    for offset in range(30):
        ann.say((0, offset, offset, [ACCEPT]))
    shares = world.broker.broker.shares
    home = next(p for p in world.broker.broker.topics.by_name["__share_group_state"].partitions if p.next_offset)
    now_ms = world.broker.clock.advance(10_000_000)

    shares.snapshot_cold(now_ms)
    shares.prune(now_ms)
    world.broker.restart()

    assert home.log_start == home.next_offset - 1
    assert world.offsets() == (29, 0)


def test_many_states_are_summed_up_some_at_a_time_and_not_again_while_nothing_happens(world):
    create(world.broker, "many", 600)
    heartbeat(world.broker.request, "big", ANN, 0, ["many"])
    shares = world.broker.broker.shares
    homes = world.broker.broker.topics.by_name["__share_group_state"].partitions

    def total() -> int:
        return sum(home.next_offset for home in homes)

    before = total()
    now_ms = world.broker.clock.advance(10_000_000)

    first = shares.snapshot_cold(now_ms)
    after_first = total()
    while shares.snapshot_cold(now_ms):
        pass
    once = total()
    again = shares.snapshot_cold(now_ms + 10_000_000)

    assert first
    assert 0 < after_first - before <= 250
    assert once - before == len(shares.states.kept) == 600
    assert (again, total()) == (False, once)


def test_an_acknowledgement_that_the_disk_did_not_take_is_not_told_to_count():
    world = World(durable=True)
    produce(world.broker, records(), acks=-1)
    ann = world.member()
    ann.take()
    world.broker.is_syncing = False
    message = fetch_request("group", ANN, 1, world.topic_id, acks=[(0, 0, 9, [ACCEPT])], max_wait_ms=500)

    waiting = world.broker.send(message, 2)
    world.broker.advance(1_000)
    late = waiting.over
    home = next(iter(world.broker.broker.to_sync))
    world.broker.broker.sync_failed(home, OSError(5, "Input/output error"))
    world.broker.broker.waiting.settle()

    assert not late
    assert waiting.hangup


def test_records_told_apart_one_by_one_have_each_their_fate(world):
    ann = world.member()
    ann.take()

    ann.say((0, 0, 29, [ACCEPT, RELEASE, REJECT] * 10))

    assert world.member(BOB).take() == [(offset, offset, 2) for offset in range(1, 30, 3)]
    assert world.offsets() == (0, 10)


def test_bytes_that_are_sent_are_counted_once(world):
    ann = world.member()
    counter = world.broker.broker.topics.by_name["orders"].counters.bytes_out
    before = counter.value

    sent = ann.fetch().responses[0].partitions[0].records

    assert counter.value - before == len(sent)


def test_of_many_partitions_only_the_one_that_grew_is_looked_at(monkeypatch):
    world = World(partitions=50)
    ann = world.member()
    ann.take(partitions=range(50))
    message = fetch_request("group", ANN, 1, world.topic_id, max_wait_ms=500)
    waiting = world.broker.send(message, 2)
    looked = []
    can_acquire = SharePartition.can_acquire
    monkeypatch.setattr(
        SharePartition, "can_acquire", lambda self, most: looked.append(self) or can_acquire(self, most)
    )
    monkeypatch.setattr(SharePoll, "read", lambda self: None)

    produce(world.broker, records(), index=7)

    assert len(looked) == 1
    assert not waiting.over
