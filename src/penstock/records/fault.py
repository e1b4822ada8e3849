"""What is wrong with a batch, in Kafka's codes. `protocol` names all codes; a sibling room may not be asked."""

from typing import Final

from penstock.kit.refusal import Refused

CORRUPT_MESSAGE: Final = 2
MESSAGE_TOO_LARGE: Final = 10
UNSUPPORTED_COMPRESSION_TYPE: Final = 76
INVALID_RECORD: Final = 87


class BatchError(ValueError):
    """The bytes are not the batch, the compressed data or the record they were taken for.

    error: Kafka's numeric code; message: what was found, where, what was expected.
    """

    def __init__(self, error: int, message: str) -> None:
        super().__init__(error, message)
        self.error = error
        self.message = message

    def __str__(self) -> str:
        return self.message

    @property
    def refused(self) -> Refused:
        """The same fault as a value, for callers that answer a client with it."""
        return Refused(self.error, self.message)
