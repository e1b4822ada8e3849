"""Kafka's features: which levels are served, and which is in force.

A feature stands for APIs: what is not served is not in here, and clients take a missing one for level 0.
"""

from typing import NamedTuple


class Feature(NamedTuple):
    """min, max: levels served; level: that of a new cluster, and of one that was set up before it was served.

    is_told: whether ApiVersions tells it.
    """

    min: int
    max: int
    level: int
    is_told: bool = True


FEATURES: dict[str, Feature] = {
    # The records that the metadata log may hold, those of Kafka 4.3.
    "metadata.version": Feature(30, 30, 30, is_told=False),
    # An epoch for each transaction, partitions that are added by writing to them (KIP-890).
    "transaction.version": Feature(0, 2, 2),
    # Consumer groups (KIP-848).
    "group.version": Feature(0, 1, 1),
    # Share groups (KIP-932).
    "share.version": Feature(0, 1, 1),
    # Groups of Kafka Streams (KIP-1071).
    "streams.version": Feature(0, 1, 1),
}
