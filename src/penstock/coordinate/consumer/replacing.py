"""A static member that comes back under a new member id, in the place and with the partitions of the old one."""

from __future__ import annotations

from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.member import JOINING_EPOCH, ConsumerMember
from penstock.coordinate.consumer.records import current_entry, member_entry, member_tombstones, target_entry


def replace_static(change: Change, old: ConsumerMember, member_id: str) -> ConsumerMember:
    """The member under its new id; everything else is as it was, until it says otherwise."""
    group = change.group
    new = old._replace(member_id=member_id, epoch=JOINING_EPOCH, previous_epoch=JOINING_EPOCH)
    change.entries += [
        *member_tombstones(group.group_id, old.member_id),
        member_entry(group.group_id, new),
        target_entry(group.group_id, member_id, group.target_of(old.member_id)),
        current_entry(group.group_id, new),
    ]
    return new
