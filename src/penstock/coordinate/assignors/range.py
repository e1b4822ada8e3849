"""`range`: each topic is cut into runs of neighbouring partitions, one for each of its readers.

Topics with as many partitions and the same readers are cut alike, so that a reader gets the same numbers of each
(co-partitioning, as joins want it).  Source: KIP-848, RangeAssignor.
"""

from __future__ import annotations

from penstock.coordinate.assignors.spec import Assignment, Spec

NAME = "range"


def assign(spec: Spec) -> dict[str, Assignment]:
    """Static members come first, by instance id, so that a restart under a new member id changes nothing."""
    members = spec.members
    order = sorted(members, key=lambda name: (members[name].instance_id is None, members[name].instance_id or name))
    given: dict[str, dict[bytes, frozenset[int]]] = {member_id: {} for member_id in members}
    readers: dict[bytes, list[str]] = {}
    for member_id in order:
        for topic_id in members[member_id].topics:
            readers.setdefault(topic_id, []).append(member_id)
    for topic_id, names in readers.items():
        least, longer = divmod(spec.partitions[topic_id], len(names))
        first = 0
        for place, member_id in enumerate(names):
            size = least + (place < longer)
            if size:
                given[member_id][topic_id] = frozenset(range(first, first + size))
            first += size
    return dict(given)
