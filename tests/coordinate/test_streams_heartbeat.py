"""StreamsGroupHeartbeat and StreamsGroupDescribe (KIP-1071), member by member."""

from __future__ import annotations

import pytest
from tests.coordinate.consumer_world import topic_id
from tests.coordinate.streams_world import (
    NOTHING,
    Request,
    StreamsWorld,
    Thread,
    error,
    internal,
    part,
    running,
    settle,
    state_of,
    statuses,
    topology,
    word_count,
)

from penstock.coordinate.groups import GroupSettings
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

ALL = {"0": [0, 1], "1": [0, 1]}
OUT_OF_RANGE = Request.CopartitionGroup([1], [], [])
MISSING = "Internal topics are missing: c, r"


@pytest.fixture
def world():
    return StreamsWorld()


def test_the_first_member_runs_every_task(world):
    reply = world.enter("a")

    assert (error(reply), reply.member_epoch, reply.heartbeat_interval_ms) == (KafkaError.NONE, 2, 5_000)
    assert running(reply.active_tasks) == ALL
    assert running(reply.standby_tasks) == running(reply.warmup_tasks) == {}
    assert statuses(reply) == []
    assert world.about().group_state == "Stable"


def test_internal_topics_that_are_missing_are_told_and_then_awaited():
    world = StreamsWorld(t=3)

    first = world.enter("a")
    wanted = world.groups.streams.missing_topics("g")
    state = world.about().group_state
    for topic in wanted:
        world.changing.set(topic.name, topic.partitions)
    then = world.beat("a", first.member_epoch)

    assert statuses(first) == [(3, MISSING)]
    assert running(first.active_tasks) == {}
    assert state == "NotReady"
    assert [(topic.name, topic.partitions, topic.configs) for topic in wanted] == [
        ("c", 3, (("a", "b"),)),
        ("r", 3, ()),
    ]
    assert running(then.active_tasks) == {"0": [0, 1, 2], "1": [0, 1, 2]}
    assert statuses(then) == []


def test_source_topics_that_are_missing_are_told():
    world = StreamsWorld(u=1)

    reply = world.enter("a")

    assert statuses(reply) == [(1, "Source topics t are missing.")]
    assert world.groups.streams.missing_topics("g") == ()


def test_topics_that_do_not_fit_together_are_told():
    world = StreamsWorld(t=2, r=3, c=2)

    reply = world.enter("a")

    assert statuses(reply) == [(2, "Existing topic r has different number of partitions: expected 2, found 3")]


def test_a_second_member_waits_until_the_first_has_stopped_what_it_shall_have(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()

    joined = b.join()
    asked = a.beat()
    early = b.beat()
    stopped = a.beat()
    late = b.beat()

    assert (joined.member_epoch, running(joined.active_tasks)) == (3, {})
    assert (asked.member_epoch, running(asked.active_tasks)) == (2, {"0": [0], "1": [0]})
    assert early.active_tasks is None
    assert (stopped.member_epoch, stopped.active_tasks) == (3, None)
    assert running(late.active_tasks) == {"0": [1], "1": [1]}
    assert world.about().group_state == "Stable"


def test_spares_run_on_other_processes_than_the_tasks(world):
    world.configs["streams.num.standby.replicas"] = 1
    a, b = Thread(world, "a"), Thread(world, "b")

    a.join()
    b.join()
    settle(a, b)

    assert a.active == {"0": [0], "1": [0]}
    assert b.active == {"0": [1], "1": [1]}
    # Only what has a store has spares.
    assert (a.standby, b.standby) == ({"1": [1]}, {"1": [0]})


def test_more_spares_make_a_new_assignment(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()
    b.join()
    settle(a, b)
    epoch = world.group.epoch

    world.configs["streams.num.standby.replicas"] = 1
    settle(a, b)

    assert world.group.epoch == epoch + 1
    assert (a.standby, b.standby) == ({"1": [1]}, {"1": [0]})


def test_the_tasks_of_one_who_leaves_go_to_the_others(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()
    b.join()
    settle(a, b)

    reply = b.leave()
    settle(a)

    assert (error(reply), reply.member_id, reply.member_epoch) == (KafkaError.NONE, "b", -1)
    assert a.active == ALL


def test_one_who_is_silent_is_out_after_its_session(world):
    world.enter("a")

    world.wait(44_999)
    before = world.about().group_state
    world.wait(1)

    assert (before, world.about().group_state) == ("Stable", "Empty")
    assert error(world.beat("a", 2)) is KafkaError.UNKNOWN_MEMBER_ID


def test_one_who_does_not_stop_in_time_is_out(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()
    b.join()
    a.beat()

    for _ in range(3):
        world.wait(4_000)
        world.beat("a", 2)
        b.beat()

    assert list(world.group.members) == ["b"]
    assert b.active == ALL


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_member_with_another_epoch_is_fenced(world, epoch):
    world.enter("a")

    reply = world.beat("a", epoch)

    assert error(reply) is KafkaError.FENCED_MEMBER_EPOCH
    assert "abandon all" in reply.error_message


def test_a_member_that_lost_our_answer_shows_by_what_it_runs_that_it_may_go_on(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()
    b.join()
    a.beat()
    a.beat()
    lost = a.epoch - 1

    with_more = world.beat("a", lost, owned=ALL)
    with_less = world.beat("a", lost, owned={"0": [0]})

    assert error(with_more) is KafkaError.FENCED_MEMBER_EPOCH
    assert (error(with_less), with_less.member_epoch) == (KafkaError.NONE, 3)


def test_a_member_that_comes_again_keeps_its_place(world):
    world.enter("a")

    reply = world.enter("a")

    assert (error(reply), running(reply.active_tasks)) == (KafkaError.NONE, ALL)
    assert len(world.group.members) == 1


def test_first_members_are_awaited_for_a_while(world):
    world.configs["streams.initial.rebalance.delay.ms"] = 3_000
    a, b = Thread(world, "a"), Thread(world, "b")

    first = a.join()
    second = b.join()
    world.wait(2_999)
    still = a.beat()
    world.wait(1)
    a.beat()
    b.beat()

    delayed = [(5, "Assignment delayed due to the configured initial rebalance delay.")]
    assert [statuses(reply) for reply in (first, second, still)] == [delayed] * 3
    assert (first.member_epoch, running(first.active_tasks)) == (1, {})
    assert (a.active, b.active) == ({"0": [0], "1": [0]}, {"0": [1], "1": [1]})


def test_assignments_keep_their_distance(world):
    world.configs["streams.assignment.interval.ms"] = 1_000
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()

    early = b.join()
    world.wait(1_000)
    b.beat()
    settle(a, b)

    assert statuses(early) == [(5, "Assignment delayed due to the configured assignment interval.")]
    assert early.member_epoch == 2
    assert b.active == {"0": [1], "1": [1]}


def test_a_request_to_stop_reaches_everybody_until_the_group_is_empty(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()
    b.join()

    asked = a.beat(shutdown_application=True)
    heard = b.beat()
    a.leave()
    b.leave()
    again = Thread(world, "c").join()

    (status,) = statuses(asked)
    assert status[0] == 4
    assert status[1].startswith("Streams group member a encountered")
    assert statuses(heard)[-1] == status
    assert statuses(again) == []


def test_a_member_with_an_older_topology_is_told_and_one_with_a_newer_or_another_is_refused(world):
    world.enter("a", topology=word_count(epoch=1))

    older = world.enter("b", topology=word_count(epoch=0))
    newer = world.enter("c", topology=word_count(epoch=2))
    other = world.enter("d", topology=topology(part("0", source_topics=["t"]), epoch=1))

    assert statuses(older) == [(0, "The member's topology epoch 0 is behind the group's topology epoch 1.")]
    assert error(newer) is error(other) is KafkaError.INVALID_REQUEST
    assert sorted(world.group.members) == ["a", "b"]


def test_what_runs_at_which_endpoint_is_told_when_it_changed(world):
    endpoint = Request.Endpoint("host", 8_080)
    world.enter("a", user_endpoint=endpoint, endpoint_information_epoch=-1)

    told = world.beat("a", 2, endpoint_information_epoch=7)
    known = world.beat("a", 2, endpoint_information_epoch=told.endpoint_information_epoch)

    (entry,) = told.partitions_by_user_endpoint
    assert (entry.user_endpoint.host, entry.user_endpoint.port) == ("host", 8_080)
    places = sorted((place.topic, place.partitions) for place in entry.active_partitions)
    assert places == [("r", [0, 1]), ("t", [0, 1])]
    assert entry.standby_partitions == []
    assert known.partitions_by_user_endpoint is None


def test_a_group_is_described_with_its_topology_and_members(world):
    world.enter("a", client_tags=[Request.KeyValue("k", "v")], user_endpoint=Request.Endpoint("h", 1), rack_id="z")

    found = world.about()

    (member,) = found.members
    assert (found.group_epoch, found.assignment_epoch, found.topology.epoch) == (2, 2, 0)
    assert [(p.subtopology_id, p.source_topics, p.repartition_sink_topics) for p in found.topology.subtopologies] == [
        ("0", ["t"], ["r"]),
        ("1", [], []),
    ]
    counted = found.topology.subtopologies[1]
    assert [(topic.name, topic.partitions) for topic in counted.repartition_source_topics] == [("r", 2)]
    assert [(topic.name, topic.partitions) for topic in counted.state_changelog_topics] == [("c", 2)]
    assert (member.process_id, member.rack_id, member.client_id, member.member_epoch) == ("p-a", "z", "c", 2)
    assert (member.user_endpoint.host, [(tag.key, tag.value) for tag in member.client_tags]) == ("h", [("k", "v")])
    assert running(member.assignment.active_tasks) == running(member.target_assignment.active_tasks) == ALL


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"member_id": ""}, KafkaError.INVALID_REQUEST),
        ({"group_id": " "}, KafkaError.INVALID_REQUEST),
        ({"instance_id": ""}, KafkaError.INVALID_REQUEST),
        ({"rack_id": ""}, KafkaError.INVALID_REQUEST),
        ({"rebalance_timeout_ms": -1}, KafkaError.INVALID_REQUEST),
        ({"owned": {"0": [0]}}, KafkaError.INVALID_REQUEST),
        ({"owned": None}, KafkaError.INVALID_REQUEST),
        ({"topology": None}, KafkaError.INVALID_REQUEST),
        ({"topology": topology(part("0", source_topic_regex=["t.*"]))}, KafkaError.INVALID_REQUEST),
        ({"topology": topology(part("0", source_topics=["a b"]))}, KafkaError.STREAMS_INVALID_TOPOLOGY),
        ({"topology": topology(part("0", source_topics=["__consumer_offsets"]))}, KafkaError.STREAMS_INVALID_TOPOLOGY),
        (
            {"topology": topology(part("0", source_topics=["t"], state_changelog_topics=[internal("c", 3)]))},
            KafkaError.STREAMS_INVALID_TOPOLOGY,
        ),
        ({"topology": topology(part("0"))}, KafkaError.STREAMS_INVALID_TOPOLOGY),
        (
            {"topology": topology(part("0", source_topics=["t"], copartition_groups=[OUT_OF_RANGE]))},
            KafkaError.STREAMS_INVALID_TOPOLOGY,
        ),
    ],
)
def test_a_join_that_makes_no_sense_is_refused_and_changes_nothing(world, fields, expected):
    member_id = fields.pop("member_id", "a")

    reply = world.enter(member_id, **fields)

    assert error(reply) is expected
    assert world.log == []


def test_a_heartbeat_that_makes_no_sense_is_refused(world):
    world.enter("a")

    refused = [
        world.beat("a", 2, topology=word_count()),
        world.beat("a", -3),
        world.beat("a", -2),
        world.beat("a", 2, active_tasks=[]),
        world.beat("a", 2, owned={"7": [0]}),
        world.beat("a", 2, owned={"0": [2]}),
    ]

    assert {error(reply) for reply in refused} == {KafkaError.INVALID_REQUEST}


def test_groups_that_are_not_there_or_of_another_type_are_told_apart(world):
    world.join_named(group_id="classic")

    answers = [world.beat("a", epoch, group_id=group) for group in ("none", "classic") for epoch in (2, -1)]
    joined = world.enter("a", group_id="classic")

    assert {error(reply) for reply in answers} == {KafkaError.GROUP_ID_NOT_FOUND}
    assert error(joined) is KafkaError.GROUP_ID_NOT_FOUND
    assert error(world.about("none")) is error(world.about("classic")) is KafkaError.GROUP_ID_NOT_FOUND
    assert world.about("classic").error_message == "Group classic is not a streams group."


def test_an_empty_group_gives_way_to_one_of_another_type(world):
    world.enter("a")
    world.beat("a", -1)

    world.join_named()
    world.wait(1)
    as_classic = world.state()
    world.leave((next(iter(world.groups._desk.groups["g"].members)), None))
    world.wait(1)
    reply = world.enter("b")
    world.restart()

    assert as_classic != "Dead"
    assert error(reply) is KafkaError.NONE
    assert list(world.group.members) == ["b"]


def test_a_streams_group_with_members_refuses_classic_ones(world):
    world.enter("a")

    assert world.join().error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL


def test_the_protocol_can_be_left_out():
    world = StreamsWorld(GroupSettings(group_coordinator_rebalance_protocols=("classic", "consumer")))

    assert error(world.enter("a")) is KafkaError.UNSUPPORTED_VERSION


def test_a_group_takes_no_more_members_than_it_may():
    world = StreamsWorld(GroupSettings(group_streams_max_size=1))
    world.enter("a")

    assert error(world.enter("b")) is KafkaError.GROUP_MAX_SIZE_REACHED
    assert error(world.enter("a")) is KafkaError.NONE


def test_names_that_are_too_long_are_refused(world):
    assert error(world.enter("a" * 5_000)) is KafkaError.INVALID_REQUEST
    assert error(world.enter("a", process_id="p" * 5_000)) is KafkaError.INVALID_REQUEST


def test_members_and_topologies_are_bounded_by_what_they_take():
    world = StreamsWorld(GroupSettings(group_bytes_max=1_000))
    tags = [Request.KeyValue("k", "v" * 2_000)]

    assert error(world.enter("a", client_tags=tags)) is KafkaError.GROUP_MAX_SIZE_REACHED
    assert error(world.enter("a")) is KafkaError.NONE


def test_offsets_are_committed_by_members_with_their_epoch(world):
    a, b = Thread(world, "a"), Thread(world, "b")
    a.join()
    b.join()
    settle(a, b)

    def commit(place, **fields):
        return world.commit({place: 5}, **fields)[place]

    mine, other = ("t", 0), ("t", 1)
    assert commit(mine, member_id="a", generation_id_or_member_epoch=3) is KafkaError.NONE
    # It has had that task since epoch 2, and another member has the other one.
    assert commit(mine, member_id="a", generation_id_or_member_epoch=2) is KafkaError.NONE
    assert commit(other, member_id="a", generation_id_or_member_epoch=2) is KafkaError.STALE_MEMBER_EPOCH
    assert commit(mine, member_id="a", generation_id_or_member_epoch=4) is KafkaError.STALE_MEMBER_EPOCH
    assert commit(mine, member_id="x", generation_id_or_member_epoch=3) is KafkaError.UNKNOWN_MEMBER_ID
    assert commit(mine, member_id="a", generation_id_or_member_epoch=3, version=8) is KafkaError.UNSUPPORTED_VERSION
    assert commit(mine) is KafkaError.UNKNOWN_MEMBER_ID
    assert world.fetched({"t": [0, 1]}) == {("t", 0): 5, ("t", 1): -1}


def test_an_empty_group_is_deleted_with_its_offsets(world):
    world.enter("a")
    world.commit({("t", 0): 5}, member_id="a", generation_id_or_member_epoch=2)

    refused = world.settle(world.groups.delete("g", world.now_ms))
    world.beat("a", -1)
    deleted = world.settle(world.groups.delete("g", world.now_ms))
    world.restart()

    assert KafkaError(refused.error_code) is KafkaError.NON_EMPTY_GROUP
    assert KafkaError(deleted.error_code) is KafkaError.NONE
    assert "g" not in world.groups._desk.groups
    assert world.fetched({"t": [0]}) == {("t", 0): -1}


def test_offsets_of_topics_that_are_read_stay_and_those_of_an_empty_group_expire():
    world = StreamsWorld(GroupSettings(offsets_retention_minutes=1, offsets_retention_check_interval_ms=60_000))
    world.configs["streams.session.timeout.ms"] = 1_000_000
    world.enter("a")
    world.commit({("t", 0): 5}, member_id="a", generation_id_or_member_epoch=2)

    world.wait(130_000)
    kept = world.fetched({"t": [0]})
    world.beat("a", -1)
    world.wait(130_000)

    assert kept == {("t", 0): 5}
    assert "g" not in world.groups._desk.groups


@pytest.mark.parametrize(
    "fields",
    [
        {"instance_id": "i"},
        {"task_offsets": []},
        {"task_end_offsets": [Request.TaskOffset("1", 0, 7)]},
        {"warmup_tasks": [Request.TaskIds("1", [0])], "active_tasks": [], "standby_tasks": []},
    ],
)
def test_what_kafka_does_not_serve_yet_is_refused(world, fields):
    world.enter("a")

    reply = world.beat("a", 2, **fields)

    assert error(reply) is KafkaError.INVALID_REQUEST
    assert reply.error_message.endswith("supported yet.") or reply.error_message.endswith("yet supported.")


def test_a_full_disk_changes_nothing(world):
    world.enter("a")
    before = repr(state_of(world.group))

    world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR
    joined, left = world.enter("b"), world.beat("a", -1)
    world.wait(46_000)
    world.refuse_with = None
    is_same = before == repr(state_of(world.group))
    world.wait(2_000)

    assert error(joined) is error(left) is KafkaError.NOT_COORDINATOR
    assert is_same
    # What the log refused when the session was over is tried again.
    assert world.group.is_empty


def test_a_group_is_the_same_after_a_restart(world):
    a, b = Thread(world, "a"), Thread(world, "b", user_endpoint=Request.Endpoint("h", 1))
    a.join()
    b.join()
    a.beat()
    before = state_of(world.group)

    world.restart()
    is_same = before == state_of(world.group)
    settle(a, b)

    assert is_same
    assert b.active == {"0": [1], "1": [1]}


def test_groups_are_listed_with_their_type(world):
    world.enter("a")

    (listed,) = world.groups.list(messages.ListGroupsRequest(states_filter=[], types_filter=["streams"]), 5).groups

    assert (listed.group_id, listed.group_type, listed.protocol_type, listed.group_state) == (
        "g",
        "streams",
        "streams",
        "Stable",
    )


@pytest.mark.parametrize(("state", "count"), [("NotReady", 1), ("not_ready", 1), ("Stable", 0)])
def test_groups_are_listed_by_their_state(state, count):
    world = StreamsWorld(u=1)
    world.enter("a")

    listed = world.groups.list(messages.ListGroupsRequest(states_filter=[state], types_filter=[]), 5).groups

    assert len(listed) == count


def test_topics_that_grow_or_go_make_a_new_assignment(world):
    a = Thread(world, "a")
    a.join()

    for name in ("t", "r", "c"):
        world.changing.set(name, 3)
    settle(a)
    grown = a.active
    world.changing.set("t", 0)
    settle(a)

    assert grown == {"0": [0, 1, 2], "1": [0, 1, 2]}
    assert a.active == NOTHING
    assert world.about().group_state == "NotReady"
    assert topic_id("t") not in world.changing.counts
