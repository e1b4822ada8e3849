"""CRC-32C (Castagnoli), the checksum of a record batch: over everything from the attributes to the end."""

from crc32c import crc32c

__all__ = ["crc32c"]
