"""A batch in another compression, for topics whose `compression.type` is not the producer's choice."""

from penstock.kit.varint import Buffer
from penstock.records.batch import assemble
from penstock.records.codec import Codec, compress, decompress
from penstock.records.header import CODEC_BITS, HEADER_SIZE, BatchHeader


def recompress(batch: Buffer, header: BatchHeader, codec: Codec, max_bytes: int, level: int | None = None) -> bytearray:
    """The same records under `codec`: every header field but length, CRC and codec stays, no record is opened.

    batch: one whole batch and its header; max_bytes: most that the records may have when unpacked.
    Error: BatchError where the data of the batch cannot be unpacked or has more than that.
    """
    recoded = header._replace(attributes=header.attributes & ~CODEC_BITS | codec)
    packed = memoryview(batch)[HEADER_SIZE:]
    # Compaction leaves headers without records, and without anything that a codec could read.
    if not packed:
        return assemble(recoded, b"")
    return assemble(recoded, compress(codec, decompress(header.codec, packed, max_bytes), level))
