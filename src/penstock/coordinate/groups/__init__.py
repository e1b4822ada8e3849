"""The group coordinator: classic consumer groups and committed offsets."""

from penstock.coordinate.groups.coordinator import CommittedOffset, GroupFacts, Groups
from penstock.coordinate.groups.desk import Topics
from penstock.coordinate.groups.group import GroupType
from penstock.coordinate.groups.placement import group_partition, java_hash
from penstock.coordinate.groups.settings import GroupSettings

__all__ = [
    "CommittedOffset",
    "GroupFacts",
    "GroupSettings",
    "GroupType",
    "Groups",
    "Topics",
    "group_partition",
    "java_hash",
]
