"""The simple assignor: even shares, everybody something to do, little moved."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.share_groups.assignor import assign, places_of

T, U = b"t" * 16, b"u" * 16


def subscribe(count, *topics):
    return {f"m{n}": frozenset(topics) for n in range(count)}


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 6), st.integers(1, 12))
def test_shares_are_even_and_nobody_is_left_out(members, first, second, later):
    partitions = {T: range(first), U: range(second)}
    before = assign(subscribe(later, T, U), partitions, {})
    after = assign(subscribe(members, T, U), partitions, before)

    pairs = [(member, place) for member, assignment in after.items() for place in places_of(assignment)]
    sizes = [sum(member == name for member, _ in pairs) for name in after]
    readers = [sum(place == one for _, place in pairs) for one in {place for _, place in pairs}]
    assert len(readers) == first + second
    assert len(pairs) == len(set(pairs)) == max(members, first + second)
    assert max(sizes) - min(sizes) <= 1
    assert max(readers) - min(readers) <= 1


@given(st.integers(1, 6), st.integers(1, 12))
def test_nothing_moves_when_nothing_changed(members, count):
    partitions = {T: range(count)}
    before = assign(subscribe(members, T), partitions, {})

    assert assign(subscribe(members, T), partitions, before) == before


@given(st.integers(2, 6), st.integers(6, 20))
def test_who_stays_keeps_what_it_had_when_another_goes(members, count):
    partitions = {T: range(count)}
    before = assign(subscribe(members, T), partitions, {})

    after = assign(subscribe(members - 1, T), partitions, before)

    for member, assignment in after.items():
        assert set(places_of(before[member])) <= set(places_of(assignment))


def test_members_that_read_different_topics_share_each_topic():
    subscribed = {"a": frozenset([T]), "b": frozenset([T, U]), "c": frozenset([U])}

    found = assign(subscribed, {T: range(4), U: range(2)}, {})

    assert {member: {topic: len(parts) for topic, parts in a.items()} for member, a in found.items()} == {
        "a": {T: 2},
        "b": {T: 2, U: 1},
        "c": {U: 1},
    }
