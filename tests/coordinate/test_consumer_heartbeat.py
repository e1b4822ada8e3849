"""ConsumerGroupHeartbeat: joining, sharing out, giving back, and what is refused."""

from __future__ import annotations

import pytest
from tests.coordinate.consumer_world import Consumer, ConsumerWorld, error, given, settle, topic_id

from penstock.coordinate.groups import GroupSettings
from penstock.protocol.errors import KafkaError


@pytest.fixture
def world() -> ConsumerWorld:
    return ConsumerWorld()


def test_the_first_member_gets_everything_with_its_first_heartbeat(world):
    reply = world.enter("a")

    assert (reply.member_id, reply.member_epoch, reply.heartbeat_interval_ms) == ("a", 2, 5_000)
    assert given(reply) == {"t": [0, 1, 2, 3]}
    assert world.about().group_state == "Stable"


def test_a_member_of_version_0_is_given_its_id(world):
    reply = world.enter("", version=0)

    assert len(reply.member_id) == 22
    assert given(reply) == {"t": [0, 1, 2, 3]}


def test_nothing_is_handed_on_before_its_owner_gave_it_back(world):
    first, second = Consumer(world, "a"), Consumer(world, "b")
    first.join()

    second.join()

    assert (second.epoch, second.owned) == (3, {})
    asked = first.beat()
    assert (asked.member_epoch, len(given(asked)["t"])) == (2, 2)
    assert second.beat().assignment is None
    assert world.about().group_state == "Reconciling"
    first.beat()
    settle(first, second)
    assert sorted(first.owned["t"] + second.owned["t"]) == [0, 1, 2, 3]
    assert (first.epoch, second.epoch) == (3, 3)
    assert world.about().group_state == "Stable"


def test_an_assignment_is_told_once_and_to_who_asks_with_everything(world):
    world.enter("a")

    assert given(world.beat("a", 2)) is None
    assert given(world.beat("a", 2, topics=["t"], rebalance_timeout_ms=10_000, owned={"t": [0]})) == {"t": [0, 1, 2, 3]}


def test_a_member_that_lost_our_reply_may_come_with_the_epoch_before(world):
    first, second = Consumer(world, "a"), Consumer(world, "b")
    first.join()
    second.join()
    first.beat()
    first.beat()
    assert (first.epoch, world.group.members["a"].previous_epoch) == (3, 2)

    assert error(world.beat("a", 2, owned=first.owned)) is KafkaError.NONE
    assert error(world.beat("a", 2)) is KafkaError.FENCED_MEMBER_EPOCH
    assert error(world.beat("a", 2, owned={"t": [0, 1, 2, 3]})) is KafkaError.FENCED_MEMBER_EPOCH
    assert error(world.beat("a", 4)) is KafkaError.FENCED_MEMBER_EPOCH


def test_a_fenced_member_joins_anew_under_its_id(world):
    member = Consumer(world, "a")
    member.join()

    assert error(world.beat("a", 7)) is KafkaError.FENCED_MEMBER_EPOCH
    assert given(member.join()) == {"t": [0, 1, 2, 3]}


def test_what_leaves_frees_its_partitions(world):
    first, second = Consumer(world, "a"), Consumer(world, "b")
    first.join()
    second.join()
    settle(first, second)

    assert first.leave().member_epoch == -1

    settle(second)
    assert second.owned == {"t": [0, 1, 2, 3]}
    assert error(world.beat("a", 3)) is KafkaError.UNKNOWN_MEMBER_ID


def test_a_silent_member_is_out_after_its_session(world):
    first, second = Consumer(world, "a"), Consumer(world, "b")
    first.join()
    second.join()
    settle(first, second)

    world.wait(44_000)
    second.beat()
    world.wait(2_000)
    settle(second)

    assert second.owned == {"t": [0, 1, 2, 3]}
    assert list(world.group.members) == ["b"]


def test_who_gives_nothing_back_in_its_rebalance_timeout_is_out(world):
    first, second = Consumer(world, "a"), Consumer(world, "b")
    first.join()
    second.join()
    owned = first.owned
    first.beat()

    world.wait(5_000)
    world.beat("a", 2, owned=owned)
    world.wait(5_001)

    assert error(world.beat("a", 2)) is KafkaError.UNKNOWN_MEMBER_ID
    settle(second)
    assert second.owned == {"t": [0, 1, 2, 3]}


@pytest.mark.parametrize("count", [6, 2, 0])
def test_a_topic_that_changes_is_shared_out_anew(world, count):
    member = Consumer(world, "a")
    member.join()

    world.changing.set("t", count)

    settle(member)
    assert member.owned == ({"t": list(range(count))} if count else {})
    assert member.epoch == 3


def test_a_topic_that_nobody_reads_changes_nothing(world):
    member = Consumer(world, "a")
    member.join()

    world.changing.set("other", 3)

    settle(member)
    assert member.epoch == 2


def test_what_is_no_longer_read_is_taken_away_at_once():
    world = ConsumerWorld(t=2, u=2)
    member = Consumer(world, "a", ["t", "u"])
    member.join()

    assert given(member.read(["u"])) == {"u": [0, 1]}
    settle(member)
    assert world.group.state.value == "Stable"


def test_assignments_keep_their_interval(world):
    world.configs["consumer.assignment.interval.ms"] = 1_000
    world.enter("a")

    early = world.enter("b")

    assert (given(early), world.about().group_state) == ({}, "Assigning")
    world.wait(1_000)
    world.beat("b", early.member_epoch, owned={})
    assert world.group.targets["b"] != {}


def test_each_group_has_configs_of_its_own(world):
    world.configs |= {"consumer.session.timeout.ms": 6_000, "consumer.heartbeat.interval.ms": 2_000}

    assert world.enter("a").heartbeat_interval_ms == 2_000
    world.wait(6_001)

    assert world.about().group_state == "Empty"


def test_most_votes_choose_the_assignor(world):
    world.enter("a", server_assignor="range")

    assert world.about().assignor_name == "range"
    reply = world.enter("b", server_assignor="nearest")
    assert error(reply) is KafkaError.UNSUPPORTED_ASSIGNOR
    assert reply.error_message == "ServerAssignor nearest is not supported. Supported assignors: uniform, range."


JOINING = {"rebalance_timeout_ms": 1, "topics": ["t"], "owned": {}}


@pytest.mark.parametrize(
    ("member_id", "epoch", "fields", "text"),
    [
        ("", 0, JOINING, "MemberId can't be empty."),
        (" ", 1, {}, "MemberId can't be empty."),
        ("a", 0, JOINING | {"group_id": ""}, "GroupId can't be empty."),
        ("a", 0, JOINING | {"instance_id": ""}, "InstanceId can't be empty."),
        ("a", 0, JOINING | {"rack_id": " "}, "RackId can't be empty."),
        ("a", 0, JOINING | {"rebalance_timeout_ms": -1}, "RebalanceTimeoutMs must be provided in first request."),
        ("a", 0, JOINING | {"owned": None}, "TopicPartitions must be empty when (re-)joining."),
        ("a", 0, JOINING | {"owned": {"t": [1]}}, "TopicPartitions must be empty when (re-)joining."),
        (
            "a",
            0,
            JOINING | {"topics": None},
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
        ("a", -2, {}, "InstanceId can't be null."),
        ("a", -3, {}, "MemberEpoch is invalid."),
    ],
)
def test_a_request_that_makes_no_sense_is_invalid(world, member_id, epoch, fields, text):
    reply = world.beat(member_id, epoch, **fields)

    assert (error(reply), reply.error_message) == (KafkaError.INVALID_REQUEST, text)


def test_a_group_that_is_not_there_is_not_found(world):
    reply = world.beat("a", 2)

    assert (error(reply), reply.error_message) == (KafkaError.GROUP_ID_NOT_FOUND, "Consumer group g not found.")
    assert error(world.beat("a", -1)) is KafkaError.GROUP_ID_NOT_FOUND


def test_a_member_that_is_not_there_is_unknown(world):
    world.enter("a")

    assert error(world.beat("b", 1)) is KafkaError.UNKNOWN_MEMBER_ID
    assert error(world.beat("b", -1)) is KafkaError.UNKNOWN_MEMBER_ID


def test_a_full_group_takes_nobody_in_but_keeps_who_is_there():
    world = ConsumerWorld(GroupSettings(group_consumer_max_size=1))
    world.enter("a")

    assert error(world.enter("b")) is KafkaError.GROUP_MAX_SIZE_REACHED
    assert error(world.enter("a")) is KafkaError.NONE


def test_subscriptions_have_a_limit():
    world = ConsumerWorld(GroupSettings(group_bytes_max=1_000))

    assert error(world.enter("a", ["x" * 200] * 2)) is KafkaError.NONE
    assert error(world.enter("b", ["y" * 900])) is KafkaError.GROUP_MAX_SIZE_REACHED


def test_a_broker_without_the_protocol_says_so():
    world = ConsumerWorld(GroupSettings(group_coordinator_rebalance_protocols=["classic"]))

    assert error(world.enter("a")) is KafkaError.UNSUPPORTED_VERSION


def test_a_full_disk_leaves_everything_as_it_was(world):
    world.enter("a")
    world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR

    assert error(world.enter("b")) is KafkaError.NOT_COORDINATOR
    assert error(world.beat("a", -1)) is KafkaError.NOT_COORDINATOR

    world.refuse_with = None
    assert error(world.beat("a", 2)) is KafkaError.NONE
    assert (list(world.group.members), world.group.epoch) == (["a"], 2)


# Static members


def test_a_static_member_comes_back_to_what_it_had(world):
    first, second = Consumer(world, "a", instance_id="i"), Consumer(world, "b")
    first.join()
    second.join()
    settle(first, second)
    owned = first.owned

    assert world.beat("a", -2, instance_id="i").member_epoch == -2
    assert second.beat().assignment is None
    again = world.enter("a2", instance_id="i")

    assert (given(again), again.member_epoch) == (owned, 3)
    assert error(world.beat("a", 3, instance_id="i")) is KafkaError.FENCED_INSTANCE_ID


def test_a_static_member_that_stays_away_is_out(world):
    world.enter("a", instance_id="i")
    world.beat("a", -2, instance_id="i")

    world.wait(45_001)

    assert world.group.is_empty


def test_an_instance_id_in_use_is_not_given_twice(world):
    world.enter("a", instance_id="i")

    assert error(world.enter("b", instance_id="i")) is KafkaError.UNRELEASED_INSTANCE_ID
    assert error(world.beat("b", 2, instance_id="i")) is KafkaError.FENCED_INSTANCE_ID
    assert error(world.beat("b", 2, instance_id="j")) is KafkaError.UNKNOWN_MEMBER_ID
    assert error(world.beat("b", -1, instance_id="j")) is KafkaError.UNKNOWN_MEMBER_ID


# Patterns


def test_a_pattern_reads_what_it_matches_as_topics_come_and_go():
    world = ConsumerWorld(orders=1, orders2=1, other=1)
    member = Consumer(world, "a", subscribed_topic_regex="orders.*")
    member.join()
    assert member.owned == {"orders": [0], "orders2": [0]}

    world.changing.set("orders3", 1)
    world.changing.set("orders", 0)
    world.wait(1_000)

    settle(member)
    assert member.owned == {"orders2": [0], "orders3": [0]}
    assert world.about().members[0].subscribed_topic_regex == "orders.*"


def test_a_pattern_that_is_none_is_refused(world):
    reply = world.enter("a", subscribed_topic_regex="t[")

    assert error(reply) is KafkaError.INVALID_REGULAR_EXPRESSION
    assert reply.error_message == "SubscribedTopicRegex `t[` is not a valid regular expression: missing closing ]."


def test_a_pattern_that_nobody_uses_is_forgotten():
    world = ConsumerWorld(t=1, u=1)
    member = Consumer(world, "a", subscribed_topic_regex="t")
    member.join()

    member.beat(subscribed_topic_regex="u")
    assert set(world.group.patterns) == {"u"}
    settle(member)
    assert member.owned == {"u": [0]}
    member.leave()
    assert world.group.patterns == {}


def test_patterns_of_a_group_have_a_limit():
    world = ConsumerWorld(GroupSettings(group_patterns_max=1))
    world.enter("a", subscribed_topic_regex="t.*")

    assert error(world.enter("b", subscribed_topic_regex="t.*")) is KafkaError.NONE
    assert error(world.enter("c", subscribed_topic_regex="u.*")) is KafkaError.GROUP_MAX_SIZE_REACHED


def test_a_second_pattern_leaves_the_first_one_to_its_time():
    world = ConsumerWorld(t=1, u=1)
    first = Consumer(world, "a", subscribed_topic_regex="t.*")
    first.join()
    world.changing.set("t2", 1)

    second = Consumer(world, "b", subscribed_topic_regex="u.*")
    second.join()
    assert second.owned == {"u": [0]}
    world.wait(1_000)
    settle(first, second)

    assert first.owned == {"t": [0], "t2": [0]}


def test_what_an_operator_sees(world):
    world.enter("a", rack_id="r", instance_id="i", client_id="app")

    (member,) = world.about().members

    assert (member.client_id, member.client_host, member.rack_id, member.instance_id) == ("app", "/10.0.0.7", "r", "i")
    for assignment in (member.assignment, member.target_assignment):
        (entry,) = assignment.topic_partitions
        assert (entry.topic_id, entry.topic_name, entry.partitions) == (topic_id("t"), "t", [0, 1, 2, 3])
    assert member.member_type == 1
    assert world.about("nope").error_message == "Group nope not found."


def test_a_pattern_that_takes_too_much_work_is_refused_and_one_that_comes_to_do_so_keeps_its_topics():
    names = {"abcdefghij" * 20 + str(number): 1 for number in range(100)}
    world = ConsumerWorld(t=1, **names)
    refused = world.enter("a", subscribed_topic_regex="(.?){900}")
    world = ConsumerWorld(t=1)
    member = Consumer(world, "a", subscribed_topic_regex="(.?){900}")
    member.join()
    for name in names:
        world.changing.set(name, 1)
    world.wait(1_000)

    member.beat()

    assert error(refused) is KafkaError.INVALID_REGULAR_EXPRESSION
    assert member.owned == {"t": [0]}
    assert world.group.patterns["(.?){900}"].topics == {"t"}


def test_a_clock_that_is_set_back_holds_up_no_assignment():
    world = ConsumerWorld(t=4)
    world.configs["consumer.assignment.interval.ms"] = 1_000
    first = Consumer(world, "a")
    first.join()
    world.now_ms -= 3_600_000

    second = Consumer(world, "b")
    second.join()
    settle(first, second)

    assert sorted(first.owned["t"] + second.owned["t"]) == [0, 1, 2, 3]
    assert len(first.owned["t"]) == 2
