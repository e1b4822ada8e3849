"""One transactional id as a value, and each step that leads it from one value to the next.

Source: Kafka 4.3.1, TransactionMetadata.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from penstock.coordinate.transactions.states import State

NO_ID: Final = -1
NO_EPOCH: Final = -1
NO_TIME: Final = -1
EPOCH_MAX: Final = 32_767
# The last epoch that a client gets to see; the one after is kept so that its owner can always be fenced.
CLIENT_EPOCH_MAX: Final = EPOCH_MAX - 1

# From this level of transaction.version on, the epoch rises with every transaction (KIP-890).
EPOCH_PER_TRANSACTION: Final = 2

# Topic and partition.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Transaction:
    """Where a transactional id stands.

    previous_producer_id: before the last step; next_producer_id: taken over when the transaction is over, NO_ID for
    none; last_epoch: that a repeated InitProducerId may name, not kept in records; partitions: sorted; started_ms,
    updated_ms: epoch milliseconds, started_ms NO_TIME before the first transaction; client_version: the level of
    transaction.version that the client showed in the last transaction.
    """

    transactional_id: str
    producer_id: int
    timeout_ms: int
    updated_ms: int
    state: State = State.EMPTY
    previous_producer_id: int = NO_ID
    next_producer_id: int = NO_ID
    epoch: int = NO_EPOCH
    last_epoch: int = NO_EPOCH
    partitions: tuple[Place, ...] = ()
    started_ms: int = NO_TIME
    client_version: int = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether the producer id has no epoch left for clients."""
        return self.epoch >= CLIENT_EPOCH_MAX

    @property
    def is_commit(self) -> bool:
        return self.state is State.PREPARE_COMMIT

    @property
    def granted(self) -> tuple[int, int]:
        """The producer id and epoch for the client's next transaction."""
        if self.next_producer_id != NO_ID:
            return self.next_producer_id, 0
        return self.producer_id, self.epoch

    def with_epoch(self, epoch: int, last_epoch: int, timeout_ms: int, now_ms: int) -> Transaction:
        """Empty, under an epoch of the same producer id."""
        return self._emptied(self.producer_id, epoch, last_epoch, timeout_ms, now_ms)

    def with_producer_id(self, producer_id: int, last_epoch: int, timeout_ms: int, now_ms: int) -> Transaction:
        """Empty, under the first epoch of another producer id."""
        return self._emptied(producer_id, 0, last_epoch, timeout_ms, now_ms)

    def with_partitions(self, added: frozenset[Place], client_version: int, now_ms: int) -> Transaction:
        begins = self.state is not State.ONGOING
        return replace(
            self,
            state=State.ONGOING,
            previous_producer_id=self.producer_id,
            partitions=tuple(sorted(added.union(self.partitions))),
            started_ms=now_ms if begins else self.started_ms,
            updated_ms=now_ms,
            client_version=client_version,
        )

    def prepared(
        self, state: State, client_version: int, now_ms: int, *, next_producer_id: int = NO_ID, fenced: bool = False
    ) -> Transaction:
        """Decided: to be committed or aborted. fenced: by somebody else than its client."""
        bumps = client_version >= EPOCH_PER_TRANSACTION
        epoch, last_epoch = self.epoch, self.last_epoch
        if bumps or fenced:
            # At the very last epoch there is nothing to rise to; the abort goes through all the same.
            epoch, last_epoch = min(self.epoch + 1, EPOCH_MAX), self.epoch if bumps else NO_EPOCH
        return replace(
            self,
            state=state,
            previous_producer_id=self.producer_id,
            next_producer_id=next_producer_id,
            epoch=epoch,
            last_epoch=last_epoch,
            started_ms=self.started_ms if self.state is State.ONGOING else now_ms,
            updated_ms=now_ms,
            client_version=client_version,
        )

    def completed(self, now_ms: int) -> Transaction:
        """Over: all markers are written."""
        producer_id, epoch = self.producer_id, self.epoch
        if self.client_version >= EPOCH_PER_TRANSACTION:
            producer_id, epoch = self.granted
        return replace(
            self,
            state=State.COMPLETE_COMMIT if self.is_commit else State.COMPLETE_ABORT,
            producer_id=producer_id,
            previous_producer_id=self.producer_id,
            next_producer_id=NO_ID,
            epoch=epoch,
            partitions=(),
            updated_ms=now_ms,
        )

    def _emptied(self, producer_id: int, epoch: int, last_epoch: int, timeout_ms: int, now_ms: int) -> Transaction:
        return replace(
            self,
            state=State.EMPTY,
            producer_id=producer_id,
            previous_producer_id=self.producer_id,
            next_producer_id=NO_ID,
            epoch=epoch,
            last_epoch=last_epoch,
            timeout_ms=timeout_ms,
            partitions=(),
            started_ms=NO_TIME,
            updated_ms=now_ms,
        )
