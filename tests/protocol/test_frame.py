"""Frames: cut anywhere, bounded before they are held; headers of both kinds."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.protocol import messages
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.codec import decode, decode_exact, encode
from penstock.protocol.errors import FrameTooLarge, Malformed, Unencodable
from penstock.protocol.frame import (
    FrameSplitter,
    RequestHeader,
    decode_request_header,
    decode_response,
    encode_request,
    encode_response,
)

BODIES = st.lists(st.binary(max_size=40), max_size=8)
ALL_VERSIONS = [(key, v) for key, api in API.items() for v in range(api.min_version, api.max_version + 1)]
CUTS = st.lists(st.integers(0, 300), max_size=12)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[low:high] for low, high in itertools.pairwise(edges)]


def drain(splitter: FrameSplitter, stream: list[bytes], found: list[bytes]) -> None:
    """One by one, so that `found` keeps what came before a fault."""
    for piece in stream:
        for frame in splitter.feed(piece):
            found += [bytes(frame)]


@given(BODIES, CUTS)
def test_frames_do_not_care_where_the_stream_was_cut(bodies, cuts):
    splitter = FrameSplitter(40)

    found = [bytes(frame) for piece in pieces(b"".join(map(framed, bodies)), cuts) for frame in splitter.feed(piece)]

    assert found == bodies
    assert splitter.pending_size == 0


@given(BODIES, CUTS)
def test_a_splitter_holds_no_more_than_one_unfinished_frame(bodies, cuts):
    splitter = FrameSplitter(40)

    for piece in pieces(b"".join(map(framed, bodies)), cuts):
        drain(splitter, [piece], [])
        assert splitter.pending_size < 44


@pytest.mark.parametrize("size", [-1, 101, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("cut", [0, 2, 4])
def test_a_frame_too_large_is_refused_before_it_is_held(size, cut):
    splitter = FrameSplitter(100)
    stream = framed(b"sound") + size.to_bytes(4, "big", signed=True) + bytes(50)
    found: list[bytes] = []

    with pytest.raises(FrameTooLarge, match=f"a frame of {size} bytes announced, between 0 and 100"):
        drain(splitter, [stream[: 9 + cut], stream[9 + cut :]], found)

    assert found == [b"sound"]
    assert splitter.pending_size <= 4


def test_a_whole_frame_is_a_view_and_not_a_copy():
    buffer = bytearray(framed(b"body"))

    (frame,) = FrameSplitter(100).feed(buffer)
    frame[0] = ord("B")

    assert buffer == framed(b"Body")


def test_a_frame_in_two_pieces_can_be_written_to_as_well():
    splitter = FrameSplitter(100)
    assert list(splitter.feed(b"\0\0\0\4bo")) == []

    (frame,) = splitter.feed(b"dy")
    frame[0] = ord("B")

    assert bytes(frame) == b"Body"


@pytest.mark.parametrize("client_id", [None, "", "me", "ü" * 200])
@pytest.mark.parametrize("version", [3, 8, 9, 13])
def test_a_request_comes_back_with_its_header(version, client_id):
    request = messages.ProduceRequest(acks=1, timeout_ms=5)

    stream = b"".join(encode_request(ApiKey.PRODUCE, version, 7, client_id, request))
    (frame,) = FrameSplitter(1000).feed(stream)
    header, body = decode_request_header(frame)

    assert header == RequestHeader(ApiKey.PRODUCE, version, 7, client_id)
    assert decode_exact(messages.ProduceRequest, version, frame, body) == request


@pytest.mark.parametrize(("key", "version"), ALL_VERSIONS)
def test_a_header_is_what_kafkas_own_schema_says(key, version):
    api = API[key]
    schema = messages.RequestHeader(key, version, 77, "client")
    data = b"".join(encode(schema, api.request_header_version(version))) + b"body"

    assert decode_request_header(data) == (RequestHeader(key, version, 77, "client"), len(data) - 4)

    answer = b"".join(encode_response(key, version, 77, api.response()))
    head = b"".join(encode(messages.ResponseHeader(77), api.response_header_version(version)))
    assert answer[4 : 4 + len(head)] == head
    assert int.from_bytes(answer[:4], "big") == len(answer) - 4
    assert decode_response(key, version, memoryview(answer)[4:]) == (77, api.response())


def test_tags_of_a_header_are_skipped():
    data = b"".join(encode(messages.RequestHeader(18, 3, 1, "c"), 2))
    tagged = data[:-1] + b"\x01\x00\x03abc"

    assert decode_request_header(tagged + b"body")[1] == len(tagged)
    assert decode_response(3, 12, framed(b"\x01\x00\x01x" + b"".join(encode(messages.MetadataResponse(), 12))))[0] > 0


def test_a_version_that_nobody_serves_still_has_a_header():
    data = b"".join(encode(messages.RequestHeader(ApiKey.API_VERSIONS, 99, 1, "c"), 2))

    assert decode_request_header(data)[0] == RequestHeader(ApiKey.API_VERSIONS, 99, 1, "c")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "request header at byte 0"),
        (b"\0\0\0\x0b\0\0\0\1", "request header at byte 0"),
        (b"\x03\xe7\0\x0b\0\0\0\1\xff\xff", "no API has the key 999"),
        (b"\xff\xff\0\x0b\0\0\0\1\xff\xff", "no API has the key -1"),
        (b"\0\0\0\x0b\0\0\0\1\0\5me", "a client id of 5 bytes announced, 2 left"),
        (b"\0\0\0\x0b\0\0\0\1\0\1\xff\0", "request header at byte 10: 'utf-8' codec"),
        (b"\0\0\0\x0b\0\0\0\1\0\1c", "request header at byte 11"),
        (b"\0\0\0\x0b\0\0\0\1\0\1c\1\0\5", "a tagged field of 5 bytes announced, 0 left"),
    ],
)
def test_a_broken_request_header_is_malformed(data, text):
    with pytest.raises(Malformed) as caught:
        decode_request_header(memoryview(data))

    assert text in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\1\1", b"\0\0\0\1\x01\x05\x05"])
def test_a_broken_response_header_is_malformed(data):
    with pytest.raises(Malformed, match="response header"):
        decode_response(ApiKey.METADATA, 12, data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_header_or_malformed(data):
    try:
        header, body = decode_request_header(data)
    except Malformed:
        return
    assert header.api_key in API
    assert body <= len(data)


def test_records_in_a_response_stay_parts_of_their_own():
    response = messages.FetchResponse
    records = memoryview(bytes(5000))
    topic = response.FetchableTopicResponse(partitions=[response.PartitionData(records=records)])

    parts: list[Any] = encode_response(ApiKey.FETCH, 17, 7, response(responses=[topic]))

    assert parts[1] is records
    assert int.from_bytes(parts[0][:4], "big") == sum(map(len, parts)) - 4
    assert decode(response, 17, b"".join(parts), 9)[0].responses == [topic]


def test_the_wrong_response_is_unencodable():
    with pytest.raises(Unencodable, match="MetadataResponse v1"):
        encode_response(ApiKey.METADATA, 1, 7, messages.ProduceResponse())
