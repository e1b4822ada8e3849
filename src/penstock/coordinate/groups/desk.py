"""What the modules of a coordinator share: its groups, its timers, and the replies of the call under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple, Protocol

from penstock.coordinate.groups.group import ClassicGroup, GroupType
from penstock.coordinate.groups.placement import group_partition
from penstock.coordinate.groups.settings import GroupSettings, default_number
from penstock.coordinate.groups.states import State
from penstock.coordinate.groups.timers import Timer, Timers
from penstock.coordinate.offsets.store import Offsets
from penstock.coordinate.outcome import Message, Outcome, Pending, Record
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError


class Topics(Protocol):
    """What a coordinator asks about topics."""

    def partition_count(self, name: str) -> int | None:
        """None: no such topic."""
        ...

    def name_of(self, topic_id: bytes) -> str | None: ...

    def id_of(self, name: str) -> bytes | None: ...

    def names(self) -> Iterable[str]: ...

    @property
    def version(self) -> int:
        """Another one whenever a topic came, went or grew."""
        ...


class AnyGroup(Protocol):
    """What all group types have in common."""

    @property
    def group_type(self) -> GroupType: ...

    @property
    def group_id(self) -> str: ...

    @property
    def partition(self) -> int: ...

    @property
    def state_name(self) -> str:
        """As ListGroups shows it."""
        ...

    @property
    def listed_protocol(self) -> str:
        """As ListGroups shows it."""
        ...

    def timers(self) -> Iterator[Timer]:
        """Every timer that may run for the group."""
        ...


class Phase(Enum):
    """Whether a partition of `__consumer_offsets` is ours to answer for."""

    LOADING = auto()
    LOADED = auto()


class Stored(NamedTuple):
    """Records a step wants appended, and what follows: applied after they are in the log, undone when they are not."""

    records: list[Record]
    applied: Callable[[int], None]
    undone: Callable[[KafkaError], None]


def nothing(_: object) -> None:
    """A `Stored` continuation where nothing is left to do."""


# What clients are told when an append fails: codes they know how to act on.
# Source: GroupMetadataManager.appendGroupMetadataErrorToResponseError.
_CLIENT_CODES = {
    KafkaError.UNKNOWN_TOPIC_OR_PARTITION: KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_ENOUGH_REPLICAS: KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT: KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_OR_FOLLOWER: KafkaError.NOT_COORDINATOR,
    KafkaError.KAFKA_STORAGE_ERROR: KafkaError.NOT_COORDINATOR,
    KafkaError.MESSAGE_TOO_LARGE: KafkaError.UNKNOWN_SERVER_ERROR,
    KafkaError.RECORD_LIST_TOO_LARGE: KafkaError.UNKNOWN_SERVER_ERROR,
    KafkaError.INVALID_FETCH_SIZE: KafkaError.UNKNOWN_SERVER_ERROR,
}


class Desk:
    """One coordinator's state, and the call under way: its time and the replies it gives.

    groups: by id, changed by `put` and `drop` alone;
    done: by ticket, replies of this call and of earlier ones; a new dict for every call. phases, retention: by
    partition of `__consumer_offsets`; the timers for the next look at what has expired; group_number: the value of a
    group's config, from its id and the config's name.
    """

    __slots__ = (
        "_by_partition",
        "dice",
        "done",
        "group_number",
        "groups",
        "now_ms",
        "offsets",
        "phases",
        "retention",
        "settings",
        "tickets",
        "timers",
        "topics",
    )

    def __init__(
        self,
        settings: GroupSettings,
        dice: Callable[[int], bytes],
        topics: Topics | None,
        group_number: Callable[[str, str], int] = default_number,
    ) -> None:
        self.settings = settings
        self.dice = dice
        self.topics = topics
        self.group_number = group_number
        self.timers = Timers()
        self.offsets = Offsets()
        self.groups: dict[str, AnyGroup] = {}
        self._by_partition: dict[int, dict[str, AnyGroup]] = {}
        self.phases: dict[int, Phase] = {}
        self.retention: dict[int, Timer] = {}
        self.tickets = 0
        self.now_ms = 0
        self.done: dict[int, Message] = {}

    def begin(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.done = {}

    def ticket(self) -> int:
        self.tickets += 1
        return self.tickets

    # Groups

    def partition_of(self, group_id: str) -> int:
        group = self.groups.get(group_id)
        if group is not None:
            return group.partition
        return group_partition(group_id, self.settings.offsets_topic_num_partitions)

    def absence_of(self, group_id: str) -> KafkaError:
        """NONE if the group, existing or not, is ours to answer for."""
        phase = self.phases.get(self.partition_of(group_id))
        if phase is Phase.LOADED:
            return KafkaError.NONE
        if phase is Phase.LOADING:
            return KafkaError.COORDINATOR_LOAD_IN_PROGRESS
        return KafkaError.NOT_COORDINATOR

    def classic(self, group_id: str) -> ClassicGroup | None:
        """The group if it exists and is a classic one."""
        group = self.groups.get(group_id)
        return group if isinstance(group, ClassicGroup) else None

    def create(self, group_id: str) -> ClassicGroup:
        group = ClassicGroup(group_id, self.partition_of(group_id), State.EMPTY, self.now_ms)
        self.put(group)
        return group

    def put(self, group: AnyGroup) -> None:
        self.groups[group.group_id] = group
        self._by_partition.setdefault(group.partition, {})[group.group_id] = group

    def in_partition(self, partition: int) -> list[AnyGroup]:
        """The groups of a partition of `__consumer_offsets`: with 100,000 groups, going through all of them for each
        of 50 partitions takes more than a second.
        """
        return list(self._by_partition.get(partition, {}).values())

    def drop(self, group_id: str) -> None:
        """Forgets a group and stops its timers; its offsets are records of their own."""
        group = self.groups.pop(group_id, None)
        if group is not None:
            del self._by_partition[group.partition][group_id]
            for timer in group.timers():
                timer.stop()

    # Outcomes

    def conclude(
        self,
        group_partition: int,
        stored: Stored | None,
        reply: Message | None = None,
        *,
        ticket: int = 0,
        on_refused: Callable[[KafkaError], Message] | None = None,
        following: Callable[[], Outcome] | None = None,
    ) -> Outcome:
        """The outcome of a step. ticket: the caller waits under it, unless `done` has its reply by now.

        following: the next step, whose outcome it becomes once its own records are in the log.
        """
        if stored is None:
            return self._final(reply, ticket)
        done = self.done

        def then(result: int | Refused) -> Outcome:
            self.done = done
            if not isinstance(result, Refused):
                stored.applied(result)
                if following is not None:
                    return following()
                return self._final(reply, ticket)
            error = client_code(result.error)
            stored.undone(error)
            return self._final(reply if on_refused is None else on_refused(error), ticket)

        return Outcome(None, done, group_partition, stored.records, then)

    def _final(self, reply: Message | None, ticket: int) -> Outcome:
        done = self.done
        if ticket:
            answer = done.pop(ticket, None)
            reply = Pending(ticket) if answer is None else answer
        return Outcome(reply, done)


def client_code(error: int) -> KafkaError:
    """The code a client gets for a failed append."""
    found = KafkaError(error)
    return _CLIENT_CODES.get(found, found)
