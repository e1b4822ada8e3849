"""Random bytes that are the same in every run."""

import hashlib


class Dice:
    """Bytes that look random. seed: other bytes for each; never the same bytes twice in a row."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed.encode()
        self._thrown = 0

    def __call__(self, count: int) -> bytes:
        self._thrown += 1
        return hashlib.shake_128(self._seed + b":%d" % self._thrown).digest(count)
