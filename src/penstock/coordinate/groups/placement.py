"""Which partition of `__consumer_offsets` keeps a group."""

from struct import unpack


def java_hash(text: str) -> int:
    """String.hashCode of Java: over UTF-16 code units, 32 bits, signed."""
    units = text.encode("utf-16-le", "surrogatepass")
    value = 0
    for unit in unpack(f"<{len(units) // 2}H", units):
        value = (31 * value + unit) & 0xFFFF_FFFF
    return value - (1 << 32) if value & 0x8000_0000 else value


def group_partition(group_id: str, partition_count: int) -> int:
    """The partition of a group.  Source: GroupCoordinatorService.partitionFor, Utils.abs."""
    hash_code = java_hash(group_id)
    # Java's 32-bit minimum has no positive twin, and Kafka's Utils.abs makes it 0.
    return 0 if hash_code == -(1 << 31) else abs(hash_code) % partition_count
