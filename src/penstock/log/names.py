"""How Kafka names the files of a partition and the directories of a log directory.

A segment's files share its base offset in 20 digits; a suffix after the kind marks what is no longer, or not yet, it.
"""

import re
from typing import Final

LOG: Final = ".log"
OFFSET_INDEX: Final = ".index"
TIME_INDEX: Final = ".timeindex"
# Aborted transactions; only segments that hold an abort marker have one.
TXN_INDEX: Final = ".txnindex"
SNAPSHOT: Final = ".snapshot"

SEGMENT_KINDS: Final = (LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX)

DELETED: Final = ".deleted"
# Compaction writes to .cleaned, renames to .swap when all is on disk, then takes the place of the old segments.
CLEANED: Final = ".cleaned"
SWAP: Final = ".swap"
TEMPORARY: Final = ".tmp"

PARTITION_METADATA: Final = "partition.metadata"
LEADER_EPOCHS: Final = "leader-epoch-checkpoint"

META_PROPERTIES: Final = "meta.properties"
CLEAN_SHUTDOWN: Final = ".kafka_cleanshutdown"
LOCK: Final = ".lock"
RECOVERY_POINTS: Final = "recovery-point-offset-checkpoint"
LOG_STARTS: Final = "log-start-offset-checkpoint"
HIGH_WATERMARKS: Final = "replication-offset-checkpoint"

DELETED_DIRECTORY: Final = "-delete"
# Of a partition that nobody knows and nobody deleted; kept for people to look at.
STRAY_DIRECTORY: Final = "-stray"

# 255 bytes is what file systems take for one name.
_NAME_SIZE_MAX: Final = 255
_SEGMENT_FILE: Final = re.compile(r"(\d{20})(\.[a-z]+)")
_PARTITION: Final = re.compile(r"([a-zA-Z0-9._-]+)-(0|[1-9]\d{0,9})")
# An id after the partition, without which the name is an ordinary one: "a-delete-0" is a topic.
_DELETED_PARTITION: Final = re.compile(r".+\.[0-9a-f]{32}-delete")


def offset_name(offset: int, suffix: str) -> str:
    """`offset` in 20 digits and the suffix: the name of a segment's file or of a snapshot."""
    return f"{offset:020d}{suffix}"


def parse_offset(name: str) -> tuple[int, str] | None:
    """(offset, suffix) of a name that `offset_name` gives, None for any other."""
    match = _SEGMENT_FILE.fullmatch(name)
    return (int(match[1]), match[2]) if match else None


def partition_name(topic: str, index: int) -> str:
    return f"{topic}-{index}"


def parse_partition(name: str) -> tuple[str, int] | None:
    """(topic, index) of a partition's directory, None for any other name; those of deleted ones have another form."""
    match = _PARTITION.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def deleted_name(topic: str, index: int, unique: bytes) -> str:
    """What a partition's directory is called until it is removed; a long topic is cut short. unique: 16 bytes."""
    return _away_name(topic, index, unique, DELETED_DIRECTORY)


def stray_name(topic: str, index: int, unique: bytes) -> str:
    """What the directory of a partition is called that was set aside; a long topic is cut short. unique: 16 bytes."""
    return _away_name(topic, index, unique, STRAY_DIRECTORY)


def _away_name(topic: str, index: int, unique: bytes, suffix: str) -> str:
    tail = f"-{index}.{unique.hex()}{suffix}"
    return topic[: _NAME_SIZE_MAX - len(tail)] + tail


def is_deleted(name: str) -> bool:
    return _DELETED_PARTITION.fullmatch(name) is not None
