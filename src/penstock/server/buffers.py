"""Memory for bytes on their way in: one buffer that all connections read into, and frames of their own for the rest."""

from penstock.kit.limits import ByteBudget

# A batch that does not fit costs a copy and a buffer of its own, and busy clients send batches of 16 to 64 KiB;
# measured in docs/decisions/0002-event-loop-and-how-bytes-leave.md.
INBOX_BYTES = 262_144
# The part of it that is offered to a client with many small requests: 300 of them take 4 ms, while the others wait. And
# to one whose frames are larger than the inbox: less has to be moved to their own buffers.
NARROW_BYTES = 65_536
# Frames from here on are worth keeping: clearing and faulting in a fresh MiB costs more than 100 us.
SPARE_BYTES_MIN = 131_072
SPARE_BYTES_TOTAL = 8_388_608


class Buffers:
    """The receive memory of one broker's loop.

    inbox: every read goes here first and is worked off before the loop reads again, so thousands of idle connections
    cost no receive memory; narrow: its first part. A frame that did not arrive whole is moved to a buffer of its own;
    one larger than the inbox is paid from `budget`.
    """

    __slots__ = ("_spare_bytes", "_spares", "budget", "inbox", "inbox_view", "narrow")

    def __init__(self, budget_bytes: int, inbox_bytes: int = INBOX_BYTES) -> None:
        self.inbox = bytearray(inbox_bytes)
        self.inbox_view = memoryview(self.inbox)
        self.narrow = self.inbox_view[:NARROW_BYTES]
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
