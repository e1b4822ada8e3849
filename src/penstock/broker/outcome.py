"""What a handler answers: a value, so that a simulation and a socket treat it alike."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """An answer that is ready. `message`: a response message of the request's API."""

    message: Any


class NoReply(NamedTuple):
    """Nothing goes back (Produce with acks=0)."""


class Hangup(NamedTuple):
    """The connection is closed; `reason` goes to the log, once."""

    reason: str


class Wait(NamedTuple):
    """An answer that is not ready: asked again whenever one of `on` is woken, given up at `until_ms`.

    on: keys of `Waiting.wake`; until_ms: wall clock, epoch milliseconds; ready: the reply, or None to wait on;
    expired: the reply when the time is up; woken: told each key as it is woken, for a wait on thousands of keys
    that must not look at all of them again.
    """

    on: frozenset[Hashable]
    until_ms: int
    ready: Callable[[], Reply | None]
    expired: Callable[[], Reply]
    woken: Callable[[Hashable], None] | None = None


Outcome = Reply | NoReply | Hangup | Wait
