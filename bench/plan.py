"""How long and how much: the full run whose numbers are published, and the quick one that shows that all works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """rounds: of each scenario and server, alternating; seconds and bytes: whichever is reached first ends a round.

    seconds_warm: load before the first round, for each server, so that the JVM has compiled what it will run.
    paced_share: of the slower server's throughput, the rate at which both are asked for latencies. members_max: of a
    group that rebalances.
    """

    rounds: int = 5
    seconds: float = 10
    seconds_skipped: float = 1
    seconds_warm: float = 90
    seconds_settle: float = 5
    bytes_max: int = 2 << 30
    bytes_preloaded: int = 1 << 30
    bytes_cold: int = 1 << 30
    paced_share: float = 0.5
    value_size: int = 1024
    many_partitions: int = 10_000
    end_to_end_rate: int = 1_000
    client_records: int = 1_000_000
    members_max: int = 1_000
    acks: int = -1


FULL = Plan()
QUICK = Plan(
    rounds=1,
    seconds=1.5,
    seconds_skipped=0.3,
    seconds_warm=2,
    seconds_settle=0.5,
    bytes_max=64 << 20,
    bytes_preloaded=32 << 20,
    bytes_cold=32 << 20,
    many_partitions=50,
    client_records=20_000,
    members_max=20,
)
