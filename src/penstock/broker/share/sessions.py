"""Share sessions: which partitions a member of a share group reads, kept between its requests.  Source: KIP-932."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from penstock.protocol.errors import KafkaError

FIRST_EPOCH = 0
FINAL_EPOCH = -1
_EPOCH_MAX = 2**31 - 1
# Partitions remembered in all sessions together. Kafka bounds only the number of sessions.
PARTITIONS_MAX = 500_000


class Place(NamedTuple):
    """A partition as requests name it."""

    topic_id: bytes
    partition: int


class ShareSession:
    """One member's session. epoch: which the next request must have; owner: the connection that opened it."""

    __slots__ = ("epoch", "group_id", "member_id", "owner", "places")

    def __init__(self, group_id: str, member_id: str, owner: Any, places: Iterable[Place]) -> None:
        self.group_id = group_id
        self.member_id = member_id
        self.owner = owner
        self.places = dict.fromkeys(places)
        self.epoch = FIRST_EPOCH + 1


class ShareSessions:
    """All share sessions, at most `slots`; none is dropped for another one, as records may be held in it."""

    __slots__ = ("_by_member", "_by_owner", "partitions", "partitions_max", "slots")

    def __init__(self, slots: int, partitions_max: int = PARTITIONS_MAX) -> None:
        self.slots = slots
        self.partitions_max = partitions_max
        self.partitions = 0
        self._by_member: dict[tuple[str, str], ShareSession] = {}
        self._by_owner: dict[Any, dict[ShareSession, None]] = {}

    def __len__(self) -> int:
        return len(self._by_member)

    def get(self, group_id: str, member_id: str) -> ShareSession | None:
        return self._by_member.get((group_id, member_id))

    def open(self, group_id: str, member_id: str, owner: Any, places: Iterable[Place]) -> ShareSession | KafkaError:
        """A new session instead of any that the member had. Error: SHARE_SESSION_LIMIT_REACHED."""
        before = self.get(group_id, member_id)
        if before is not None:
            self.close(before)
        session = ShareSession(group_id, member_id, owner, places)
        if len(self._by_member) >= self.slots or self.partitions + len(session.places) > self.partitions_max:
            return KafkaError.SHARE_SESSION_LIMIT_REACHED
        self._by_member[group_id, member_id] = session
        self._by_owner.setdefault(owner, {})[session] = None
        self.partitions += len(session.places)
        return session

    def use(self, group_id: str, member_id: str, epoch: int) -> ShareSession | KafkaError:
        """The member's session, one request on. Errors: SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH.

        epoch: of the request; FINAL_EPOCH fits every session and leaves it as it is.
        """
        session = self.get(group_id, member_id)
        if session is None:
            return KafkaError.SHARE_SESSION_NOT_FOUND
        if epoch == FINAL_EPOCH:
            return session
        if session.epoch != epoch:
            return KafkaError.INVALID_SHARE_SESSION_EPOCH
        session.epoch = 1 if epoch == _EPOCH_MAX else epoch + 1
        return session

    def change(self, session: ShareSession, added: Iterable[Place], forgotten: Iterable[Place]) -> None:
        """What is read from now on; what would be too much is left out."""
        places = session.places
        for place in added:
            if place not in places and self.partitions < self.partitions_max:
                places[place] = None
                self.partitions += 1
        for place in forgotten:
            if place in places:
                del places[place]
                self.partitions -= 1

    def close(self, session: ShareSession) -> None:
        del self._by_member[session.group_id, session.member_id]
        self.partitions -= len(session.places)
        owned = self._by_owner[session.owner]
        del owned[session]
        if not owned:
            del self._by_owner[session.owner]

    def owned_by(self, owner: Any) -> list[ShareSession]:
        return list(self._by_owner.get(owner, ()))
