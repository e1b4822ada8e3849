"""The features this broker has, and their levels. A feature stands for APIs: what is not served is not in here, and
clients take a missing one for level 0.
"""

from typing import NamedTuple


class Feature(NamedTuple):
    """min, max: levels that can be chosen; level: the one in force. is_told: whether ApiVersions tells it."""

    min: int
    max: int
    level: int
    is_told: bool = True


FEATURES: dict[str, Feature] = {
    # The records that the metadata log may hold, those of Kafka 4.3.
    "metadata.version": Feature(30, 30, 30, is_told=False),
    # Consumer groups of KIP-848.
    "group.version": Feature(0, 1, 1),
}
