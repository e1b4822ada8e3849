"""Two queues of small work that a partition puts off: names to sync, files to remove."""

import contextlib
import logging
from collections import deque
from typing import Final

from penstock.kit.files import Files

THE_PARENT: Final = ".."
_THE_DIRECTORY: Final = "."

_log = logging.getLogger(__name__)


class UnsyncedNames:
    """Files of a directory, and the directory itself, whose names or bytes the next sync must bring to the medium.

    The loop adds while a thread syncs: a deque takes both, and what fails goes back.
    """

    __slots__ = ("_files", "_names", "_path")

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._names: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._names)

    def add(self, *names: str) -> None:
        """These small files, if any, and the names in the directory; with THE_PARENT its own name too."""
        self._names.extend(names)
        self._names.append(_THE_DIRECTORY)

    def forget(self) -> None:
        self._names.clear()

    def sync(self) -> None:
        """Error: OSError, and what was not synced is still waiting."""
        # A name that is added again from here on means something newer: it waits for the next call.
        waiting = dict.fromkeys(self._names.popleft() for _ in range(len(self._names)))
        try:
            while waiting:
                name = next(iter(waiting))
                # Replaced or deleted meanwhile, which added a name of its own.
                with contextlib.suppress(FileNotFoundError):
                    self._sync(name)
                del waiting[name]
        finally:
            self._names.extend(waiting)

    def _sync(self, name: str) -> None:
        if name == _THE_DIRECTORY:
            self._files.sync_dir(self._path)
        elif name == THE_PARENT:
            self._files.sync_dir(self._path.rpartition("/")[0])
        else:
            self._files.open(f"{self._path}/{name}").sync()


class MarkedFiles:
    """Files that were renamed when they were deleted, and go when their time has come."""

    __slots__ = ("_due", "_files")

    def __init__(self, files: Files) -> None:
        self._files = files
        self._due: deque[tuple[int, str]] = deque()

    def add(self, paths: list[str], due_ms: int) -> None:
        self._due.extend((due_ms, path) for path in paths)

    def remove(self, now_ms: int) -> None:
        while self._due and self._due[0][0] <= now_ms:
            path = self._due.popleft()[1]
            try:
                self._files.remove(path)
            except OSError as error:
                # It holds nothing that counts, and the next start removes it.
                _log.warning("%s: is left behind: %s", path, error)
