"""An expected fault as a value: Kafka's code for the client and a sentence for the log."""

from typing import NamedTuple


class Refused(NamedTuple):
    """What a room answers instead of its result when it may not do what was asked.

    error: Kafka's numeric error code, never 0; message: what was found, where, what was expected.
    It lives in kit because `protocol` and `records` both give it and may not know each other.
    """

    error: int
    message: str
