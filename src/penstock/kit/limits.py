"""Bounds on what a stranger can make grow."""

from collections import deque
from collections.abc import Callable, Mapping


class ByteBudget:
    """Bytes that all connections together may hold for requests still arriving; who finds none waits in line.

    limit: bytes. A reservation is granted while anything at all is left, so the total may exceed the limit by one
    reservation; otherwise a request larger than what happens to be free could never be read.
    """

    __slots__ = ("_line", "limit", "used")

    def __init__(self, limit: int) -> None:
        assert limit > 0, limit
        self.limit = limit
        self.used = 0
        self._line: deque[tuple[int, Callable[[], None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def reserve(self, size: int, granted: Callable[[], None]) -> bool:
        """True when `size` bytes are yours now; False when `granted` is called later, in order of asking."""
        if self._line or self.used >= self.limit:
            self._line.append((size, granted))
            return False
        self.used += size
        return True

    def release(self, size: int) -> None:
        """Gives bytes back and serves the line as far as they reach."""
        self.used -= size
        assert self.used >= 0, (self.used, size)
        while self._line and self.used < self.limit:
            size, granted = self._line.popleft()
            self.used += size
            granted()

    def cancel(self, granted: Callable[[], None]) -> None:
        """Leaves the line; nothing happens to those who are not in it."""
        self._line = deque(entry for entry in self._line if entry[1] != granted)


class Places:
    """A number of places per name, and in all: connections per address. Exceptions override the number of a name."""

    __slots__ = ("_by_name", "exceptions", "limit", "limit_per_name", "taken")

    def __init__(self, limit: int, limit_per_name: int, exceptions: Mapping[str, int]) -> None:
        self.limit = limit
        self.limit_per_name = limit_per_name
        self.exceptions = exceptions
        self.taken = 0
        self._by_name: dict[str, int] = {}

    def refusal(self, name: str) -> str:
        """Takes a place and gives "", or takes none and says which limit was met."""
        if self.taken >= self.limit:
            return f"{self.taken} connections are open, max.connections is {self.limit}"
        taken = self._by_name.get(name, 0)
        limit = self.exceptions.get(name, self.limit_per_name)
        if taken >= limit:
            return f"{taken} connections from {name} are open, max.connections.per.ip allows {limit}"
        self.taken += 1
        self._by_name[name] = taken + 1
        return ""

    def leave(self, name: str) -> None:
        self.taken -= 1
        left = self._by_name[name] - 1
        if left:
            self._by_name[name] = left
        else:
            del self._by_name[name]
