"""The way out of a connection, with a transport that takes as much as the test says."""

import socket

import pytest

from penstock.kit.files import FileSlice
from penstock.server.writer import CHUNK_BYTES, PART_OVERHEAD, SLICE_READ_MAX, Writer
from penstock.testing.files import MemoryFiles


class Transport:
    """Takes `room` bytes; then says pause, and resume when `drain` has been called."""

    def __init__(self, raw):
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.written = []
        self.faults = []
        self.room = 1 << 40
        self.writer = Writer(self, raw, self.faults.append)

    def get_extra_info(self, name):
        assert name == "socket"
        return self.near

    def set_write_buffer_limits(self, high):
        assert high == 0

    def write(self, data):
        self.written.append(bytes(data))
        self.room -= len(data)
        if self.room < 0:
            self.writer.pause()

    def drain(self, room):
        self.room = room
        self.writer.resume()

    def close(self):
        self.writer.close()
        self.near.close()
        self.far.close()


@pytest.fixture
def transport():
    opened = []

    def make(raw):
        opened.append(Transport(raw))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def file_of(data):
    files = MemoryFiles()
    files.make_dirs("/d")
    file = files.open("/d/log", create=True)
    file.append(data)
    return file


LARGE = bytes(range(256)) * 4_096
PARTS = [
    b"head",
    FileSlice(file_of(LARGE), 5, 100),
    bytearray(b"between"),
    FileSlice(file_of(LARGE), 9, 900_000),
    b"end",
]
WHOLE = b"head" + LARGE[5:105] + b"between" + LARGE[9:900_009] + b"end"


def test_without_a_descriptor_everything_goes_through_the_transport(transport):
    wire = transport(raw=False)

    wire.writer.send([b"a", b"b"])
    wire.writer.send(PARTS)

    assert b"".join(wire.written) == b"ab" + WHOLE
    assert max(map(len, wire.written)) <= CHUNK_BYTES
    assert wire.writer.is_idle
    assert wire.writer.backlog_bytes == 0


def test_what_the_transport_does_not_take_stands_in_line_unread(transport):
    wire = transport(raw=False)
    wire.room = 10

    for _ in range(3):
        wire.writer.send(PARTS)

    assert not wire.writer.is_idle
    assert wire.writer.backlog_bytes < 3 * (5 * PART_OVERHEAD + 100)
    for _ in range(100):
        wire.drain(room=200_000)
    assert b"".join(wire.written) == WHOLE * 3
    assert wire.writer.is_idle
    assert wire.writer.backlog_bytes == 0


def test_small_replies_behind_a_full_socket_keep_their_order(transport):
    wire = transport(raw=True)
    big = b"x" * 3_000_000

    wire.writer.send([big])
    wire.writer.pause()
    wire.writer.send([b"one"])
    wire.writer.send([b"two", b"three"])
    direct = wire.far.recv(1 << 23)
    while len(direct) + len(wire.written[0]) < len(big):
        direct += wire.far.recv(1 << 23)
    wire.writer.resume()

    assert direct + wire.written[0] == big
    assert wire.far.recv(100) == b"onetwothree"


def test_a_peer_that_is_gone_is_left_to_the_transport_to_notice(transport):
    wire = transport(raw=True)
    wire.far.close()

    wire.writer.send([b"lost"])
    wire.writer.send([b"too"])

    assert wire.written == [b"lost", b"too"]
    assert wire.faults == []


@pytest.mark.parametrize("size", [100, SLICE_READ_MAX + 1])
def test_a_slice_that_cannot_be_read_ends_the_connection_once(transport, size):
    wire = transport(raw=True)

    wire.writer.send([b"head", FileSlice(file_of(b"short"), 0, size)])
    wire.writer.send([b"never"])

    assert len(wire.faults) == 1
    assert "could not be read" in wire.faults[0]
    assert wire.written == []


def test_nothing_is_written_to_the_descriptor_after_the_end(transport):
    wire = transport(raw=True)
    wire.writer.close()

    wire.writer.send([b"late"])

    wire.far.setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.far.recv(1)
    assert wire.written == []
