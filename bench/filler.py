"""A page cache as full as that of a server that has run for a day, so that every written page is one taken from it.

A virtual machine that hands free memory back to its host (free page reporting) pays for each page it takes again,
ten times what the copy into it costs: docs/decisions/0007. With a full page cache, new pages are the oldest cached ones.
"""

import itertools
import os
import shutil
from collections import deque
from pathlib import Path

import psutil

CHUNK = 128 << 20
_PIECE = 1 << 20
# Once this many chunks in a row have not lowered the free memory, the kernel is reclaiming: there is no more to take.
_FULL_AFTER = 2
FREE_ENOUGH = 256 << 20


class Filler:
    """Files in `directory` that are only there to be cached: a quarter more than the memory, or half of the free disk.

    fill(): until free memory goes down no more; bytes written. What is oldest is deleted beyond the limit.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._names = itertools.count()
        self._chunks: deque[Path] = deque()
        directory.mkdir(parents=True, exist_ok=True)
        wanted = psutil.virtual_memory().total * 5 // 4
        self._chunks_max = max(1, min(wanted, shutil.disk_usage(directory).free // 2) // CHUNK)
        self._piece = os.urandom(_PIECE)

    def fill(self) -> int:
        written, stalled, least = 0, 0, psutil.virtual_memory().free
        while least > FREE_ENOUGH and stalled < _FULL_AFTER and written < self._chunks_max * CHUNK:
            self._write_chunk()
            written += CHUNK
            free = psutil.virtual_memory().free
            # A chunk's worth of noise is nobody's reclaim.
            stalled = 0 if free < least - CHUNK // 4 else stalled + 1
            least = min(least, free)
        return written

    def _write_chunk(self) -> None:
        if len(self._chunks) >= self._chunks_max:
            self._chunks.popleft().unlink()
        path = self._directory / f"{next(self._names)}.fill"
        with path.open("wb", buffering=0) as file:
            self._chunks.append(path)
            for _ in range(CHUNK // _PIECE):
                file.write(self._piece)
            # Only clean pages can be taken away at once.
            os.fdatasync(file.fileno())


class NoFiller:
    """The page cache as it is."""

    def fill(self) -> int:
        return 0
