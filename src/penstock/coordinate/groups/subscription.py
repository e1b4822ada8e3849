"""What members read: topics in the subscription that consumers send with JoinGroup, and what those topics are now."""

from collections.abc import Iterable
from hashlib import blake2b
from struct import error as StructError
from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.coordinate.groups.desk import Topics

CONSUMER = "consumer"


def subscribed_topics(metadata: bytes) -> list[str] | None:
    """The topic names, or None when the bytes are not a subscription.

    Every version starts with int16 version and [string] topics, and later versions only add behind it, so that is
    all that is read.  Source: ConsumerProtocol.deserializeSubscription, version 0.
    """
    try:
        version, count = unpack_from(">hi", metadata)
        if version < 0 or count < 0:
            return None
        topics = []
        position = 6
        for _ in range(count):
            (size,) = unpack_from(">h", metadata, position)
            position += 2
            topic = metadata[position : position + size]
            if size < 0 or len(topic) < size:
                return None
            topics.append(topic.decode())
            position += size
    except (StructError, UnicodeDecodeError):
        return None
    return topics


def topics_hash(topics: "Topics | None", names: Iterable[str]) -> int:
    """A number that changes when one of these topics comes, goes or grows; 0 when none exists.

    Kafka computes it with XXH3. Who takes a store from one to the other sees one assignment more, nothing else.
    """
    if topics is None:
        return 0
    digest = blake2b(digest_size=8)
    found = False
    for name in sorted(names):
        topic_id = topics.id_of(name)
        if topic_id is not None:
            found = True
            digest.update(topic_id + (topics.partition_count(name) or 0).to_bytes(4, "big"))
    return int.from_bytes(digest.digest(), "big", signed=True) if found else 0
