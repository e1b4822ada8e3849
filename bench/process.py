"""What a server costs: CPU seconds and memory of its process and all processes below it."""

import threading
from types import TracebackType

import psutil


def tree(pid: int) -> list[psutil.Process]:
    """The process and all its descendants; empty when it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time used by the process tree since it was started."""
    total = 0.0
    for process in tree(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def memory_bytes(pid: int) -> int:
    """Resident memory of the process tree; pages of files that only lie in the page cache are not in it."""
    total = 0
    for process in tree(pid):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


class MemoryPeak:
    """`with MemoryPeak(pid) as peak`: the largest memory of the tree seen meanwhile, ten looks a second."""

    def __init__(self, pid: int, interval_s: float = 0.1) -> None:
        self.bytes = 0
        self._pid = pid
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryPeak":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, memory_bytes(self._pid))
