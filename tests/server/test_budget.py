"""Memory for frames still arriving: reserved before it is taken, given back, queued for in order."""

import struct

import pytest
from server_harness import FakeBroker, Wire, produce, records_of, still_hub

from penstock.broker.outcome import Reply
from penstock.kit.limits import ByteBudget, Places
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.server.buffers import INBOX_BYTES, NARROW_BYTES, SPARE_BYTES_MIN, SPARE_BYTES_TOTAL, Buffers


def echo_size(request, session, now_ms):
    return Reply(messages.ProduceResponse(throttle_time_ms=len(records_of(request))))


def echoing():
    return FakeBroker({ApiKey.PRODUCE: echo_size})


def test_a_frame_in_arrival_holds_its_size_and_gives_it_back():
    hub = still_hub(echoing(), request_bytes_queued_max=1_000_000)
    wire = Wire(hub)
    frame = produce(1, b"x" * 500_000)

    wire.feed(frame[:1_000])
    held = hub.buffers.budget.used
    wire.feed(frame[1_000:])

    assert held == len(frame)
    assert hub.buffers.budget.used == 0
    assert [number for number, _ in wire.replies()] == [1]
    wire.lose()


def test_who_finds_no_memory_is_not_read_from_until_others_are_done():
    hub = still_hub(echoing(), request_bytes_queued_max=300_000)
    first, second, third = (Wire(hub) for _ in range(3))
    big = produce(1, b"x" * 400_000)

    first.feed(big[:100])
    rest_of_second = second.feed(big[:200])
    third.feed(produce(9) + big[:300])

    # What is whole is answered though memory is short.
    assert [number for number, _ in third.replies()] == [9]
    assert (first.is_reading, second.is_reading, third.is_reading) == (True, False, False)
    assert hub.buffers.budget.waiting == 2
    assert rest_of_second == b""

    first.feed(big[100:])
    hub.loop.turn()

    # One after the other: what the first gave back goes to the second alone, since it fills the budget.
    assert (second.is_reading, third.is_reading) == (True, False)
    second.feed(big[200:])
    hub.loop.turn()
    third.feed(big[300:])
    assert [number for wire in (first, second, third) for number, _ in wire.replies()] == [1, 1, 1]
    assert (hub.buffers.budget.used, hub.buffers.budget.waiting) == (0, 0)
    for wire in (first, second, third):
        wire.lose()


def test_frames_that_an_inbox_could_hold_are_never_kept_waiting():
    hub = still_hub(echoing(), request_bytes_queued_max=1_000)
    stalled, small = Wire(hub), Wire(hub)
    stalled.feed(produce(1, b"x" * 400_000)[:100])
    frame = produce(2, b"x" * 200_000)

    small.feed(frame[:7])
    small.feed(frame[7:])

    assert [number for number, _ in small.replies()] == [2]
    stalled.lose()
    small.lose()


@pytest.mark.parametrize("granted", [False, True])
def test_a_connection_that_is_lost_leaves_the_line(granted):
    hub = still_hub(echoing(), request_bytes_queued_max=1_000)
    first, second, third = (Wire(hub) for _ in range(3))
    big = produce(1, b"x" * 400_000)
    for wire in (first, second, third):
        wire.feed(big[:100])
    if granted:
        first.feed(big[100:])

    second.lose()
    if not granted:
        first.feed(big[100:])
    hub.loop.turn()

    third.feed(big[100:])
    assert [number for number, _ in third.replies()] == [1]
    assert (hub.buffers.budget.used, hub.buffers.budget.waiting) == (0, 0)
    first.lose()
    third.lose()


def test_a_frame_announced_too_large_costs_nothing():
    hub = still_hub(echoing(), request_bytes_max=1_000)
    wire = Wire(hub)

    wire.feed(struct.pack(">i", 1_001) + b"x" * 50)

    assert wire.is_closed
    assert hub.buffers.budget.used == 0
    wire.lose()


def test_ten_thousand_idle_connections_share_one_buffer():
    hub = still_hub(echoing())
    wires = [Wire(hub) for _ in range(10)]

    for wire in wires:
        wire.feed(produce(1))

    assert len({id(wire.connection.get_buffer(-1)) for wire in wires}) == 1
    for wire in wires:
        wire.lose()


def test_after_a_full_inbox_the_others_have_their_turn():
    hub = still_hub(echoing())
    wire = Wire(hub)
    frame = produce(1, b"x" * 1_000)
    stream = frame * (INBOX_BYTES // len(frame) + 5)

    rest = wire.feed(stream)

    assert len(rest) == len(stream) - INBOX_BYTES
    assert not wire.is_reading
    hub.loop.turn()
    assert wire.is_reading
    assert wire.feed(rest) == b""
    wire.lose()


@pytest.mark.parametrize("size", [100, 2 * INBOX_BYTES])
def test_clients_with_very_small_or_very_large_requests_are_read_in_small_portions(size):
    hub = still_hub(echoing())
    wire = Wire(hub)
    frame = produce(1, b"x" * size)

    rest = wire.feed(frame * max(1, 100_000 // size))
    hub.loop.turn()
    wire.feed(rest)

    assert len(wire.connection.get_buffer(-1)) == NARROW_BYTES
    wire.feed(produce(2, b"x" * 16_000))
    assert len(wire.connection.get_buffer(-1)) == INBOX_BYTES
    wire.lose()


def test_large_buffers_are_used_again_up_to_a_total():
    buffers = Buffers(1_000_000)

    first = buffers.take(SPARE_BYTES_MIN + 5)
    buffers.give_back(first)
    again = buffers.take(SPARE_BYTES_MIN + 900)

    assert again is first
    assert len(first) >= SPARE_BYTES_MIN + 900
    buffers.give_back(again)
    for size in (SPARE_BYTES_TOTAL, SPARE_BYTES_MIN - 1):
        large = buffers.take(size)
        buffers.give_back(large)
        assert buffers.take(size) is not large


def test_a_budget_grants_in_the_order_of_asking():
    budget = ByteBudget(100)
    granted = []

    assert budget.reserve(90, lambda: granted.append("never called"))
    assert budget.reserve(90, lambda: granted.append("never called"))
    assert not budget.reserve(200, lambda: granted.append("large"))
    assert not budget.reserve(1, lambda: granted.append("small"))
    budget.release(90)
    assert granted == ["large"]
    budget.release(90)
    assert granted == ["large"]
    budget.release(200)

    assert granted == ["large", "small"]
    assert budget.used == 1


def test_places_are_counted_by_name_and_in_all():
    places = Places(limit=4, limit_per_name=2, exceptions={"vip": 3})

    taken = [places.refusal(name) for name in ("a", "a", "a", "vip", "vip", "vip")]

    assert [text == "" for text in taken] == [True, True, False, True, True, False]
    assert "2 connections from a are open, max.connections.per.ip allows 2" in taken[2]
    assert "max.connections is 4" in taken[5]
    places.leave("a")
    assert places.refusal("vip") == ""
