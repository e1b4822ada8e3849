"""The checks can fail: a broker that is broken on purpose is caught, within some seeds, by the promise it breaks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from penstock.broker.apis.produce import Produce
from penstock.broker.apis.share_fetch import SharePoll
from penstock.broker.markers import Markers
from penstock.coordinate.consumer import heartbeat as consumer_heartbeat
from penstock.coordinate.groups import loading
from penstock.coordinate.offsets import commit
from penstock.coordinate.offsets.store import Offsets
from penstock.coordinate.transactions.coordinator import Transactions
from penstock.log.partition import Partition
from penstock.log.producers import Producers
from penstock.log.results import Appended
from penstock.protocol.errors import KafkaError
from tests.simulation.plan import TOPICS, Plan
from tests.simulation.run import run

SEEDS_MAX = 60
Patch = pytest.MonkeyPatch


def acknowledged_and_not_written(patch: Patch) -> None:
    append, calls = Partition.append, count()

    def skipping(self: Any, batch: Any, header: Any, now_ms: int) -> Any:
        if self.topic in TOPICS and next(calls) % 20 == 19:
            return Appended(self.next_offset, -1, self.log_start)
        return append(self, batch, header, now_ms)

    patch.setattr(Partition, "append", skipping)


def acknowledged_before_it_is_on_disk(patch: Patch) -> None:
    patch.setattr(Produce, "_when_on_disk", lambda self, reply, until_ms, claims: reply)


def aborted_list_dropped(patch: Patch) -> None:
    patch.setattr(Partition, "aborted_in", lambda self, offset, data: [])


def open_transactions_are_stable(patch: Patch) -> None:
    read_plan = Partition.read_plan

    def reading_on(self: Any, offset: int, max_bytes: int, is_committed: bool, must_give_one: bool) -> Any:
        return read_plan(self, offset, max_bytes, False, must_give_one)

    patch.setattr(Partition, "read_plan", reading_on)


def repeated_batches_are_new(patch: Patch) -> None:
    patch.setattr(Producers, "judge", lambda self, header: None)


def a_marker_is_left_out(patch: Patch) -> None:
    write = Markers.write

    def partly(self: Any, end: Any, places: Any, now_ms: int) -> Any:
        wanted = list(places)
        kept = [place for place in wanted if place[1] != 1 or place[0] not in TOPICS]
        done = write(self, end, kept, now_ms)
        return done._replace(errors=dict.fromkeys(wanted, KafkaError.NONE))

    patch.setattr(Markers, "write", partly)


def late_ends_end_the_next_transaction(patch: Patch) -> None:
    find = Transactions._find_end

    def any_epoch(self: Any, name: str, producer_id: int, epoch: int, is_commit: bool) -> Any:
        known = self._by_id.get(name)
        return find(self, name, producer_id, epoch if known is None else known.epoch, is_commit)

    patch.setattr(Transactions, "_find_end", any_epoch)


def offsets_of_transactions_count_at_once(patch: Patch) -> None:
    patch.setattr(Offsets, "put_pending", lambda self, transaction, key, committed: self.put(key, committed))


def offsets_are_forgotten_by_a_restart(patch: Patch) -> None:
    patch.setattr(loading, "_replay_offset", lambda *arguments: None)


def anybody_may_commit(patch: Patch) -> None:
    patch.setattr(commit, "_fault_in_group", lambda *arguments, **rest: KafkaError.NONE)
    patch.setattr(commit, "_fault_of_newer", lambda *arguments, **rest: KafkaError.NONE)


def share_locks_are_not_kept(patch: Patch) -> None:
    read = SharePoll.read

    def greedy(self: Any) -> None:
        for _, live in self._lives(self.session.places, self.broker.clock.now_ms()):
            given_back = live.machine._given_back(lambda run: True, 5)
            self.broker.shares.change(live, given_back, self.broker.clock.now_ms())
        read(self)

    patch.setattr(SharePoll, "read", greedy)


def partitions_are_handed_on_too_early(patch: Patch) -> None:
    reconcile = consumer_heartbeat.reconcile

    def hasty(member: Any, target: Any, owned: Any, *, changed: bool) -> Any:
        free = target._replace(has_owner=lambda topic_id, partition: False)
        return reconcile(member, free, owned, changed=changed)

    patch.setattr(consumer_heartbeat, "reconcile", hasty)


BROKEN: list[Callable[[Patch], None]] = [
    acknowledged_and_not_written,
    acknowledged_before_it_is_on_disk,
    aborted_list_dropped,
    open_transactions_are_stable,
    repeated_batches_are_new,
    a_marker_is_left_out,
    late_ends_end_the_next_transaction,
    offsets_of_transactions_count_at_once,
    offsets_are_forgotten_by_a_restart,
    anybody_may_commit,
    share_locks_are_not_kept,
    partitions_are_handed_on_too_early,
]


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda breaking: breaking.__name__)
def test_a_broken_broker_is_caught(breaking, monkeypatch):
    breaking(monkeypatch)

    found = next((verdict.found for seed in range(SEEDS_MAX) if (verdict := run(Plan(seed))).found), [])

    assert found, f"{SEEDS_MAX} seeds saw nothing"
    assert found[0].rule != "nothing raises", found[0].text
