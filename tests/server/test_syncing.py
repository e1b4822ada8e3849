"""Group commit: one fsync at a time, everything that came meanwhile goes with the next."""

import threading

from server_harness import FakeBroker, Running


class SlowPartition:
    """Syncs when told to. offset: what its sync says is on disk."""

    topic, index = "t", 3

    def __init__(self, error=None):
        self.may_sync = threading.Event()
        self.error = error
        self.syncs = 0

    def sync(self):
        assert self.may_sync.wait(20)
        self.syncs += 1
        if self.error is not None:
            raise self.error
        return 100 + self.syncs


def mark(server, *partitions):
    def add():
        server.broker.to_sync.update(partitions)
        server.hub.settle()

    server.call(add)


def test_what_is_appended_during_a_sync_goes_with_the_next():
    first, second = SlowPartition(), SlowPartition()
    with Running(FakeBroker()) as server:
        mark(server, first)
        mark(server, second)
        mark(server, first, second)
        assert server.call(lambda: set(server.broker.to_sync)) == {first, second}

        second.may_sync.set()
        first.may_sync.set()
        server.until(lambda: len(server.broker.synced_offsets) == 3)

    assert (first.syncs, second.syncs) == (2, 1)
    assert server.broker.synced_offsets[0] == (first, 101)
    assert sorted(offset for _, offset in server.broker.synced_offsets) == [101, 101, 102]


def test_a_failed_sync_is_told_to_the_broker_and_the_others_go_on(caplog):
    bad, good = SlowPartition(OSError(5, "Input/output error")), SlowPartition()
    bad.may_sync.set()
    good.may_sync.set()
    with Running(FakeBroker()) as server:
        mark(server, bad, good)
        server.until(lambda: server.broker.synced_offsets and server.broker.failed_syncs)

    assert [partition for partition, _ in server.broker.failed_syncs] == [bad]
    assert server.broker.synced_offsets == [(good, 101)]
    assert "t-3: fsync failed" in caplog.text


def test_without_durability_there_is_no_thread():
    before = threading.active_count()
    with Running(FakeBroker()) as server:
        server.call(server.hub.settle)

        # The loop's own thread is the only new one.
        assert threading.active_count() == before + 1
