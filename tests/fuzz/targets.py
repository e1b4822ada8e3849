"""Bytes from outside into each decoder: nothing but the declared refusals may come out.

Run by hand, coverage-guided, until something breaks:  python -m tests.fuzz.targets request [libFuzzer options]
A finding is written to a file `crash-...`; the same command with that file as an argument replays it.
"""

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["penstock"]):
    from penstock.kit.refusal import Refused
    from penstock.protocol.apis import API
    from penstock.protocol.codec import decode, encode
    from penstock.protocol.errors import Malformed
    from penstock.protocol.frame import FrameSplitter, FrameTooLarge, decode_request_header
    from penstock.records import batch
    from penstock.records.fault import BatchError
    from penstock.records.record import decode_records

RECORD_BYTES_MAX = 1 << 20


def frame(data: bytes) -> None:
    """The splitter, fed in two pieces."""
    splitter = FrameSplitter(1 << 16)
    cut = data[0] if data else 0
    try:
        whole = [bytes(f) for piece in (data[:cut], data[cut:]) for f in splitter.feed(piece)]
    except FrameTooLarge:
        return
    assert sum(len(f) + 4 for f in whole) <= len(data)


def request(data: bytes) -> None:
    """Header and body of any API; what decodes must encode, and decode to the same again."""
    try:
        header, position = decode_request_header(data, 0)
        api = API.get(header.api_key)
        if api is None or not api.min_version <= header.version <= api.max_version:
            return
        cls = api.request
        message, _ = decode(cls, header.version, data, position)
    except Malformed:
        return
    again, _ = decode(cls, header.version, b"".join(bytes(part) for part in encode(message, header.version)))
    assert again == message


def record_batch(data: bytes) -> None:
    """The check that Produce makes, and the records inside what passes it."""
    checked = batch.check(memoryview(bytearray(data)), RECORD_BYTES_MAX)
    if isinstance(checked, Refused):
        return
    try:
        decode_records(memoryview(data), RECORD_BYTES_MAX)
    except BatchError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {"frame": frame, "request": request, "batch": record_batch}


def main() -> None:
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
