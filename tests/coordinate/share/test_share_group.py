"""What a share group knows of its members without looking at all of them."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.groups import GroupType
from penstock.coordinate.share_groups.group import Identity, ShareGroup

MEMBERS = st.sampled_from(["m1", "m2", "m3"])
TOPICS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).map(tuple)


def identity(topics: tuple[str, ...]) -> Identity:
    return Identity(None, "client", "/127.0.0.1", topics)


@given(st.lists(st.tuples(MEMBERS, st.none() | TOPICS), max_size=12), MEMBERS, TOPICS)
def test_a_group_reads_what_its_members_read_and_what_one_more_would_read(
    steps: list[tuple[str, tuple[str, ...] | None]], changing: str, topics: tuple[str, ...]
) -> None:
    group, expected = ShareGroup("g", 0), dict[str, tuple[str, ...]]()

    for member_id, said in steps:
        if said is None:
            group.remove(member_id)
            expected.pop(member_id, None)
        else:
            group.identify(member_id, identity(said))
            expected[member_id] = said

    assert {member_id: member.identity.topics for member_id, member in group.members.items()} == expected
    assert group.group_type is GroupType.SHARE
    assert group.subscribed() == set().union(*expected.values())
    assert group.subscribed_with(changing, topics) == set().union(*{**expected, changing: topics}.values())
