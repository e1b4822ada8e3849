"""What must hold when a run is over, the broker is well, and everybody had time to finish."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulation.book import Attempt, Batch, Book, Place, batches_of, committed_of
from tests.simulation.checks import DELIVERIES_MAX, Checks
from tests.simulation.consuming import FETCH_VERSION, TOPIC, Exactly, Follower, fetch_request, offsets_request
from tests.simulation.plan import TOPICS
from tests.simulation.producing import Idempotent, Transactional
from tests.simulation.world import World

PLACES: list[Place] = [(topic, index) for topic, count in TOPICS.items() for index in range(count)]


class Log:
    """One partition as it is in the end. every: all data; committed: what counts; stable, end: its offsets."""

    def __init__(self, batches: list[Batch], aborted: Any, stable: int, end: int) -> None:
        self.every = {offset: value for batch in batches for offset, value in batch.records}
        self.committed = dict(committed_of(batches, aborted))
        self.stable = stable
        self.end = end

    @property
    def last(self) -> int:
        """Of the last value that counts."""
        return max(self.committed, default=-1)


class Judge:
    """Reads everything as a client would, and holds it against the book."""

    def __init__(self, world: World, book: Book, checks: Checks) -> None:
        self.world = world
        self.book = book
        self.checks = checks
        self.logs: dict[Place, Log] = {}
        # What was read of them so far: they only grow.
        self.batches: dict[Place, list[Batch]] = {place: [] for place in PLACES}
        self.aborted: dict[Place, set[tuple[int, int]]] = {place: set() for place in PLACES}
        self.left = "the logs cannot be read"

    def is_done(self) -> bool:
        """Whether everybody got to the end of everything; `left` says what is missing."""
        self.left = self._what_is_left()
        return not self.left

    def _what_is_left(self) -> str:
        for actor in self.world.actors.values():
            if isinstance(actor, Idempotent | Transactional) and not isinstance(actor, Exactly) and actor.running:
                return f"{actor.name} still writes"
        for place in PLACES:
            log = self.read(place)
            if log is None:
                return f"{place} cannot be read"
            if log.stable != log.end:
                return f"{place}: a transaction goes on from {log.stable}, the end is {log.end}"
            self.logs[place] = log
        return self._unread() or self._uncommitted() or self._unshared() or self._growing()

    def _growing(self) -> str:
        """Time passed while all that was looked at: what was written meanwhile is not judged yet."""
        for place in PLACES:
            log = self.read(place)
            if log is None or log.end != self.logs[place].end:
                return f"{place} grows"
        return ""

    def _has(self, kind: str) -> bool:
        return any(name.startswith(kind) for name in self.world.shape.cast)

    def _uncommitted(self) -> str:
        for group in filter(self._has, ("group", "eos")):
            for index, offset in self.committed(group).items():
                last = self.logs[TOPIC, index].last
                if max(0, offset) <= last:
                    return f"{group}: in-{index} is at {offset}, the last value at {last}"
        return ""

    def _unread(self) -> str:
        for actor in self.world.actors.values():
            if isinstance(actor, Follower):
                for place, position in actor.positions.items():
                    if position < self.logs[place].end:
                        return f"{actor.name}: {place} at {position}, the end is {self.logs[place].end}"
        return ""

    def _unshared(self) -> str:
        if not self._has("share"):
            return ""
        for index in range(TOPICS[TOPIC]):
            log = self.logs[TOPIC, index]
            for offset in log.committed if self.world.shape.share_committed else log.every:
                lock = self.checks.sharing.locks.get((index, offset))
                if lock is None or not (lock.is_done or lock.may_go or lock.deliveries >= DELIVERIES_MAX):
                    return f"share: in-{index} {offset} is not settled"
        return ""

    def read(self, place: Place) -> Log | None:
        """A whole partition, None when it cannot be read now."""
        batches, aborted = self.batches[place], self.aborted[place]
        stable = end = -1
        while True:
            position = batches[-1].last + 1 if batches else 0
            answer = self.world.now(fetch_request({place: position}, True, 1 << 20, 0), FETCH_VERSION)
            if answer is None:
                return None
            part = answer.responses[0].partitions[0]
            if part.error_code:
                return None
            stable, end = part.last_stable_offset, part.high_watermark
            found = batches_of(part.records)
            aborted |= {(one.first_offset, one.producer_id) for one in part.aborted_transactions or ()}
            if not found:
                break
            batches += found
        return Log(batches, [_Aborted(*one) for one in sorted(aborted)], stable, end)

    def committed(self, group: str) -> dict[int, int]:
        """Where a group is, by partition; -1 where it is not known."""
        indexes = list(range(TOPICS[TOPIC]))
        answer = self.world.now(offsets_request(group, indexes), 9)
        found = dict.fromkeys(indexes, -1)
        if answer is not None and not answer.groups[0].error_code:
            for part in answer.groups[0].topics[0].partitions:
                found[part.partition_index] = -1 if part.error_code else part.committed_offset
        return found

    # The end

    def judge(self) -> None:
        """All of it; every broken promise is noted in the world."""
        self._kept()
        self._once_and_in_order()
        self._whole()
        self._unbroken()
        if self._has("group"):
            self._read_by_group()
        if self._has("eos"):
            self._exactly_once()

    def _kept(self) -> None:
        for value, offset in self.book.kept.items():
            place = self.book.sent[value].place
            if self.logs[place].every.get(offset) != value:
                found = self.logs[place].every.get(offset)
                self.world.fail("what is acknowledged is kept", f"{value!r} at {place} {offset}: {found!r} is there")
        for place, seen in self.book.at.items():
            for offset, value in seen.items():
                if self.logs[place].every.get(offset) != value:
                    self.world.fail("what was read is kept", f"{value!r} at {place} {offset}")

    def _once_and_in_order(self) -> None:
        counts = Counter(value for log in self.logs.values() for value in log.every.values())
        for value, count in counts.items():
            if count > 1:
                self.world.fail("nothing is doubled", f"{value!r} is there {count} times")
        for place, log in self.logs.items():
            last: dict[str, int] = {}
            for offset in sorted(log.every):
                sent = self.book.sent.get(log.every[offset])
                if sent is None:
                    self.world.fail("what is read was written", f"{place} {offset}: {log.every[offset]!r}")
                    continue
                if sent.number <= last.get(sent.key, 0):
                    text = f"{place} {offset}: {sent.key} {sent.number} after {last[sent.key]}"
                    self.world.fail("order is kept", text)
                last[sent.key] = sent.number

    def _whole(self) -> None:
        """A transaction counts in all its partitions, or in none."""
        visible = {value for log in self.logs.values() for value in log.committed.values()}
        for attempt in self.book.attempts.values():
            found = [value for value in attempt.sent if value in visible]
            rule = _broken(attempt, len(found))
            if rule:
                text = f"{attempt.name}: {len(found)} of {len(attempt.sent)} values count, outcome {attempt.outcome!r}"
                self.world.fail(rule, text)

    def _unbroken(self) -> None:
        """Between its start and its end a reader got every value that counts, and no other."""
        for span in self.book.spans:
            log = self.logs[span.place]
            values = log.committed if span.committed else log.every
            wanted = {offset: value for offset, value in values.items() if span.start <= offset < span.end}
            if wanted != span.values:
                missing = sorted(wanted.keys() - span.values.keys())[:5]
                more = sorted(span.values.keys() - wanted.keys())[:5]
                where = f"{span.reader} {span.place} {span.start} to {span.end}"
                text = f"{where}: missing {missing}, more than is there {more}"
                self.world.fail("polls skip nothing", text)

    def _read_by_group(self) -> None:
        for index, end in self.committed("group").items():
            got = {
                offset
                for span in self.book.spans
                if span.reader.startswith("group") and span.place == (TOPIC, index)
                for offset in span.values
            }
            skipped = [offset for offset in self.logs[TOPIC, index].committed if offset < end and offset not in got]
            if skipped:
                self.world.fail("groups skip nothing", f"in-{index}: {skipped[:5]} are committed and nobody read them")

    def _exactly_once(self) -> None:
        counts: Counter[tuple[int, int]] = Counter()
        for (topic, _), log in self.logs.items():
            if topic == "out":
                for value in log.committed.values():
                    _, index, offset = value.decode().rsplit("@", 2)
                    counts[int(index), int(offset)] += 1
        for index, end in self.committed("eos").items():
            for offset in self.logs[TOPIC, index].committed:
                count, wanted = counts.pop((index, offset), 0), int(offset < end)
                if count != wanted:
                    text = f"in-{index} {offset} counts {count} times in the output; the group is at {end}"
                    self.world.fail("every input counts once", text)
        for (index, offset), count in counts.items():
            self.world.fail("every input counts once", f"in-{index} {offset} is no input, and counts {count} times")


class _Aborted:
    def __init__(self, first_offset: int, producer_id: int) -> None:
        self.first_offset = first_offset
        self.producer_id = producer_id


def _broken(attempt: Attempt, count: int) -> str:
    """Which rule a transaction of which `count` values count breaks."""
    if attempt.outcome == "committed" and count < len(attempt.sent):
        return "what is committed counts"
    if count and attempt.outcome == "aborted":
        return "what is aborted does not count"
    if count and not attempt.is_commit_sent:
        return "a transaction ends as it was asked to"
    return "a transaction is whole" if 0 < count < len(attempt.sent) else ""
