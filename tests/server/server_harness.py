"""A server on a loop in a thread, with a broker of a few lines behind it, and clients that are bare sockets."""

import asyncio
import contextlib
import socket
import struct
import threading
from types import SimpleNamespace

import uvloop

from penstock.broker.outcome import Reply
from penstock.broker.waiting import Waiting
from penstock.kit.clock import SystemClock
from penstock.protocol import frame, messages
from penstock.protocol.apis import API, ApiKey
from penstock.server.connection import Connection
from penstock.server.hub import Hub
from penstock.server.listener import serve
from penstock.server.settings import ServerSettings
from penstock.testing.clock import ManualClock

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
# Long enough for a machine under load; a test that gets here has failed.
PATIENCE_S = 20


class FakeBroker:
    """Handlers by API key, all versions served; tests put in what they need."""

    def __init__(self, handlers=None):
        self.handlers = {ApiKey.API_VERSIONS: lambda request, session, now_ms: Reply(messages.ApiVersionsResponse())}
        self.handlers.update(handlers or {})
        self.waiting = Waiting()
        self.to_sync = set()
        self.to_remove = []
        self.synced_offsets = []
        self.failed_syncs = []
        self.configs = SimpleNamespace(settings=None)
        self.group_deadline_ms = None

    @property
    def served(self):
        return {key: as_served(API[key]) for key in self.handlers}

    def next_deadline_ms(self):
        return self.group_deadline_ms

    def tick(self, now_ms):
        return now_ms + 1_000

    def disconnected(self, session):
        """What members of share groups held on a connection is given back; nobody holds anything here."""

    def synced(self, partition, offset):
        self.synced_offsets.append((partition, offset))
        self.waiting.wake(partition)

    def sync_failed(self, partition, error):
        self.failed_syncs.append((partition, error))
        self.waiting.wake(partition)


class Client:
    """A blocking socket that speaks frames."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            chunk = self.socket.recv(size - len(data))
            if not chunk:
                raise EOFError(f"{len(data)} of {size} bytes came")
            data += chunk
        return bytes(data)

    def read_frame(self):
        return self.read(struct.unpack(">i", self.read(4))[0])

    def read_reply(self, key, version):
        return frame.decode_response(key, version, self.read_frame())

    def read_to_end(self):
        """Everything up to the end of the connection, a reset counting as an end."""
        data = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while chunk := self.socket.recv(1 << 16):
                data += chunk
        return bytes(data)


class Running:
    """`with Running(broker) as server:` serves until the block ends."""

    def __init__(self, broker, clock=None, loop="uvloop", **settings):
        settings.setdefault("listeners", "PLAINTEXT://127.0.0.1:0")
        self.broker = broker
        self.clock = clock or SystemClock()
        self.settings = ServerSettings(**settings)
        self.loop = LOOPS[loop]()

    def __enter__(self):
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.server = self.wait(serve(self.broker, self.clock, self.settings))
        self.hub = self.server.hub
        return self

    def __exit__(self, *exc):
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def stop(self):
        self.wait(self.server.stop())

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def call(self, function, *arguments):
        """The result of a call on the loop's thread."""

        async def call_it():
            return function(*arguments)

        return self.wait(call_it())

    def until(self, holds):
        """Returns when `holds()` is true on the loop's thread; between looks the loop turns."""

        async def look():
            while not holds():
                await asyncio.sleep(0.001)

        self.wait(look())

    def connect(self):
        return Client(self.server.address)


def request(key, version, correlation_id, message, client_id="test"):
    """One whole request frame."""
    return b"".join(bytes(part) for part in frame.encode_request(key, version, correlation_id, client_id, message))


def api_versions(correlation_id=1, client_id="test"):
    return request(ApiKey.API_VERSIONS, 2, correlation_id, messages.ApiVersionsRequest(), client_id)


def produce(correlation_id=1, records=b"", acks=1, client_id="test"):
    part = messages.ProduceRequest.PartitionProduceData(index=0, records=records)
    topic = messages.ProduceRequest.TopicProduceData(name="t", partition_data=[part])
    message = messages.ProduceRequest(acks=acks, timeout_ms=1_000, topic_data=[topic])
    return request(ApiKey.PRODUCE, 9, correlation_id, message, client_id)


def records_of(message):
    return message.topic_data[0].partition_data[0].records


class StillLoop:
    """Remembers what it is asked to call; `turn` calls what has gathered."""

    def __init__(self):
        self.soon = []
        self.watched = {}

    def call_soon(self, function, *arguments):
        self.soon.append((function, arguments))

    def add_writer(self, fd, function):
        self.watched[fd] = function

    def remove_writer(self, fd):
        del self.watched[fd]

    def call_later(self, delay, function, *arguments):
        return SimpleNamespace(cancel=lambda: None)

    def turn(self):
        soon, self.soon = self.soon, []
        for function, arguments in soon:
            function(*arguments)


class Wire:
    """A transport whose far end is a socket of the test, and a connection on it; nothing happens by itself."""

    def __init__(self, hub, room_bytes=None):
        self._near, self.far = socket.socketpair()
        if room_bytes:
            self._near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room_bytes)
        self._near.setblocking(False)
        self.far.settimeout(PATIENCE_S)
        self.is_reading = True
        self.is_closed = False
        self.left_over = bytearray()
        self.connection = Connection(hub, "PLAINTEXT")
        self.connection.connection_made(self)

    def feed(self, data):
        """Hands over bytes as a loop would, until they are all taken or the connection stops reading."""
        view = memoryview(data)
        while view and self.is_reading and not self.is_closed:
            target = self.connection.get_buffer(-1)
            count = min(len(target), len(view))
            memoryview(target)[:count] = view[:count]
            self.connection.buffer_updated(count)
            view = view[count:]
        return bytes(view)

    def replies(self, key=ApiKey.PRODUCE, version=9):
        """(correlation id, message) of everything that has been written so far."""
        self.far.setblocking(False)
        data = bytearray()
        with contextlib.suppress(BlockingIOError):
            while chunk := self.far.recv(1 << 20):
                data += chunk
        frames = list(frame.FrameSplitter(1 << 30).feed(bytes(data)))
        return [frame.decode_response(key, version, bytes(each)) for each in frames]

    def lose(self):
        self.connection.connection_lost(None)
        self._near.close()
        self.far.close()

    def get_extra_info(self, name, default=None):
        return {"socket": self._near, "peername": ("127.0.0.1", 4711)}[name]

    def set_write_buffer_limits(self, high):
        assert high == 0

    def write(self, data):
        self.left_over += data
        self.connection.pause_writing()

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def close(self):
        self.is_closed = True


def still_hub(broker, **settings):
    return Hub(broker, ManualClock(), ServerSettings(**settings), StillLoop())


def as_served(api):
    return SimpleNamespace(
        repeated=None,
        repeated_min=0,
        min=api.min_version,
        max=api.max_version,
        advertised_min=api.advertised_min_version,
    )
