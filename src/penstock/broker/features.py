"""Kafka's features: which levels of them are served, and which level is in force."""

from typing import NamedTuple


class Feature(NamedTuple):
    """min, max: levels served; level: that of a new cluster, and of one that was set up before it was served."""

    min: int
    max: int
    level: int


# Those that are missing here stand for APIs that are not served; clients take them for level 0.
FEATURES = {
    "share.version": Feature(0, 1, 1),
}
