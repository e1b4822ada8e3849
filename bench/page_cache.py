"""Files out of the page cache, and how much of them is still in it: a cold read must be one."""

import ctypes
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

_PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
_TRACES = 0.01
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def drop(files: Iterable[Path]) -> float:
    """Writes the files to disk and gives up their cached pages; the share of pages (0 to 1) that stayed."""
    found = [path for path in files if path.stat().st_size]
    for path in found:
        with path.open("rb") as file:
            # Dirty pages cannot be dropped.
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    left = _cached_share(found)
    # Takes everybody's pages, so only when the polite way left more than traces.
    if left > _TRACES and os.access(_DROP_CACHES, os.W_OK):
        _DROP_CACHES.write_text("1\n")
        left = _cached_share(found)
    return left


def _cached_share(files: list[Path]) -> float:
    pages = [_cached_pages(path) for path in files]
    return sum(cached for cached, _ in pages) / max(1, sum(total for _, total in pages))


def _cached_pages(path: Path) -> tuple[int, int]:
    """Pages of the file in memory, and all of its pages."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as view,
    ):
        total = -(-len(view) // _PAGE)
        state = ctypes.create_string_buffer(total)
        address = (ctypes.c_char * len(view)).from_buffer(view)
        failed = _libc.mincore(ctypes.addressof(address), len(view), state)
        # The mapping cannot be closed while something points into it.
        del address
    if failed:
        raise OSError(ctypes.get_errno(), "mincore", str(path))
    return sum(byte & 1 for byte in state.raw), total
