"""The thread that removes deleted files: letting go of a large one takes as long as writing a part of it."""

import threading
from queue import SimpleQueue
from typing import Any


class Removing:
    """Takes what the broker wants removed, in the order it fell due. The thread starts with the first of it.

    One of its own: the thread that syncs has clients waiting for it.
    """

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self._work: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def start(self) -> None:
        """Hands everything over; returns at once."""
        paths: list[str] = self._broker.to_remove
        if not paths or self._is_ending:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="penstock-remove", daemon=True)
            self._thread.start()
        for path in paths:
            self._work.put(path)
        paths.clear()

    def stop(self) -> None:
        """Begins nothing more; the next start of the broker finds what is left."""
        self._is_ending = True

    def close(self) -> None:
        """Returns when the removal that is going on is over."""
        self.stop()
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        remove = self._broker.remove
        while (path := self._work.get()) is not None and not self._is_ending:
            remove(path)
