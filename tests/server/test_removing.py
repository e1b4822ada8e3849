"""Deleted files go in a thread of their own: the loop, and who waits for an fsync, do not wait for them."""

import threading

from server_harness import FakeBroker, Running


class Hoarder(FakeBroker):
    """Whose disk lets go of a file when told to. removed: in this order; thread: which one did it."""

    def __init__(self, paths):
        super().__init__()
        self.to_remove = list(paths)
        self.removed = []
        self.may_remove = threading.Event()
        self.thread = ""

    def remove(self, path):
        assert self.may_remove.wait(20)
        self.thread = threading.current_thread().name
        self.removed.append(path)


def test_the_loop_goes_on_while_files_are_removed():
    broker = Hoarder(["a", "b"])
    with Running(broker) as server:
        server.call(server.hub.tick)
        server.call(lambda: broker.to_remove.append("c"))
        server.call(server.hub.tick)
        before = list(broker.removed)
        broker.may_remove.set()
        server.until(lambda: len(broker.removed) == 3)

    assert before == []
    assert broker.removed == ["a", "b", "c"]
    assert broker.thread == "penstock-remove"


def test_a_shutdown_does_not_wait_for_all_that_is_to_be_removed():
    broker = Hoarder(str(number) for number in range(10_000))
    with Running(broker) as server:
        server.call(server.hub.tick)
        # The end of the server begins while the first removal is going on.
        server.call(server.hub.removing.stop)
        broker.may_remove.set()

    assert len(broker.removed) <= 1
