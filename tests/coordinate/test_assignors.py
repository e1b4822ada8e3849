"""The assignors: everything is shared out, to readers only, evenly, and with as few moves as that allows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.assignors import range as by_range
from penstock.coordinate.assignors import uniform
from penstock.coordinate.assignors.catalog import ASSIGNORS
from penstock.coordinate.assignors.spec import Assignment, MemberSpec, Spec

TOPICS = [bytes([number]) * 16 for number in range(4)]


def spec_of(partitions: Mapping[bytes, int], readers: Mapping[str, set[bytes]], **held: Assignment) -> Spec:
    members = {
        name: MemberSpec(None, frozenset(topics & partitions.keys()), held.get(name, {}))
        for name, topics in readers.items()
    }
    return Spec(members, partitions)


def load(assignment: Assignment) -> int:
    return sum(map(len, assignment.values()))


def places(assignment: Assignment) -> set[tuple[bytes, int]]:
    return {(topic, partition) for topic, found in assignment.items() for partition in found}


counts = st.dictionaries(st.sampled_from(TOPICS), st.integers(1, 9))
names = st.sets(st.sampled_from("abcdefgh"), min_size=1)
subscriptions = st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from(TOPICS)), min_size=1)


@pytest.mark.parametrize("assignor", ASSIGNORS)
@given(partitions=counts, before=subscriptions, after=subscriptions, grown=counts)
def test_all_that_is_read_is_shared_out_once_and_to_readers(assignor, partitions, before, after, grown):
    first = ASSIGNORS[assignor](spec_of(partitions, before))

    spec = spec_of(grown, after, **{name: held for name, held in first.items() if name in after})
    second = ASSIGNORS[assignor](spec)

    given_out = [place for assignment in second.values() for place in places(assignment)]
    read = {topic for member in spec.members.values() for topic in member.topics}
    assert sorted(given_out) == sorted((topic, index) for topic in read for index in range(grown[topic]))
    assert all(set(held) <= spec.members[name].topics for name, held in second.items())
    assert second.keys() == after.keys()


@given(partitions=counts, before=names, after=names)
def test_uniform_is_even_and_moves_only_what_it_must(partitions, before, after):
    topics = set(partitions)
    first = uniform.assign(spec_of(partitions, dict.fromkeys(before, topics)))
    second = uniform.assign(spec_of(partitions, dict.fromkeys(after, topics), **first))

    loads = [load(held) for held in second.values()]
    assert max(loads) - min(loads) <= 1
    least, larger = divmod(sum(partitions.values()), len(after))
    shares = sorted((load(first[name]) for name in after if name in first), reverse=True)
    kept_most = sum(min(share, least + (place < larger)) for place, share in enumerate(shares))
    kept = sum(len(places(first[name]) & places(second[name])) for name in after if name in first)
    assert kept == kept_most


@given(partitions=counts, readers=subscriptions)
def test_uniform_leaves_no_move_that_would_make_it_more_even(partitions, readers):
    spec = spec_of(partitions, readers)
    made = uniform.assign(spec)

    for held in made.values():
        for taker, member in spec.members.items():
            if any(topic in member.topics for topic in held):
                assert load(held) - load(made[taker]) <= 1


@given(partitions=counts, readers=subscriptions)
def test_what_is_balanced_stays_as_it_is(partitions, readers):
    made = uniform.assign(spec_of(partitions, readers))

    assert uniform.assign(spec_of(partitions, readers, **made)) == made


def test_range_gives_runs_and_the_same_numbers_of_topics_alike():
    spec = spec_of({TOPICS[0]: 5, TOPICS[1]: 5}, {name: set(TOPICS[:2]) for name in "abc"})

    made = by_range.assign(spec)

    assert {name: sorted(held[TOPICS[0]]) for name, held in made.items()} == {"a": [0, 1], "b": [2, 3], "c": [4]}
    assert all(held[TOPICS[0]] == held[TOPICS[1]] for held in made.values())


def test_range_puts_static_members_first_whatever_their_member_ids_are():
    topics = frozenset(TOPICS[:1])
    members = {
        "a": MemberSpec(None, topics, {}),
        "z": MemberSpec("i-1", topics, {}),
        "y": MemberSpec("i-2", topics, {}),
    }

    made = by_range.assign(Spec(members, {TOPICS[0]: 3}))

    assert {name: sorted(held[TOPICS[0]]) for name, held in made.items()} == {"z": [0], "y": [1], "a": [2]}


def test_uniform_ends_after_some_passes_though_a_long_chain_is_not_level_then(monkeypatch):
    # Each member shares a topic with the next one; what the first has too much moves on by one member in a pass.
    chain = [bytes([255 - number]) * 16 for number in range(40)]
    partitions = {topic: 2_000 if topic == chain[0] else 200 for topic in chain}
    readers = {f"m{number}": set(chain[max(0, number - 1) : number + 1]) for number in range(41)}
    held = {f"m{number}": {topic: frozenset(range(partitions[topic]))} for number, topic in enumerate(chain)}
    passes = []
    level = uniform._Uneven.level
    monkeypatch.setattr(uniform._Uneven, "level", lambda self, topic: passes.append(topic) or level(self, topic))

    made = uniform.assign(spec_of(partitions, readers, **held))

    assert len(passes) <= 16 * len(chain)
    given = [(topic, index) for topics in made.values() for topic, found in topics.items() for index in found]
    assert len(given) == len(set(given)) == sum(partitions.values())
