"""Rows of the report, and the tables of what coordinators do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement of both servers. target: what the ratio must reach (at least, or at most when `lower`)."""

    title: str
    scenario: str
    metric: str
    unit: str = ""
    scale: float = 1.0
    target: float | None = None
    lower: bool = False


Tables = tuple[tuple[str, tuple[Row, ...]], ...]

_TRANSACTIONS = tuple(
    (f"{ids} id{'s' * (ids > 1)}, {batches} batch{'es' * (batches > 1)}", f"transactions-{ids}x{batches}")
    for ids in (1, 10)
    for batches in (1, 10)
)
_PROTOCOLS = (
    ("Classic, eager", "eager"),
    ("Classic, cooperative", "cooperative"),
    ("Consumer (KIP-848)", "consumer"),
    ("Share", "share"),
    ("Streams", "streams"),
)
_PHASES = (("first join to stable", "join"), ("one leaves", "leave"), ("one more joins", "return"))

# Where all there is to do is the server's, half of the other's is the aim. A rebalance waits for members' heartbeats,
# which come each second whatever the server does: its time has to be no longer, its CPU half.
COORDINATION: Tables = (
    (
        "Idempotent producers",
        (
            Row("1 record a request", "produce-1-record-idempotent", "requests_per_s", target=2.0),
            Row("16 KB batches", "produce-16KB-idempotent", "mb_per_s", target=2.0),
            Row("1 record a request, CPU a gigabyte", "produce-1-record-idempotent", "cpu_s_per_gb", "s", 1, 0.5, True),
            Row("16 KB batches, CPU a gigabyte", "produce-16KB-idempotent", "cpu_s_per_gb", "s", 1, 0.5, True),
        ),
    ),
    (
        "Transactions of one record a batch: one Produce, one EndTxn, and on",
        tuple(
            row
            for title, name in _TRANSACTIONS
            for row in (
                Row(title, name, "transactions_per_s", "/s", target=2.0),
                Row(f"{title}, EndTxn, P50", name, "commit_ms.p50", "ms", target=0.5, lower=True),
                Row(f"{title}, EndTxn, P99", name, "commit_ms.p99", "ms", target=0.5, lower=True),
                Row(f"{title}, begin to committed, P50", name, "latency_ms.p50", "ms", target=0.5, lower=True),
                Row(f"{title}, begin to committed, P99", name, "latency_ms.p99", "ms", target=0.5, lower=True),
                Row(f"{title}, CPU of one", name, "cpu_ms_per_transaction", "ms", target=0.5, lower=True),
            )
        ),
    ),
    (
        "Reading a topic of transactions of 64 KB a partition, every fourth aborted",
        tuple(
            row
            for title, name in (
                ("read_uncommitted", "fetch-transactions-uncommitted"),
                ("read_committed", "fetch-transactions-committed"),
            )
            for row in (
                Row(title, name, "mb_per_s", target=1.25),
                Row(f"{title}, CPU a gigabyte", name, "cpu_s_per_gb", "s", target=0.8, lower=True),
            )
        ),
    ),
    (
        "Share groups: records fetched and accepted",
        tuple(
            row
            for title, name in (("1 consumer", "share-group-1"), ("4 consumers", "share-group-4"))
            for row in (
                Row(title, name, "consume_records_per_s", "records/s", target=2.0),
                Row(f"{title}, CPU of 1,000 records", name, "cpu_ms_per_1000_records", "ms", target=0.5, lower=True),
            )
        ),
    ),
    *(
        (
            f"Rebalance of {count:,} members, a heartbeat each second",
            tuple(
                row
                for title, protocol in _PROTOCOLS
                for phase, key in _PHASES
                for name in (f"rebalance-{protocol}-{count}",)
                for row in (
                    Row(f"{title}, {phase}", name, f"{key}_s", "s", target=1.0, lower=True),
                    Row(f"{title}, {phase}, CPU", name, f"{key}_cpu_s", "s", target=0.5, lower=True),
                )
            ),
        )
        for count in (100, 1_000)
    ),
)
