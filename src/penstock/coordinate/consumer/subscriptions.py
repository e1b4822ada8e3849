"""What the members of a group read: names and patterns, the topics behind them, and when that calls for a new epoch."""

from __future__ import annotations

from collections import Counter

from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.group import ConsumerGroup, Resolved
from penstock.coordinate.consumer.member import ConsumerMember
from penstock.coordinate.consumer.records import Entry, Kind, group_entry, pattern_entry
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.subscription import topics_hash
from penstock.kit.pattern import PatternError, Work, pattern
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

# Patterns are looked at again after topics came or went, but not more often than this: a pass over all topic names
# takes some microseconds for each, and topics may come by the thousand.
PATTERNS_INTERVAL_MS = 1_000
UNKNOWN_VERSION = 0


class View:
    """The subscriptions of a group with one member as it will be: `old` is as it was, None if it is new.

    gone: members that leave; patterns: by text, resolved.
    """

    __slots__ = ("desk", "pattern_users", "patterns", "readers")

    def __init__(
        self,
        desk: Desk,
        group: ConsumerGroup,
        old: ConsumerMember | None = None,
        new: ConsumerMember | None = None,
        gone: list[ConsumerMember] | None = None,
    ) -> None:
        self.desk = desk
        self.readers, self.pattern_users = group.readers, group.pattern_users
        self.patterns = group.patterns
        if (old and old.topics) == (new and new.topics) and (old and old.pattern) == (new and new.pattern) and not gone:
            return
        self.readers, self.pattern_users = Counter(group.readers), Counter(group.pattern_users)
        for member in (*(gone or ()), *([old] if old is not None else ())):
            self.readers.subtract(member.topics)
            self.pattern_users.subtract([member.pattern] if member.pattern else ())
        if new is not None:
            self.readers.update(new.topics)
            self.pattern_users.update([new.pattern] if new.pattern else ())
        self.readers, self.pattern_users = +self.readers, +self.pattern_users

    def topics(self) -> set[str]:
        """Names of all topics that are read, whether they exist or not."""
        names = set(self.readers)
        for text in self.pattern_users:
            if text in self.patterns:
                names |= self.patterns[text].topics
        return names

    def topic_ids(self, member: ConsumerMember) -> frozenset[bytes]:
        """Ids of the topics that a member reads and that exist."""
        names = set(member.topics)
        resolved = self.patterns.get(member.pattern)
        if resolved is not None:
            names |= resolved.topics
        topics = self.desk.topics
        if topics is None:
            return frozenset()
        return frozenset(found for name in names if (found := topics.id_of(name)) is not None)

    def metadata_hash(self) -> int:
        """A number that changes when a topic that is read comes, goes or grows."""
        return topics_hash(self.desk.topics, self.topics())


def version_of_topics(desk: Desk) -> int:
    return UNKNOWN_VERSION if desk.topics is None else desk.topics.version


def pattern_fault(desk: Desk, group: ConsumerGroup, text: str) -> Refused | None:
    """Why this cannot be a member's pattern."""
    if text in group.pattern_users:
        return None
    if len(group.pattern_users) >= desk.settings.group_patterns_max:
        said = f"The group reads by {len(group.pattern_users)} different regular expressions, which is the most."
        return Refused(KafkaError.GROUP_MAX_SIZE_REACHED, said)
    try:
        # It is tried at once: whoever asks for too much is told so.
        pattern(text).matching(() if desk.topics is None else desk.topics.names(), Work())
    except PatternError as fault:
        said = f"SubscribedTopicRegex `{text}` is not a valid regular expression: {fault}."
        return Refused(KafkaError.INVALID_REGULAR_EXPRESSION, said)
    return None


def update_patterns(change: Change, view: View, dropped: str) -> bool:
    """Looks at the patterns of the group where that is due; whether one of them stands for other topics now.

    dropped: a pattern that nobody uses any more, "" for none.
    """
    group, desk = change.group, change.desk
    if dropped and dropped in group.patterns and dropped not in view.pattern_users:
        change.entries.append(Entry(Kind.PATTERN, group.group_id, dropped, None))
    if not view.pattern_users or desk.topics is None:
        return False
    version = desk.topics.version
    age_ms = desk.now_ms - group.patterns_seen_ms
    is_new = any(text not in group.patterns for text in view.pattern_users)
    # A clock that was set back makes ages negative.
    is_old = group.patterns_seen_version != version and not 0 <= age_ms < PATTERNS_INTERVAL_MS
    is_old = is_old or not 0 <= age_ms < desk.settings.group_consumer_regex_refresh_interval_ms
    if not is_new and not is_old:
        return False
    names = list(desk.topics.names())
    view.patterns = dict(group.patterns)
    differs = False
    work = Work()
    for text in view.pattern_users:
        before = group.patterns.get(text)
        if before is not None and not is_old:
            continue
        found = _found(text, names, work, before)
        if before is None or before.topics != found:
            resolved = view.patterns[text] = Resolved(found, version, desk.now_ms)
            change.entries.append(pattern_entry(group.group_id, text, resolved))
            differs = True
    if not is_old:
        return differs
    now_ms = desk.now_ms

    def seen(now: ConsumerGroup) -> None:
        now.patterns_seen_version, now.patterns_seen_ms = version, now_ms

    change.after.append(seen)
    return differs


def _found(text: str, names: list[str], work: Work, before: Resolved | None) -> frozenset[str]:
    """The topics of a pattern; as they were when it takes too much work, or is one of another implementation."""
    try:
        return pattern(text).matching(names, work)
    except PatternError:
        return frozenset() if before is None else before.topics


def update_epoch(change: Change, view: View, *, bump: bool) -> int:
    """The group's epoch from now on: a new one if asked for, or when topics that are read have changed."""
    group = change.group
    version = version_of_topics(change.desk)
    if not bump and group.seen_version == version:
        return group.epoch
    metadata_hash = view.metadata_hash()

    def seen(now: ConsumerGroup) -> None:
        now.seen_version = version

    change.after.append(seen)
    if not bump and metadata_hash == group.metadata_hash:
        return group.epoch
    epoch = group.epoch + 1
    change.entries.append(group_entry(group.group_id, epoch, metadata_hash))
    if group.has_partition_record:
        # Left by a version before 4.1; the hash says all that is needed of it.
        change.entries.append(Entry(Kind.PARTITIONS, group.group_id, "", None))
    return epoch
