"""The floor under every produce: the same bytes by plain write(2) into a file of the same disk."""

import os
import time
from pathlib import Path
from typing import Any

from bench.load import Load, batch


def write(load: Load, directory: Path, bytes_max: int, seconds_max: float) -> dict[str, Any]:
    """Throughput and CPU of writing the batches of `load` one by one, without sync, as the servers do."""
    data = batch(load)
    path = directory / "floor"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
    try:
        begun, cpu = time.perf_counter(), time.process_time()
        written = 0
        # The clock is looked at once in so many writes, or it would be measured too.
        turn = max(1, (1 << 20) // len(data))
        while written < bytes_max and time.perf_counter() - begun < seconds_max:
            for _ in range(turn):
                written += os.write(descriptor, data)
        seconds, used = time.perf_counter() - begun, time.process_time() - cpu
    finally:
        os.close(descriptor)
        path.unlink()
    return {
        "requests": written // len(data),
        "seconds": seconds,
        "bytes": written,
        "requests_per_s": written / len(data) / seconds,
        "mb_per_s": written / seconds / 1e6,
        "cpu_s_per_gb": used / (written / 1e9),
    }
