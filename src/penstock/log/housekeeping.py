"""Work that is put off: names for a partition to sync, files and directories to remove."""

import contextlib
import logging
from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from penstock.kit.files import Files
from penstock.log.names import DELETED_DIRECTORY

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


class Rubbish:
    """What was renamed when it was deleted, files and whole directories: each goes when its time has come.

    The loop adds and takes. To `remove` what was taken may be left to a thread: letting go of a gigabyte holds up who
    does it, and so do ten thousand directories.
    """

    __slots__ = ("_due", "_files")

    def __init__(self, files: Files) -> None:
        self._files = files
        self._due: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._due)

    def add(self, paths: Iterable[str], due_ms: int) -> None:
        for path in paths:
            heappush(self._due, (due_ms, path))

    def take(self, now_ms: int) -> list[str]:
        """The paths whose time has come, which nobody else is given."""
        due = self._due
        taken = []
        while due and due[0][0] <= now_ms:
            taken.append(heappop(due)[1])
        return taken

    def remove(self, path: str) -> None:
        """A path that was taken. It holds nothing that counts: what the disk keeps, the next start finds again."""
        try:
            # Its directory may have been renamed, or be gone as a whole, since it was added.
            with contextlib.suppress(FileNotFoundError):
                if path.endswith(DELETED_DIRECTORY):
                    self._files.remove_tree(path)
                else:
                    self._files.remove(path)
        except OSError as error:
            _log.warning("%s: is left behind until the next start: %s", path, error)
