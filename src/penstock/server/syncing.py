"""The thread that calls fdatasync(2) and nothing else."""

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

log = logging.getLogger("penstock.server")


class Syncing:
    """Group commit: while one fsync runs, everything that is appended gathers for the next one.

    The thread starts with the first partition that needs it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, broker: Any, done: Callable[[], None]) -> None:
        self._loop = loop
        self._broker = broker
        self._done = done
        self._work: SimpleQueue[list[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.is_busy = False

    def start(self) -> None:
        """Hands what the broker wants synced to the thread, unless the thread is still busy with the last hand-over."""
        to_sync = self._broker.to_sync
        if self.is_busy or not to_sync:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="penstock-fsync", daemon=True)
            self._thread.start()
        self.is_busy = True
        partitions = list(to_sync)
        to_sync.clear()
        self._work.put(partitions)

    def close(self) -> None:
        """Returns when the thread has ended; what is handed over already is synced first."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (partitions := self._work.get()) is not None:
            results: list[tuple[Any, int | OSError]] = []
            for partition in partitions:
                try:
                    results.append((partition, partition.sync()))
                except OSError as error:
                    results.append((partition, error))
            try:
                self._loop.call_soon_threadsafe(self._synced, results)
            except RuntimeError:
                # The loop is closed: nobody waits for this answer any more.
                return

    def _synced(self, results: list[tuple[Any, int | OSError]]) -> None:
        self.is_busy = False
        for partition, result in results:
            if isinstance(result, OSError):
                # After a failed fsync nobody knows what is on the medium: the partition may not go on as if it were.
                log.error("%s-%d: fsync failed: %s", partition.topic, partition.index, result)
                self._broker.sync_failed(partition, result)
            else:
                self._broker.synced(partition, result)
        self._done()
