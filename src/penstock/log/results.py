"""What a partition answers."""

from typing import NamedTuple

from penstock.kit.files import FileSlice


class Appended(NamedTuple):
    """A batch's place in the log, or that of the same batch when it had come before.

    log_append_time_ms: the time it was stamped with, -1 when its own timestamps count.
    """

    base_offset: int
    log_append_time_ms: int
    log_start: int


class ReadPlan(NamedTuple):
    """Where the bytes of a fetch lie, and the bounds of the log at that moment.

    slice: whole batches, but the last one may be cut off; the first may begin before the offset asked for.
    """

    slice: FileSlice
    high_watermark: int
    last_stable_offset: int
    log_start: int
