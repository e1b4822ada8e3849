"""What an operator can set about transactions, with Kafka's names and defaults, and the bounds that are ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransactionSettings:
    """Kafka's settings first, dots for underscores; then bounds on what strangers can make grow, which Kafka lacks.

    transaction_version: the finalized level of that feature.
    """

    transaction_state_log_num_partitions: int = 50
    transaction_max_timeout_ms: int = 900_000
    transactional_id_expiration_ms: int = 604_800_000
    transaction_version: int = 2

    transactional_ids_max: int = 100_000
    transactional_id_length_max: int = 4_096
