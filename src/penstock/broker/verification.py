"""Batches are verified before they are appended: what Produce asks the transaction coordinator, and what it says."""

from collections.abc import Callable
from typing import NamedTuple

from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError

Place = tuple[str, int]  # topic and partition index


class Claim(NamedTuple):
    """A producer says that these partitions are part of its transaction, where none of it goes on yet.

    may_add: the coordinator adds those that are not (Produce v12+, transactions of version 2); else it only looks.
    """

    transactional_id: str
    producer_id: int
    producer_epoch: int
    places: list[Place]
    may_add: bool


class Verdict(NamedTuple):
    """What the coordinator says of a claim.

    errors: by place, as AddPartitionsToTxn has them; a place that is not in it is part of the transaction.
    written: the partition of `__transaction_state` that got a record, None if none did: acks=all waits for it too.
    """

    errors: dict[Place, KafkaError]
    written: Partition | None = None


Verify = Callable[[Claim, int], Verdict]  # the claim, and now in epoch milliseconds
