"""Memory for bytes on their way in: one buffer that all connections read into, and frames of their own for the rest."""

from penstock.kit.limits import ByteBudget

# Large enough that a pipelining client is served hundreds of requests by one system call, small enough that the others
# are not kept waiting; measured in docs/decisions/0002-event-loop-and-how-bytes-leave.md.
INBOX_BYTES = 131_072
# Frames from here on are worth keeping: clearing and faulting in a fresh MiB costs more than 100 us.
SPARE_BYTES_MIN = 131_072
SPARE_BYTES_TOTAL = 4_194_304


class Buffers:
    """The receive memory of one broker's loop.

    inbox: every read goes here first and is worked off before the loop reads again, so thousands of idle connections
    cost no receive memory. A frame that did not arrive whole is moved to a buffer of its own, paid from `budget`.
    """

    __slots__ = ("_spare_bytes", "_spares", "budget", "inbox", "inbox_view")

    def __init__(self, budget_bytes: int, inbox_bytes: int = INBOX_BYTES) -> None:
        self.inbox = bytearray(inbox_bytes)
        self.inbox_view = memoryview(self.inbox)
        self.budget = ByteBudget(budget_bytes)
        self._spares: dict[int, list[bytearray]] = {}
        self._spare_bytes = 0

    def take(self, size: int) -> bytearray:
        """A buffer of at least `size` bytes, their content arbitrary."""
        if size < SPARE_BYTES_MIN:
            return bytearray(size)
        # Rounded up to an eighth of its power of two, so that batches of nearly one size share buffers.
        grain = 1 << max(size.bit_length() - 4, 0)
        size = (size + grain - 1) & -grain
        spares = self._spares.get(size)
        if spares:
            self._spare_bytes -= size
            return spares.pop()
        return bytearray(size)

    def give_back(self, buffer: bytearray) -> None:
        size = len(buffer)
        if size >= SPARE_BYTES_MIN and self._spare_bytes + size <= SPARE_BYTES_TOTAL:
            self._spare_bytes += size
            self._spares.setdefault(size, []).append(buffer)
