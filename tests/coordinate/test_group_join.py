"""JoinGroup of dynamic members: names, the join phase, generations, protocols, bounds."""

import pytest
from tests.coordinate.group_world import HOST, FixedTopics, World, over_wire, stable_group, subscription

from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.outcome import Pending
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError


def delayed_world(**settings) -> World:
    return World(GroupSettings(**settings))


def test_from_version_4_a_new_member_gets_its_name_first():
    world = World()

    named = world.join(client_id="shop", version=4)

    assert named.error_code == KafkaError.MEMBER_ID_REQUIRED
    assert named.member_id == "shop-00000000-0000-4000-8000-000000000001"
    assert named.generation_id == -1
    assert world.describe().members == []


def test_before_version_4_a_new_member_is_in_at_once():
    world = World()

    waiting = world.join(version=3)
    world.wait(0)

    reply = world.answer(waiting)
    assert reply.error_code == KafkaError.NONE
    assert reply.generation_id == 1
    assert reply.leader == reply.member_id
    assert [member.metadata for member in reply.members] == [subscription("t")]


def test_a_named_member_that_does_not_join_is_forgotten_with_its_session_timeout():
    world = World()
    named = world.join(session_timeout_ms=10_000)

    world.wait(9_999)
    assert not isinstance(world.join(named.member_id, group_id="other"), Pending)
    world.wait(1)

    reply = world.join(named.member_id)
    assert reply.error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_a_named_member_holds_up_the_join_phase_until_it_joins():
    world = World()
    generation, (first,) = stable_group(world)
    second = world.join()
    rejoined = world.join(first)

    assert world.answer(rejoined) is None

    joined = world.join(second.member_id)
    assert world.answer(rejoined).generation_id == generation + 1
    assert joined.generation_id == generation + 1


def test_a_named_member_that_never_joins_lets_the_join_phase_end():
    world = World()
    _, (first,) = stable_group(world)
    world.join(session_timeout_ms=10_000)
    rejoined = world.join(first)

    world.wait(10_000)

    assert world.answer(rejoined).generation_id == 2


def test_a_member_id_nobody_gave_out_is_unknown():
    world = World()

    in_new_group = world.join("made-up")
    stable_group(world)
    in_group = world.join("made-up")

    assert in_new_group.error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert in_group.error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert in_group.member_id == "made-up"


@pytest.mark.parametrize("session_timeout_ms", [5_999, 1_800_001, -1])
def test_a_session_timeout_out_of_bounds_is_refused(session_timeout_ms):
    reply = World().join(session_timeout_ms=session_timeout_ms)

    assert reply.error_code == KafkaError.INVALID_SESSION_TIMEOUT


@pytest.mark.parametrize("session_timeout_ms", [6_000, 1_800_000])
def test_a_session_timeout_at_its_bounds_is_accepted(session_timeout_ms):
    reply = World().join(session_timeout_ms=session_timeout_ms)

    assert reply.error_code == KafkaError.MEMBER_ID_REQUIRED


@pytest.mark.parametrize("group_id", ["", "x" * 4_097])
def test_a_group_id_must_have_a_name_of_a_bounded_length(group_id):
    assert World().join(group_id=group_id).error_code == KafkaError.INVALID_GROUP_ID


@pytest.mark.parametrize(
    "fields",
    [
        {"protocol_type": ""},
        {"protocols": []},
    ],
)
def test_a_new_group_needs_a_protocol(fields):
    assert World().join(**fields).error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize(
    "fields",
    [
        {"protocol_type": "connect"},
        {"protocols": [("roundrobin", b"")]},
        {"protocols": []},
    ],
)
def test_a_member_must_share_type_and_a_protocol_with_the_group(fields):
    world = World()
    stable_group(world, protocols=[("range", b""), ("sticky", b"")])

    assert world.join(**fields).error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL


def test_the_protocol_with_the_most_votes_among_the_common_ones_wins():
    world = World(GroupSettings(group_initial_rebalance_delay_ms=100))
    votes = [["a", "c", "b"], ["b", "c"], ["c", "b"]]

    waiting = [world.join(version=3, protocols=[(name, b"") for name in vote]) for vote in votes]
    world.wait(1_000)

    assert [world.answer(reply).protocol_name for reply in waiting] == ["c", "c", "c"]


def test_the_first_member_leads_and_alone_sees_the_members():
    world = World()
    members = [world.join().member_id for _ in range(3)]

    waiting = [world.join(name) for name in members]
    world.wait(0)

    replies = [world.answer(reply) for reply in waiting]
    assert {reply.leader for reply in replies} == {members[0]}
    assert [len(reply.members) for reply in replies] == [3, 0, 0]
    assert {member.member_id for member in replies[0].members} == set(members)
    assert [reply.protocol_type for reply in replies] == ["consumer"] * 3


def test_another_leads_when_the_leader_does_not_rejoin_in_time():
    world = World()
    generation, (leader, follower) = stable_group(world, 2, session_timeout_ms=300_000)
    newcomer = world.join_named()
    rejoined = world.join(follower)

    world.wait(60_000)

    assert world.answer(rejoined).leader == follower
    assert world.answer(newcomer).leader == follower
    assert world.heartbeat(leader, generation + 1) == KafkaError.UNKNOWN_MEMBER_ID


def test_the_join_phase_lasts_as_long_as_the_most_patient_member():
    world = World()
    _, (_, follower) = stable_group(world, 2, session_timeout_ms=1_000_000, rebalance_timeout_ms=20_000)
    patient = world.join_named(rebalance_timeout_ms=90_000)
    world.join(follower)

    world.wait(89_999)
    assert world.answer(patient) is None
    world.wait(1)

    assert world.answer(patient).error_code == KafkaError.NONE


def test_version_0_uses_its_session_timeout_for_the_join_phase():
    world = World()
    _, (_,) = stable_group(world, session_timeout_ms=1_000_000, rebalance_timeout_ms=5_000)

    waiting = world.join(version=0, session_timeout_ms=30_000)

    world.wait(29_999)
    assert world.answer(waiting) is None
    world.wait(1)
    assert world.answer(waiting).generation_id == 2


def test_the_first_join_phase_waits_for_the_initial_delay():
    world = delayed_world(group_initial_rebalance_delay_ms=3_000)

    waiting = world.join(version=3)

    world.wait(2_999)
    assert world.answer(waiting) is None
    world.wait(1)
    assert world.answer(waiting).generation_id == 1


def test_the_initial_delay_starts_anew_while_members_keep_coming():
    world = delayed_world(group_initial_rebalance_delay_ms=3_000)
    waiting = [world.join(version=3, rebalance_timeout_ms=60_000)]
    world.wait(2_000)
    waiting.append(world.join(version=3, rebalance_timeout_ms=60_000))

    world.wait(3_999)
    assert [world.answer(reply) for reply in waiting] == [None, None]
    world.wait(1)

    assert [world.answer(reply).generation_id for reply in waiting] == [1, 1]


def test_the_initial_delay_never_grows_beyond_the_rebalance_timeout():
    world = delayed_world(group_initial_rebalance_delay_ms=3_000)
    waiting = [world.join(version=3, rebalance_timeout_ms=7_000)]
    for _ in range(6):
        world.wait(1_000)
        waiting.append(world.join(version=3, rebalance_timeout_ms=7_000))

    world.wait(999)
    assert {world.answer(reply) for reply in waiting} == {None}
    world.wait(1)

    assert {world.answer(reply).generation_id for reply in waiting} == {1}


def test_a_follower_that_rejoins_unchanged_gets_the_generation_it_is_in():
    world = World()
    generation, (leader, follower) = stable_group(world, 2)

    reply = world.join(follower)

    assert reply.generation_id == generation
    assert reply.leader == leader
    assert reply.members == []
    assert world.state() == "Stable"


def test_a_leader_that_rejoins_unchanged_starts_a_rebalance():
    world = World()
    generation, (leader, _) = stable_group(world, 2)

    reply = world.join(leader)

    assert isinstance(reply, Pending)
    assert world.state() == "PreparingRebalance"
    assert world.heartbeat(leader, generation) == KafkaError.REBALANCE_IN_PROGRESS


def test_a_follower_that_rejoins_with_another_subscription_starts_a_rebalance():
    world = World()
    _, (_, follower) = stable_group(world, 2)

    reply = world.join(follower, protocols=[("range", subscription("t", "u"))])

    assert isinstance(reply, Pending)
    assert world.state() == "PreparingRebalance"


def test_a_reply_that_was_lost_is_given_again_while_assignments_are_awaited():
    world = World()
    first = world.join_named()
    world.wait(0)
    joined = world.answer(first)

    again = world.join(joined.member_id)

    assert again == joined


def test_a_second_join_of_a_waiting_member_lets_the_first_one_go():
    world = World()
    _, (leader, _) = stable_group(world, 2)
    first = world.join(leader)

    second = world.join(leader)

    assert world.answer(first).error_code == KafkaError.REBALANCE_IN_PROGRESS
    assert world.answer(second) is None


def test_a_full_group_takes_no_one_more():
    world = World(GroupSettings(group_initial_rebalance_delay_ms=0, group_max_size=2))
    _, members = stable_group(world, 2)

    refused = world.join()

    assert refused.error_code == KafkaError.GROUP_MAX_SIZE_REACHED
    assert refused.member_id == ""
    assert world.join(members[1]).error_code == KafkaError.NONE


def test_when_the_group_shrinks_the_last_to_rejoin_find_no_room():
    world = World()
    generation, members = stable_group(world, 3)
    world.settings = GroupSettings(group_initial_rebalance_delay_ms=0, group_max_size=2)
    world.restart()
    assert world.heartbeat(members[0], generation) == KafkaError.REBALANCE_IN_PROGRESS

    waiting = [world.join(name) for name in members[:2]]
    refused = world.join(members[2])

    assert refused.error_code == KafkaError.GROUP_MAX_SIZE_REACHED
    assert [world.answer(reply) for reply in waiting] == [None, None]
    world.wait(60_000)
    assert [world.answer(reply).generation_id for reply in waiting] == [generation + 1] * 2


def test_members_that_never_join_do_not_pile_up():
    world = World(GroupSettings(named_members_max=3))
    for _ in range(3):
        world.join()

    assert world.join().error_code == KafkaError.GROUP_MAX_SIZE_REACHED


def test_a_group_holds_a_bounded_number_of_subscription_bytes():
    world = World(GroupSettings(group_bytes_max=1_000))

    assert world.join(protocols=[("range", bytes(1_001))]).error_code == KafkaError.GROUP_MAX_SIZE_REACHED
    assert world.join(protocols=[("range", bytes(900))]).error_code == KafkaError.MEMBER_ID_REQUIRED


def test_there_is_a_bounded_number_of_groups():
    world = World(GroupSettings(groups_max=1))
    world.join(group_id="one")

    assert world.join(group_id="two").error_code == KafkaError.POLICY_VIOLATION
    assert world.commit({("t", 0): 1}, group_id="two") == {("t", 0): KafkaError.POLICY_VIOLATION}


def test_there_is_a_bounded_number_of_groups_of_all_kinds():
    world = World(GroupSettings(groups_max=1), topics=FixedTopics(t=(bytes(range(16)), 1)))
    world.join(group_id="one")
    member = {"group_id": "two", "member_id": "m", "member_epoch": 0, "subscribed_topic_names": ["t"]}
    consumer = messages.ConsumerGroupHeartbeatRequest(**member, rebalance_timeout_ms=1_000, topic_partitions=[])
    share = messages.ShareGroupHeartbeatRequest(**member)

    answers = [
        world.settle(world.groups.consumer_heartbeat(over_wire(consumer, 1), "c", HOST, 1, world.now_ms)),
        world.settle(world.groups.share.heartbeat(over_wire(share, 1), "c", HOST, {}, world.now_ms)),
    ]

    assert [answer.error_code for answer in answers] == [KafkaError.POLICY_VIOLATION] * 2


def test_a_long_client_id_still_gives_a_member_id_that_fits_a_string():
    named = World().join(client_id="x" * 32_767)

    assert len(named.member_id) == 255 + 1 + 36


def test_a_client_without_an_id_gets_a_name_all_the_same():
    assert World().join(client_id=None).member_id == "-00000000-0000-4000-8000-000000000001"


def test_a_new_group_is_a_record_even_before_anybody_joined():
    world = World()
    world.join()

    world.restart()

    assert world.state() == "Empty"


@pytest.mark.parametrize("version", range(10))
def test_every_version_gets_through_a_whole_rebalance(version):
    world = World()
    waiting = world.join_named(version=version) if version >= 4 else world.join(version=version)
    world.wait(0)

    reply = world.answer(waiting)
    synced = world.sync(reply.member_id, 1, version=min(version, 5), assignments={reply.member_id: b"everything"})

    assert reply.generation_id == 1
    assert world.answer(synced).assignment == b"everything"
    assert world.leave((reply.member_id, None), version=min(version, 5)).error_code == KafkaError.NONE
    assert world.state() == "Empty"
