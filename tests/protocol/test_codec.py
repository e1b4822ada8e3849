"""Messages to bytes and back; what may stay unset, what is handed on uncopied, what cannot be written."""

from __future__ import annotations

import linecache
import pickle
import traceback
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from penstock.protocol import catalog, messages
from penstock.protocol.codec import decode, decode_exact, decoder, encode
from penstock.protocol.errors import Malformed, Unencodable

from .samples import all_versions, versioned_messages_of

TOPIC = messages.DeleteTopicsRequest.DeleteTopicState


def joined(message: Any, version: int) -> bytes:
    return b"".join(encode(message, version))


class Slice:
    """Stands for a piece of a file: a length, and no bytes that anybody may look at."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


def produce(records: Any) -> Any:
    request = messages.ProduceRequest
    partition = request.PartitionProduceData(index=1, records=records)
    return request(topic_data=[request.TopicProduceData(name="t", partition_data=[partition])])


def survives(name: str, examples: int) -> None:
    """Writes random messages and reads them back, alone and amid other bytes."""
    cls = getattr(messages, name)

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(versioned_messages_of(name))
    def survive(sample: tuple[int, Any]) -> None:
        version, message = sample
        data = joined(message, version)

        assert decode(cls, version, b"xyz" + data + b"more", 3) == (message, 3 + len(data))
        assert decode_exact(cls, version, memoryview(bytearray(data))) == message

    survive()


@pytest.mark.parametrize("name", catalog.names())
def test_a_message_survives_its_bytes(name):
    survives(name, examples=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.names())
def test_a_message_survives_its_bytes_at_length(name):
    survives(name, examples=60)


@pytest.mark.parametrize(("name", "version"), all_versions())
def test_unset_fields_come_back_as_their_defaults(name, version):
    message = getattr(messages, name)()

    assert decode_exact(type(message), version, joined(message, version)) == message


def test_fields_stand_in_kafkas_order_by_position_or_by_name():
    topic = messages.MetadataRequest.MetadataRequestTopic

    assert topic(bytes(16), "a") == topic(name="a", topic_id=bytes(16))
    assert repr(topic(name="a")) == f"MetadataRequest.MetadataRequestTopic(topic_id={bytes(16)!r}, name='a')"
    assert topic(name="a") != topic(name="b")
    assert topic(name="a") != messages.MetadataRequest()


def test_every_message_gets_lists_and_structs_of_its_own():
    one, other = messages.ConsumerGroupDescribeResponse.Member(), messages.ConsumerGroupDescribeResponse.Member()

    one.subscribed_topic_names.append("t")
    one.assignment.topic_partitions.append(messages.ConsumerGroupDescribeResponse.TopicPartitions())

    assert other.subscribed_topic_names == []
    assert other.assignment.topic_partitions == []


def test_null_given_is_not_the_same_as_nothing_given():
    assert messages.MetadataRequest(topics=None).topics is None
    assert messages.MetadataRequest().topics == []


def test_a_message_can_be_pickled():
    message = produce(b"x")

    assert pickle.loads(pickle.dumps(message)) == message


def test_a_name_that_kafka_does_not_have_is_no_attribute():
    with pytest.raises(AttributeError, match="ProduceRequset"):
        _ = messages.ProduceRequset

    assert "ProduceRequest" in dir(messages)


@pytest.mark.parametrize("version", [8, 9])
def test_records_of_a_kibibyte_are_handed_on_uncopied(version):
    records = memoryview(bytearray(1024))

    head, body, tail = encode(produce(records), version)

    assert body is records
    assert head.endswith(b"\x81\x08" if version == 9 else b"\x00\x00\x04\x00")
    assert bytes(tail) == (b"\0\0\0" if version == 9 else b"")


def test_small_records_are_gathered_with_the_rest():
    assert len(encode(produce(memoryview(b"x" * 1022)), 9)) == 1


@pytest.mark.parametrize("size", [1, 5000])
def test_a_file_slice_is_handed_on_unseen_whatever_its_size(size):
    records = Slice(size)

    parts = encode(produce(records), 9)

    assert parts[1] is records


def test_a_list_of_records_parts_counts_as_one_value():
    parts = encode(produce([b"a" * 100, Slice(2000), b"b" * 28]), 8)

    assert [len(part) for part in parts[1:4]] == [100, 2000, 28]
    assert parts[0].endswith((2128).to_bytes(4, "big"))


def test_decoded_records_are_a_view_into_the_buffer():
    buffer = bytearray(joined(produce(b"records"), 9))

    message = decode_exact(messages.ProduceRequest, 9, buffer)
    records = message.topic_data[0].partition_data[0].records
    records[0:1] = b"R"

    assert b"Records" in buffer


def test_decoded_bytes_are_a_copy():
    buffer = bytearray(joined(messages.SaslAuthenticateRequest(auth_bytes=b"secret"), 2))

    message = decode_exact(messages.SaslAuthenticateRequest, 2, buffer)
    buffer[:] = bytes(len(buffer))

    assert message.auth_bytes == b"secret"


@pytest.mark.parametrize("count", [126, 127, 128, 16_382, 16_383, 16_384])
def test_long_arrays_survive(count):
    response = messages.MetadataResponse
    message = response(topics=[response.MetadataResponseTopic(name=str(number)) for number in range(count)])

    assert decode_exact(response, 12, joined(message, 12)) == message


def test_an_unknown_tagged_field_is_skipped():
    data = joined(messages.HeartbeatRequest(group_id="g"), 4)

    assert data.endswith(b"\0")
    # Two tagged fields: number 5 with one byte, number 200 with none.
    extended = data[:-1] + b"\x02\x05\x01x\xc8\x01\x00"

    assert decode_exact(messages.HeartbeatRequest, 4, extended).group_id == "g"


def test_a_tagged_struct_is_sent_only_when_it_says_something():
    response = messages.ProduceResponse
    partition = response.PartitionProduceResponse

    def sent(leader: Any) -> bytes:
        partitions = [partition(current_leader=leader)]
        return joined(response(responses=[response.TopicProduceResponse(partition_responses=partitions)]), 10)

    assert partition().current_leader is None
    assert sent(None) == sent(response.LeaderIdAndEpoch())
    assert sent(response.LeaderIdAndEpoch(leader_id=3)) != sent(None)


def test_a_tagged_field_that_kafka_can_null_is_sent_as_null():
    value = messages.ConsumerGroupMemberMetadataValue

    assert joined(value(), 0).endswith(b"\x00")
    # One tagged field, number 0, of one byte: null.
    assert joined(value(classic_member_metadata=None), 0).endswith(b"\x01\x00\x01\x00")
    assert decode_exact(value, 0, joined(value(classic_member_metadata=None), 0)).classic_member_metadata is None


@pytest.mark.parametrize(
    ("message", "version", "place"),
    [
        (messages.ProduceRequest(acks=1 << 15), 9, "acks"),
        (messages.ProduceRequest(acks=1, timeout_ms="soon"), 9, "timeout_ms"),
        (messages.HeartbeatRequest(group_id=None), 4, "group_id"),
        (messages.HeartbeatRequest(group_id="g" * 32_768), 4, "group_id"),
        (messages.HeartbeatRequest(group_id="g" * 32_768), 3, "group_id"),
        (messages.HeartbeatRequest(group_id="\ud800"), 3, "group_id"),
        (messages.HeartbeatRequest(group_instance_id="i"), 2, "group_instance_id"),
        (messages.DeleteTopicsRequest(topics=[TOPIC(None, b"short")]), 6, "topics[0].topic_id"),
        (messages.DeleteTopicsRequest(topic_names=["a", "b", 3]), 5, "topic_names[2]"),
        (messages.DeleteTopicsRequest(topics=[1]), 5, "topics"),
        (messages.ListGroupsRequest(states_filter=None), 4, "states_filter"),
        (produce(7), 9, "topic_data[0].partition_data[0].records"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named(message, version, place):
    with pytest.raises(Unencodable) as caught:
        encode(message, version)

    assert f"{type(message).__name__} v{version}: {place}: " in str(caught.value)


def test_an_ignorable_field_is_dropped_where_the_version_lacks_it():
    message = messages.ConsumerProtocolSubscription(topics=["t"], generation_id=7)

    assert decode_exact(type(message), 0, joined(message, 0)) == messages.ConsumerProtocolSubscription(topics=["t"])


@pytest.mark.parametrize("version", [-1, 2, 14])
def test_a_version_that_kafka_does_not_have_is_a_value_error(version):
    with pytest.raises(ValueError, match=f"3 to 13, not {version}"):
        decoder(messages.ProduceRequest, version)


def test_a_part_of_a_message_does_not_travel_alone():
    with pytest.raises(ValueError, match="only whole messages travel"):
        encode(messages.ProduceRequest.PartitionProduceData(), 9)


def test_bytes_left_over_are_the_callers_business():
    data = joined(messages.HeartbeatRequest(), 0) + b"extra"

    assert decode(messages.HeartbeatRequest, 0, data)[1] == len(data) - 5
    with pytest.raises(Malformed, match="5 bytes left over"):
        decode_exact(messages.HeartbeatRequest, 0, data)


def test_tracebacks_show_the_compiled_lines():
    with pytest.raises(Unencodable) as caught:
        encode(messages.HeartbeatRequest(generation_id="first"), 0)

    shown = "".join(traceback.format_exception(caught.value))
    assert "<penstock encode HeartbeatRequest v0>" in shown
    assert "o0.generation_id" in shown
    assert linecache.getline("<penstock encode HeartbeatRequest v0>", 1).startswith("def encode(")
