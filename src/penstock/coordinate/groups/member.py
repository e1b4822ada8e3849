"""One member of a classic group."""

from __future__ import annotations

from collections.abc import Container
from enum import Enum, auto
from typing import Any, NamedTuple

from penstock.coordinate.groups.timers import Timer

Protocols = tuple[tuple[str, bytes], ...]
NO_TICKET = 0


class TimerKind(Enum):
    """What a deadline is for."""

    SESSION = auto()
    NAMED = auto()
    JOIN = auto()
    SYNC = auto()
    RETENTION = auto()


class Identity(NamedTuple):
    """Who a member is to the outside; `client_host` as Kafka prints an address: "/127.0.0.1"."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str


class Member:
    """A member, its subscription per protocol, its assignment, and whom to answer when a phase ends.

    join_ticket, sync_ticket: NO_TICKET unless a JoinGroup or SyncGroup waits; join_version: of that JoinGroup.
    """

    __slots__ = (
        "assignment",
        "identity",
        "is_new",
        "join_ticket",
        "join_version",
        "protocol_type",
        "protocols",
        "rebalance_timeout_ms",
        "session",
        "session_timeout_ms",
        "sync_ticket",
    )

    def __init__(
        self,
        group: Any,
        identity: Identity,
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        protocol_type: str,
        protocols: Protocols,
        assignment: bytes = b"",
    ) -> None:
        self.identity = identity
        self.rebalance_timeout_ms = rebalance_timeout_ms
        self.session_timeout_ms = session_timeout_ms
        self.protocol_type = protocol_type
        self.protocols = protocols
        self.assignment = assignment
        self.join_ticket = NO_TICKET
        self.join_version = 0
        self.sync_ticket = NO_TICKET
        self.is_new = False
        self.session = Timer(TimerKind.SESSION, group, identity.member_id)

    @property
    def member_id(self) -> str:
        return self.identity.member_id

    @property
    def is_static(self) -> bool:
        return self.identity.instance_id is not None

    @property
    def is_excused(self) -> bool:
        """Whether its silence is fine, as it waits for us. New ones must come back, or defunct joins would pile up."""
        return not self.is_new and (self.join_ticket != NO_TICKET or self.sync_ticket != NO_TICKET)

    def metadata(self, protocol: str | None) -> bytes:
        """Its subscription under that protocol."""
        for name, metadata in self.protocols:
            if name == protocol:
                return metadata
        raise AssertionError(f"member {self.member_id!r} does not support {protocol!r}")

    def vote(self, candidates: Container[str]) -> str:
        """The protocol it likes best among the candidates."""
        return next(name for name, _ in self.protocols if name in candidates)

    def bytes_held(self) -> int:
        return sum(len(metadata) for _, metadata in self.protocols) + len(self.assignment)
