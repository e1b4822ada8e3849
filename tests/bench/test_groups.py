"""What members of measured groups deal out, say and hear, and when their group counts as stable."""

import asyncio
from dataclasses import dataclass

from bench.assignment import (
    balanced,
    decode_assignment,
    decode_owned,
    encode_assignment,
    encode_subscription,
    released,
)
from bench.roster import Roster, is_stable
from bench.share_consumers import count_of
from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.groups.subscription import subscribed_topics


@dataclass
class Member:
    epoch: int
    owned: frozenset[int]
    settled: bool = True


def members(*owned: set[int], epoch: int = 3) -> list[Member]:
    return [Member(epoch, frozenset(share)) for share in owned]


@st.composite
def ownerships(draw: st.DrawFn) -> tuple[dict[str, set[int]], int]:
    """Members, what each owns, and the number of partitions; some are nobody's."""
    partitions = draw(st.integers(0, 40))
    owned: dict[str, set[int]] = {f"member-{number}": set() for number in range(draw(st.integers(1, 12)))}
    for partition in range(partitions):
        owner = draw(st.sampled_from([*owned, None]))
        if owner is not None:
            owned[owner].add(partition)
    return owned, partitions


@given(ownerships())
def test_everything_is_dealt_out_evenly_and_nobody_loses_more_than_must_be(given: tuple[dict[str, set[int]], int]):
    owned, partitions = given

    target = balanced(owned, partitions)

    sizes = [len(share) for share in target.values()]
    assert sorted(index for share in target.values() for index in share) == list(range(partitions))
    assert max(sizes) - min(sizes) <= 1
    for member, share in target.items():
        assert len(share & owned[member]) == min(len(share), len(owned[member]))


@given(ownerships())
def test_what_another_owns_is_given_away_after_it_was_given_up(given: tuple[dict[str, set[int]], int]):
    owned, partitions = given
    target = balanced(owned, partitions)

    first = released(owned, target)
    second = released(first, balanced(first, partitions))

    for member, share in first.items():
        others = set().union(*(theirs for name, theirs in owned.items() if name != member))
        assert not share & others
    assert sorted(index for share in second.values() for index in share) == list(range(partitions))


def test_a_leader_reads_what_a_member_owns_and_a_member_what_it_gets():
    subscription = encode_subscription("orders", {3, 1}, generation=7)

    assert decode_owned(subscription) == {1, 3}
    assert decode_owned(encode_subscription("orders", (), generation=-1)) == set()
    # The broker, too, finds the topics in it.
    assert subscribed_topics(subscription) == ["orders"]
    assert decode_assignment(encode_assignment("orders", {2, 5})) == {2, 5}
    assert decode_assignment(b"") == set()


def test_a_group_is_stable_when_every_partition_is_read_by_one_in_the_newest_epoch():
    assert is_stable(members({0}, {1, 2}), 3, shared=False)

    assert not is_stable(members({0}, {1}), 3, shared=False)
    assert not is_stable(members({0, 1}, {1, 2}), 3, shared=False)
    assert not is_stable(members({0, 1, 2}, set()), 3, shared=False)
    assert not is_stable([*members({0}), *members({1, 2}, epoch=4)], 3, shared=False)
    assert not is_stable([Member(3, frozenset({0, 1, 2}), settled=False)], 3, shared=False)


def test_members_of_a_share_group_may_read_the_same_partition():
    assert is_stable(members({0, 1}, {1, 2}), 3, shared=True)
    assert not is_stable(members({0, 1}, {1, 0}), 3, shared=True)


def test_a_roster_tells_once_the_group_is_stable_or_a_member_has_failed():
    async def wait() -> tuple[bool, bool, str]:
        roster = Roster(2)
        roster.members += members({0}, set())
        stable = roster.expect()
        roster.note()
        before = stable.done()
        roster.members = [*members({0}, {1})]
        roster.note()
        after = stable.done()
        failing = roster.expect()
        roster.fail(OSError("gone"))
        return before, after, str(failing.exception())

    assert asyncio.run(wait()) == (False, True, "gone")


def test_ranges_of_acquired_records_include_both_ends():
    assert count_of([(0, 0), (5, 9)]) == 6
    assert count_of([]) == 0
