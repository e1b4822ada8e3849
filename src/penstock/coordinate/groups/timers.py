"""Deadlines in a heap, with lazy deletion.

A timer holds when it is really due; its heap entry only says when to look at it. Prolonging a session therefore
writes one integer, and the entry is pushed back when its old time comes. The heap holds one live entry per running
timer, and a stale one for each timer that was moved earlier or stopped since.
"""

from __future__ import annotations

import heapq
from typing import Any

NEVER = -1


class Timer:
    """One deadline. `kind`, `group` and `member_id` say what it is for; `due_ms` is NEVER while it does not run."""

    __slots__ = ("due_ms", "group", "kind", "member_id", "queued_ms")

    def __init__(self, kind: Any, group: Any = None, member_id: str = "") -> None:
        self.kind = kind
        self.group = group
        self.member_id = member_id
        self.due_ms = NEVER
        self.queued_ms = NEVER

    @property
    def is_running(self) -> bool:
        return self.due_ms != NEVER

    def stop(self) -> None:
        self.due_ms = NEVER


class Timers:
    """All deadlines of a coordinator."""

    __slots__ = ("_heap", "_pushed")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._pushed = 0

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, timer: Timer, due_ms: int) -> None:
        """Starts or moves a timer; due_ms: epoch milliseconds."""
        timer.due_ms = due_ms
        if timer.queued_ms == NEVER or due_ms < timer.queued_ms:
            self._push(timer)

    def next_deadline_ms(self) -> int | None:
        """When to look again: never later than the first timer is due; None when nothing runs."""
        heap = self._heap
        while heap:
            queued_ms, _, timer = heap[0]
            if timer.queued_ms == queued_ms and timer.due_ms == queued_ms:
                return queued_ms
            self._drop_first()
        return None

    def pop_due(self, now_ms: int) -> Timer | None:
        """The next timer that is due, stopped; None when there is none yet."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            timer = self._drop_first()
            if timer is not None:
                timer.due_ms = NEVER
                return timer
        return None

    def _push(self, timer: Timer) -> None:
        self._pushed += 1
        timer.queued_ms = timer.due_ms
        heapq.heappush(self._heap, (timer.due_ms, self._pushed, timer))

    def _drop_first(self) -> Timer | None:
        """Takes the first entry off the heap; gives its timer if that is due just then, queues it anew if it moved."""
        queued_ms, _, timer = heapq.heappop(self._heap)
        if timer.queued_ms != queued_ms:
            return None  # another entry of this timer counts
        timer.queued_ms = NEVER
        if timer.due_ms == queued_ms:
            return timer
        if timer.due_ms != NEVER:
            self._push(timer)
        return None
