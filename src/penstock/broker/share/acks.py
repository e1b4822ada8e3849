"""Acknowledgements of a request, partition by partition: in ShareAcknowledge, and on the back of a ShareFetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.broker.share.sessions import Place
from penstock.coordinate.share.acknowledge import Ack, AckRules, ack_fault, acknowledge
from penstock.coordinate.share.store import ShareKey
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

_NONE = Refused(KafkaError.NONE, "")


class Acknowledged(NamedTuple):
    """What became of them. results: by partition, in the order of the request; written: where it was written."""

    results: dict[Place, Refused]
    written: list[Partition]


def acks_of(request: Any) -> dict[Place, list[Ack]]:
    """The acknowledgements in a ShareFetch or ShareAcknowledge, by partition; of those that have any."""
    acks: dict[Place, list[Ack]] = {}
    for topic in request.topics:
        for part in topic.partitions:
            found = [
                Ack(batch.first_offset, batch.last_offset, batch.acknowledge_types)
                for batch in part.acknowledgement_batches
            ]
            if found:
                acks.setdefault(Place(topic.topic_id, part.partition_index), []).extend(found)
    return acks


def acknowledge_all(
    broker: Broker, group_id: str, member_id: str, acks: dict[Place, list[Ack]], renew: bool, now_ms: int
) -> Acknowledged:
    """Each partition alone: all of its acknowledgements count, or none. renew: the request may prolong locks."""
    config = broker.shares.config(group_id)
    rules = AckRules(
        config.delivery_count_limit, config.renew_acknowledge_enable, now_ms + config.record_lock_duration_ms
    )
    results: dict[Place, Refused] = {}
    written: list[Partition] = []
    for place, of_partition in acks.items():
        done = _acknowledge(broker, ShareKey(group_id, *place), member_id, of_partition, rules, renew, now_ms)
        results[place] = done if isinstance(done, Refused) else _NONE
        if isinstance(done, Partition):
            written.append(done)
    return Acknowledged(results, written)


def _acknowledge(
    broker: Broker, key: ShareKey, member_id: str, acks: list[Ack], rules: AckRules, renew: bool, now_ms: int
) -> Refused | Partition | None:
    if key.topic_id not in broker.topics.by_id:
        return Refused(KafkaError.UNKNOWN_TOPIC_ID, "")
    if ack_fault(acks, renew):
        return Refused(KafkaError.INVALID_REQUEST, "")
    live = broker.shares.get(key, now_ms)
    if isinstance(live, KafkaError):
        return Refused(live, "")
    transition = acknowledge(live.machine, member_id, acks, rules)
    if isinstance(transition, Refused):
        return transition
    return broker.shares.change(live, transition, now_ms)
