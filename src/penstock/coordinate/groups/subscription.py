"""Topics in the subscription that consumers send with JoinGroup (protocol type "consumer")."""

from struct import error as StructError
from struct import unpack_from

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
