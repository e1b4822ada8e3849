"""What a Produce with a transactional id claims: that its partitions are part of the producer's transaction."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from penstock.broker.verification import Claim, Place
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError
from penstock.records.header import HEADER_SIZE, TRANSACTIONAL_BIT, BatchHeader, read_header

if TYPE_CHECKING:
    from penstock.broker.core import Broker

# From this version on a client knows TRANSACTION_ABORTABLE; from the next one its batches begin transactions (KIP-890).
ABORTABLE_VERSION: Final = 11
ADDING_VERSION: Final = 12

NO_TRANSACTIONAL_ID: Final = Refused(
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "a transactional batch needs a request with a transactional id"
)
# Where in a batch its format and the lower byte of its attributes lie.
_MAGIC: Final = 16
_ATTRIBUTES_LOW: Final = 22
_MAGIC_OF_BATCHES: Final = 2
# Clients retry on this code without asking for new metadata, which older ones do not on those a coordinator gives.
_TRY_AGAIN: Final = KafkaError.NOT_ENOUGH_REPLICAS
_NOT_NOW: Final = frozenset(
    {
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)


class Claims:
    """The transactional batches of one request. refused: by place, why a batch may not come in; written: see Verdict.

    Source: KIP-890.
    """

    __slots__ = ("broker", "refused", "transactional_id", "version", "written")

    def __init__(self, broker: "Broker", transactional_id: str, version: int) -> None:
        self.broker = broker
        self.transactional_id = transactional_id
        self.version = version
        self.refused: dict[Place, Refused] = {}
        self.written: Partition | None = None

    def verify(self, batches: Iterable[tuple[Partition, Any]], now_ms: int) -> None:
        """Has the coordinator look at the partitions where the producer's transaction does not go on already."""
        claimed: dict[Place, tuple[Partition, BatchHeader]] = {}
        producers = set()
        every = []
        for partition, batch in batches:
            header = read_header(batch) if batch and len(batch) >= HEADER_SIZE else None
            if header is None or not header.attributes & TRANSACTIONAL_BIT:
                continue
            place = partition.topic, partition.index
            every.append(place)
            producers.add((header.producer_id, header.producer_epoch))
            if not partition.has_transaction(header.producer_id, header.producer_epoch):
                claimed[place] = partition, header
        if len({producer_id for producer_id, _ in producers}) > 1:
            text = "the transactional batches of a request are of more than one producer"
            self.refused = dict.fromkeys(every, Refused(KafkaError.INVALID_PRODUCER_ID_MAPPING, text))
            return
        for producer_id, epoch in producers:
            places = [place for place, (_, header) in claimed.items() if header.producer_epoch == epoch]
            if places:
                self._ask(producer_id, epoch, places, now_ms)
        for place, (partition, header) in claimed.items():
            self._judge_beginning(place, partition, header)

    def _ask(self, producer_id: int, epoch: int, places: list[Place], now_ms: int) -> None:
        claim = Claim(self.transactional_id, producer_id, epoch, places, self.version >= ADDING_VERSION)
        verdict = self.broker.verify_transaction(claim, now_ms)
        self.written = verdict.written or self.written
        for place, error in verdict.errors.items():
            if error:
                self.refused[place] = self._refusal(error)

    def _judge_beginning(self, place: Place, partition: Partition, header: BatchHeader) -> None:
        """What Produce v12+ adds to the rules of the log: a producer that is new in a partition begins at 0."""
        if self.version >= ADDING_VERSION and header.base_sequence > 0 and not partition.producer(header.producer_id):
            text = f"producer {header.producer_id} is new here: sequence {header.base_sequence}, expected 0"
            self.refused.setdefault(place, Refused(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, text))
        partition.note_attempt(header)

    def _refusal(self, error: KafkaError) -> Refused:
        """What a client of this version learns of what the coordinator said."""
        if error is KafkaError.PRODUCER_FENCED:
            error = KafkaError.INVALID_PRODUCER_EPOCH
        elif error is KafkaError.TRANSACTION_ABORTABLE and self.version < ABORTABLE_VERSION:
            error = KafkaError.INVALID_TXN_STATE
        if error in _NOT_NOW or (error is KafkaError.CONCURRENT_TRANSACTIONS and self.version < ADDING_VERSION):
            text = f"it cannot be seen yet whether the partition is part of the transaction: {error.name}"
            return Refused(_TRY_AGAIN, text)
        return Refused(error, f"the partition is not part of an ongoing transaction: {error.name}")


def has_transactional(topics: Iterable[Any]) -> bool:
    """Whether any batch of a request is one of a transaction: two bytes of each are looked at."""
    for wanted in topics:
        for part in wanted.partition_data:
            records = part.records
            if not records or len(records) < HEADER_SIZE:
                continue
            # What is no batch is refused for that, and alone.
            if records[_ATTRIBUTES_LOW] & TRANSACTIONAL_BIT and records[_MAGIC] == _MAGIC_OF_BATCHES:
                return True
    return False
