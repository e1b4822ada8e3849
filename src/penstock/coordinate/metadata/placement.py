"""Where copies of partitions may lie: on this node, once each."""

from collections.abc import Iterable, Sequence
from typing import Any

from penstock.coordinate.metadata.settings import MetadataSettings
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError


def copies_fault(node_id: int, partition: int, nodes: Sequence[int]) -> Refused | None:
    """Why the copies of one partition cannot lie on exactly these nodes."""
    error = KafkaError.INVALID_REPLICA_ASSIGNMENT
    if not nodes:
        return Refused(error, f"the manual assignment gives partition {partition} no node; expected [{node_id}]")
    for node in nodes:
        if node != node_id:
            return Refused(
                error,
                f"the manual assignment puts partition {partition} on node {node}, which does not exist; "
                f"this cluster is the one node {node_id}",
            )
    if len(nodes) > 1:
        return Refused(error, f"the manual assignment puts partition {partition} on node {node_id} more than once")
    return None


def numbers_fault(indexes: Iterable[int]) -> Refused | None:
    """Why manual assignments with these partition numbers do not describe a topic."""
    found = sorted(indexes)
    if found != list(range(len(found))):
        return Refused(
            KafkaError.INVALID_REPLICA_ASSIGNMENT,
            f"the manual assignment names the partitions {found[:20]}; expected each from 0 to {len(found) - 1} once",
        )
    return None


def factor_fault(factor: int) -> Refused | None:
    """Why there cannot be `factor` copies. -1 stands for the default."""
    if factor in (-1, 1):
        return None
    if factor < 1:
        text = f"a replication factor of {factor} is not possible; expected 1 or more, or -1 for the default"
    else:
        text = f"a replication factor of {factor} needs {factor} brokers, and there is 1; use 1, or -1 for the default"
    return Refused(KafkaError.INVALID_REPLICATION_FACTOR, text)


def partition_records(settings: MetadataSettings, topic_id: bytes, first: int, count: int) -> list[Any]:
    """Records of `count` new partitions from number `first` on, all on this node."""
    nodes = [settings.node_id]
    record = messages.PartitionRecord
    return [
        record(
            partition_id=partition,
            topic_id=topic_id,
            replicas=nodes,
            isr=nodes,
            leader=settings.node_id,
            leader_epoch=0,
            partition_epoch=0,
            directories=[settings.directory_id],
        )
        for partition in range(first, first + count)
    ]
