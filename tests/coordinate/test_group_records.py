"""Records of __consumer_offsets, against bytes that Apache Kafka 4.3.1 wrote."""

import pytest
from tests.coordinate.group_world import FixedTopics, World, over_wire, subscription

from penstock.coordinate.group_records import (
    NO_EXPIRY,
    Committed,
    GroupKey,
    OffsetKey,
    offset_record,
    read_committed,
    read_group,
    read_key,
)
from penstock.coordinate.groups import GroupSettings
from penstock.protocol import messages
from penstock.protocol.codec import encode

# A static member joins group "g", commits to t-2 with OffsetCommit v9 and v4, leaves, and the group is deleted.
MEMBER = "i-1-172b1f73-4bbc-4e04-896d-ce22ac76ecae"
TOPIC_ID = bytes.fromhex("6534b1765d07436ca3292715de1b3f2c")
GROUP_KEY = "0002000167"
OFFSET_KEY = "000100016700017400000002"
NEW_GROUP = "0003000000000000ffffffff000001a1fe21430000000000"
STABLE_GROUP = (
    "00030008636f6e73756d657200000001000572616e67650028692d312d31373262316637332d346262632d346530342d383936642d"
    "636532326163373665636165000001a1fe21431f000000010028692d312d31373262316637332d346262632d346530342d38393664"
    "2d6365323261633736656361650003692d31000163000a2f3132372e302e302e310000ea6000002710000000110001000000010001"
    "74ffffffff0000000000000009616c6c206f66206974"
)
OFFSET = "0004000000000012d68700000005056d696e65000001a1fe21439f0100106534b1765d07436ca3292715de1b3f2c"
OFFSET_EXPIRING = "0001000000000012d68700046d696e65000001a1fe2143b4000001a1fe583234"
EMPTY_GROUP = "00030008636f6e73756d657200000002ffffffff000001a1fe2143bd00000000"
APACHE = [
    (GROUP_KEY, NEW_GROUP),
    (GROUP_KEY, STABLE_GROUP),
    (OFFSET_KEY, OFFSET),
    (OFFSET_KEY, OFFSET_EXPIRING),
    (GROUP_KEY, EMPTY_GROUP),
    (OFFSET_KEY, None),
    (GROUP_KEY, None),
]


class FixedDice:
    """Gives the UUID that Apache's run gave."""

    def __call__(self, count: int) -> bytes:
        return bytes.fromhex("172b1f734bbc4e04896dce22ac76ecae")


def our_log() -> list[tuple[str, str | None]]:
    """The same story told to us, at the times of Apache's records."""
    # Apache took 31 ms to end the join phase.
    settings = GroupSettings(group_initial_rebalance_delay_ms=31)
    world = World(settings, FixedTopics(t=(TOPIC_ID, 3)))
    world.groups._desk.dice = FixedDice()
    world.now_ms = 0x1A1FE214300
    join_class, sync_class = messages.JoinGroupRequest, messages.SyncGroupRequest
    join = join_class(
        group_id="g",
        session_timeout_ms=10_000,
        rebalance_timeout_ms=60_000,
        group_instance_id="i-1",
        protocol_type="consumer",
        protocols=[join_class.JoinGroupRequestProtocol(name="range", metadata=subscription("t"))],
    )
    world.settle(world.groups.join(join, "c", "/127.0.0.1", 9, world.now_ms))
    world.wait(31)
    sync = sync_class(
        group_id="g",
        generation_id=1,
        member_id=MEMBER,
        group_instance_id="i-1",
        protocol_type="consumer",
        protocol_name="range",
        assignments=[sync_class.SyncGroupRequestAssignment(member_id=MEMBER, assignment=b"all of it")],
    )
    world.settle(world.groups.sync(sync, 5, world.now_ms))
    as_member = {"member_id": MEMBER, "generation_id_or_member_epoch": 1, "metadata": "mine"}
    world.now_ms = 0x1A1FE21439F
    world.commit({("t", 2): 1234567}, group_instance_id="i-1", leader_epoch=5, **as_member)
    world.now_ms = 0x1A1FE2143B4
    world.commit({("t", 2): 1234567}, version=4, retention_time_ms=3_600_000, **as_member)
    world.now_ms = 0x1A1FE2143BD
    world.leave((MEMBER, "i-1"))
    world.settle(world.groups.delete("g", world.now_ms))
    return [(key.hex(), None if value is None else value.hex()) for _, key, value, _ in world.log]


def test_our_records_are_apaches_byte_for_byte():
    assert our_log() == APACHE


@pytest.mark.parametrize("length", range(1, len(APACHE) + 1))
def test_apaches_log_is_understood_wherever_it_ends(length):
    world = World()
    world.log = [
        (world.groups.partition_of("g"), bytes.fromhex(key), None if value is None else bytes.fromhex(value), -1)
        for key, value in APACHE[:length]
    ]

    world.restart()

    states = ["Empty", "Stable", "Stable", "Stable", "Empty", "Empty", "Dead"]
    assert world.state() == states[length - 1]
    assert world.fetched() == ({("t", 2): 1234567} if 3 <= length <= 5 else {})


def test_a_stable_group_says_everything_about_its_members():
    found = read_group(bytes.fromhex(STABLE_GROUP))

    (member,) = found.members
    assert (found.protocol_type, found.protocol, found.generation, found.leader) == ("consumer", "range", 1, MEMBER)
    assert (member.member_id, member.group_instance_id) == (MEMBER, "i-1")
    assert (member.client_id, member.client_host) == ("c", "/127.0.0.1")
    assert (member.session_timeout, member.rebalance_timeout) == (10_000, 60_000)
    assert (member.subscription, member.assignment) == (subscription("t"), b"all of it")


@pytest.mark.parametrize("version", range(5))
def test_offsets_of_every_version_are_read(version):
    value = messages.OffsetCommitValue(offset=7, metadata="m", commit_timestamp=9)
    data = version.to_bytes(2, "big") + b"".join(encode(value, version))

    assert read_committed(data, 3) == Committed(7, -1, "m", 9, NO_EXPIRY, bytes(16), 3)


@pytest.mark.parametrize("version", range(5))
def test_groups_of_every_version_are_read(version):
    world = World()
    member = messages.GroupMetadataValue.MemberMetadata(
        member_id="m", client_id="c", client_host="/h", session_timeout=10_000, subscription=b"", assignment=b"a"
    )
    value = messages.GroupMetadataValue(
        protocol_type="consumer", generation=3, protocol="range", leader="m", members=[member]
    )
    data = version.to_bytes(2, "big") + b"".join(encode(value, version))

    world.log = [(world.groups.partition_of("g"), bytes.fromhex(GROUP_KEY), data, -1)]
    world.restart()

    assert world.sync("m", 3).assignment == b"a"


def test_the_older_key_of_an_offset_is_read():
    assert read_key(b"\x00\x00" + bytes.fromhex(OFFSET_KEY)[2:]) == OffsetKey("g", "t", 2)
    assert read_key(bytes.fromhex(GROUP_KEY)) == GroupKey("g")


def test_the_definitions_read_what_is_written():
    key, value = offset_record(OffsetKey("grüpe", "tøpic", 3), Committed(1, 2, "né", 4))

    message = messages.OffsetCommitValue(offset=1, leader_epoch=2, metadata="né", commit_timestamp=4)
    assert over_wire(message, 4) == message
    assert value == b"\x00\x04" + b"".join(encode(message, 4))
    assert read_key(key) == OffsetKey("grüpe", "tøpic", 3)
