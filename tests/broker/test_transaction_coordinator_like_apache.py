"""Transactional producers ask Penstock and Apache Kafka the same, and get the same answers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.coordinate.transactions.records import read_key, read_value, record_of, tombstone_of
from penstock.protocol import messages as m
from penstock.records.batch import walk
from penstock.records.record import decode_records
from penstock.testing.apache_kafka import ApacheKafka, apache_kafka
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.admin.wire import Wire
from tests.broker.transacting import Got, Transactional, name_of

pytestmark = pytest.mark.apache

SETTINGS = {"offsets.topic.num.partitions": "4", "transaction.state.log.num.partitions": "4"}
SECONDS_MAX = 20


@pytest.fixture(scope="module")
def node() -> Iterator[ApacheKafka]:
    with apache_kafka(config=SETTINGS) as node:
        yield node


@pytest.fixture(scope="module")
def apache(node) -> Iterator[Wire]:
    host, port = node.bootstrap_servers.split(":")
    with Wire(host, int(port)) as wire:
        prepare(wire)
        yield wire


@pytest.fixture(scope="module")
def ours() -> InMemoryBroker:
    broker = InMemoryBroker(SETTINGS)
    prepare(broker)
    return broker


def until(ask: Callable[[], Any], is_settled: Callable[[Any], bool]) -> Any:
    """The first settled answer. Apache Kafka does by itself, soon, what we do at once."""
    deadline = time.monotonic() + SECONDS_MAX
    while not is_settled(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def prepare(broker: Any) -> None:
    request = m.CreateTopicsRequest
    broker.request(request(topics=[request.CreatableTopic("orders", 2, 1)], timeout_ms=5_000), 7)
    asking = Transactional(broker)
    until(lambda: asking.find("tx"), lambda found: found == ["NONE"])
    until(lambda: asking.init("first"), lambda got: got.error == "NONE")
    request = m.FindCoordinatorRequest(key_type=0, coordinator_keys=["g"])
    until(lambda: broker.request(request, 6).coordinators[0].error_code, lambda code: not code)


class Script:
    """Asks, and writes down what is answered; producer ids are told by their distance from the first."""

    def __init__(self, broker: Any) -> None:
        self.ask = Transactional(broker)
        self.base = self.ask.init("base-of-ids").producer_id
        self.said: list[Any] = []

    def tell(self, answer: Any) -> Any:
        self.said.append(self._plain(answer))
        return answer

    def settled(self, ask: Callable[[], Any]) -> Any:
        return self.tell(until(ask, lambda got: "CONCURRENT_TRANSACTIONS" not in str(got)))

    def over(self, name: str) -> None:
        """Waits until the markers of a decided transaction are written."""
        until(lambda: self.ask.state(name), lambda state: not state.startswith("Prepare"))

    def _plain(self, answer: Any) -> Any:
        if isinstance(answer, Got) and answer.producer_id >= 0:
            return answer._replace(producer_id=answer.producer_id - self.base)
        if isinstance(answer, list) and answer and isinstance(answer[0], tuple) and len(answer[0]) == 7:
            return [(*one[:4], one[4] and one[4] - self.base, *one[5:]) for one in answer]
        return answer


def who(got: Got) -> tuple[int, int]:
    return got.producer_id, got.epoch


def before(given: tuple[int, int]) -> tuple[int, int]:
    return given[0], given[1] - 1


def inits(script: Script) -> None:
    ask, tell = script.ask, script.tell
    for timeout_ms in (0, -1, 900_001, 2_147_483_647):
        tell(ask.init("tx-i", timeout_ms))
    tell(ask.init(""))
    tell(ask.init("tx-i", known=(5, -1)))
    first = tell(ask.init("tx-i", version=0))
    second = tell(ask.init("tx-i", version=1))
    for version in (3, 4, 5):
        tell(ask.init("tx-i", known=who(first), version=version))
        tell(ask.init("tx-i", known=(second.producer_id + 70, 0), version=version))
    bumped = tell(ask.init("tx-i", known=who(second)))
    tell(ask.init("tx-i", known=who(second)))
    tell(ask.init("tx-i"))
    tell(ask.init("tx-i", known=who(bumped)))
    tell(ask.init("tx-i-new", known=(0, 0)))
    tell(ask.describe("tx-i", "tx-none", ""))


def ends(script: Script) -> None:
    ask, tell = script.ask, script.tell
    now = who(ask.init("tx-e"))
    for version in (0, 1, 2, 4, 5):
        tell(ask.end("tx-e", now, True, version))
        tell(ask.end("tx-e", (now[0], now[1] + 1), True, version))
        tell(ask.end("tx-e", (now[0] + 70, now[1]), True, version))
        tell(ask.end("tx-none", now, True, version))
        tell(ask.end("", now, True, version))
    tell(ask.end("tx-e", now, False, 4))
    tell(ask.end("tx-e", before(now), False))
    for commit in (False, True, False, True):
        if commit:
            tell(ask.add("tx-e", now, ("orders", 0), ("orders", 1)))
            tell(ask.describe("tx-e"))
        after = who(tell(ask.end("tx-e", now, commit)))
        script.over("tx-e")
        for again in (commit, not commit):
            tell(ask.end("tx-e", before(after), again))
        tell(ask.end("tx-e", after, True))
        tell(ask.describe("tx-e"))
        now = after


def older_ends(script: Script) -> None:
    ask, tell = script.ask, script.tell
    now = who(ask.init("tx-o"))
    for commit in (True, False):
        tell(ask.add("tx-o", now, ("orders", 0), version=0))
        tell(ask.end("tx-o", now, commit, 4))
        script.over("tx-o")
        for version in (0, 4):
            tell(ask.end("tx-o", now, commit, version))
            tell(ask.end("tx-o", now, not commit, version))
            tell(ask.end("tx-o", before(now), commit, version))
        tell(ask.describe("tx-o"))
    # A client may change its mind about the version in the middle.
    tell(ask.add("tx-o", now, ("orders", 0)))
    tell(ask.end("tx-o", now, True, 5))
    script.over("tx-o")
    tell(ask.describe("tx-o"))


def partitions(script: Script) -> None:
    ask, tell = script.ask, script.tell
    now = who(ask.init("tx-p"))
    other = (now[0], now[1] + 1)
    for version in (0, 1, 2, 3):
        tell(ask.add("tx-p", now, ("orders", 0), ("orders", 9), ("nowhere", 0), version=version))
        tell(ask.add("tx-p", now, ("orders", 0), ("__consumer_offsets", 0), version=version))
        tell(ask.add("tx-p", other, ("orders", 0), version=version))
        tell(ask.add("tx-p", (now[0] + 70, 0), ("orders", 0), version=version))
        tell(ask.add("tx-none", now, ("orders", 0), version=version))
        tell(ask.add("", now, ("orders", 0), version=version))
        tell(ask.describe("tx-p"))
    tell(ask.add("tx-p", now))
    tell(ask.describe("tx-p"))
    for version in (4, 5):
        both = [("orders", 0), ("orders", 1)]
        tell(ask.add_many(("tx-p", now, True, both), ("tx-none", now, True, both), version=version))
        tell(ask.add_many(("tx-p", now, False, [("orders", 0), ("nowhere", 1)]), version=version))
        tell(ask.add_many(("tx-p", now, True, [("orders", 0), ("nowhere", 1)]), version=version))
        tell(ask.add_many(("tx-p", now, False, [("orders", 0)]), ("", now, False, both), version=version))
        tell(ask.add_many(("tx-p", now, True, both), ("tx-p", other, True, both), version=version))
        tell(ask.add_many(("tx-p", other, False, both), ("tx-p", (now[0] + 70, 0), True, both), version=version))
        tell(ask.add_many(("tx-p", now, False, [("__consumer_offsets", 0)]), version=version))
        tell(ask.describe("tx-p"))


def offsets(script: Script) -> None:
    ask, tell = script.ask, script.tell
    now = who(ask.init("tx-g"))
    other = (now[0], now[1] + 1)
    for version in range(6):
        # Each in a state of its own: what was verified once is not verified again.
        tell(ask.commit_offset("tx-none", now, "g", version=version))
        tell(ask.commit_offset("", now, "g", version=version))
        tell(ask.commit_offset("tx-g", other, "g", version=version))
        tell(ask.commit_offset("tx-g", (now[0] + 70, 0), "g", version=version))
        tell(ask.commit_offset("tx-g", now, "g", topic="nowhere", version=version))
        tell(ask.commit_offset("tx-g", now, "", version=version))
        if version < 5:
            tell(ask.commit_offset("tx-g", now, "g", version=version))
    for version in range(5):
        tell(ask.add_offsets("tx-g", other, "g", version=version))
        tell(ask.add_offsets("tx-none", now, "g", version=version))
        tell(ask.add_offsets("", now, "g", version=version))
    tell(ask.add_offsets("tx-g", now, "g", version=0))
    tell(ask.describe("tx-g"))
    tell(ask.commit_offset("tx-g", now, "g", version=0))
    after = who(tell(ask.end("tx-g", now)))
    script.over("tx-g")
    tell(ask.commit_offset("tx-g", after, "g", member=(3, "stranger")))
    tell(ask.commit_offset("tx-g", after, "g"))
    tell(ask.describe("tx-g"))
    joined = m.ConsumerGroupHeartbeatRequest(
        "newer", "member", 0, rebalance_timeout_ms=10_000, subscribed_topic_names=["orders"], topic_partitions=[]
    )
    script.settled(lambda: name_of(ask.broker.request(joined, 1).error_code))
    epoch = ask.broker.request(joined, 1).member_epoch
    for member in ((epoch, "member"), (epoch + 1, "member"), (epoch - 1, "member"), (epoch, "stranger"), (-1, "")):
        tell(ask.commit_offset("tx-g", after, "newer", member=member))
    tell(ask.end("tx-g", after, False))


def writes(script: Script) -> None:
    ask, tell = script.ask, script.tell
    now = who(ask.init("tx-w"))
    other = (now[0], now[1] + 1)
    for version in (9, 10, 11, 12):
        tell(ask.produce(None, now, version=version))
        tell(ask.produce("", now, version=version))
        tell(ask.produce("tx-none", now, version=version))
        tell(ask.produce("tx-w", other, version=version))
        tell(ask.produce("tx-w", (now[0] + 70, 0), version=version))
        if version < 12:
            tell(ask.produce("tx-w", now, version=version))
        tell(ask.describe("tx-w"))
    tell(ask.produce("tx-w", now, place=("orders", 1)))
    tell(ask.describe("tx-w"))
    after = who(tell(ask.end("tx-w", now)))
    script.over("tx-w")
    tell(ask.produce("tx-w", after, 3, ("orders", 1)))
    tell(ask.describe("tx-w"))
    tell(ask.produce("tx-w", now, 1, ("orders", 1)))
    tell(ask.produce("tx-w", after, 0, ("orders", 1)))
    tell(ask.end("tx-w", after, False))


def fences(script: Script) -> None:
    ask, tell = script.ask, script.tell
    old = who(ask.init("tx-f"))
    tell(ask.add("tx-f", old, ("orders", 0)))
    tell(ask.init("tx-f"))
    new = script.settled(lambda: ask.init("tx-f"))
    tell(ask.describe("tx-f"))
    tell(ask.add("tx-f", old, ("orders", 0)))
    tell(ask.end("tx-f", old, False))
    tell(ask.add("tx-f", who(new), ("orders", 0)))
    tell(ask.init("tx-f", known=who(new)))
    again = script.settled(lambda: ask.init("tx-f", known=who(new)))
    tell(ask.describe("tx-f"))
    tell(ask.add("tx-f", who(again), ("orders", 0)))
    # Who names an older epoch aborts what goes on, and is told afterwards that it may not.
    tell(ask.init("tx-f", known=who(new)))
    script.settled(lambda: ask.init("tx-f", known=who(new)))
    tell(ask.describe("tx-f"))


def lists(script: Script) -> None:
    ask, tell = script.ask, script.tell
    now = who(ask.init("tx-l-1"))
    ask.init("tx-l-2")
    tell(ask.add("tx-l-1", now, ("orders", 0)))
    mine = {"transactional_id_pattern": "tx-l-.*"}
    tell(ask.list(**mine))
    tell(ask.list("Ongoing", "Nothing", "ongoing", **mine))
    tell(ask.list("Nothing", **mine))
    tell(ask.list("Empty", "Dead", "PrepareEpochFence", **mine))
    tell(ask.list(producer_id_filters=[now[0]]))
    tell(ask.list(producer_id_filters=[now[0]], version=0))
    tell(ask.list(duration_filter=10**9, **mine))
    tell(ask.list(duration_filter=-5, **mine))
    tell(ask.list("Ongoing", duration_filter=10**9, version=1))
    for pattern in (
        "tx-l",
        "tx-l-[1]",
        "(?i)TX-L-\\d",
        "[a-z]+-\\pL-2",
        "^tx-l-1$",
        "tx-l-(1|3)",
        "\\Qtx-l-\\E1",
        "\\p{Latin}+.*1",
        "tx.l.\\p{Common}",
    ):
        tell(ask.list(transactional_id_pattern=pattern))
    for pattern in ("(", "a**", "(a)\\1", "(?=a)", "a{1001}", "[b-a]", "(a{100}){100}", "\\p{Klingon}"):
        tell(ask.list(transactional_id_pattern=pattern))


@pytest.mark.parametrize("play", [inits, ends, older_ends, partitions, offsets, writes, fences, lists])
def test_the_answers_are_those_of_apache_kafka(apache, ours, play):
    ourselves, them = Script(ours), Script(apache)

    play(them)
    play(ourselves)

    assert ourselves.said == them.said


def test_the_features_are_those_of_apache_kafka(apache, ours):
    def told(broker: Any, version: int) -> Any:
        request = m.ApiVersionsRequest(client_software_name="test", client_software_version="1")
        answer = broker.request(request, version)
        supported = {one.name: (one.min_version, one.max_version) for one in answer.supported_features}
        finalized = {one.name: (one.min_version_level, one.max_version_level) for one in answer.finalized_features}
        return supported.get("transaction.version"), finalized["transaction.version"]

    for version in (3, 4):
        assert told(ours, version) == told(apache, version)


def test_its_records_are_read_and_written_the_same(apache, node):
    """After the scripts above, all kinds of records lie in Apache Kafka's topic."""
    script = Script(apache)
    ends(script)
    records = [
        record
        for path in sorted(node.log_dir.glob("__transaction_state-*/*.log"))
        for _, batch in walk(memoryview(bytearray(path.read_bytes())))
        for record in decode_records(batch, 1 << 24)
    ]

    read = 0
    for record in records:
        name = read_key(record.key)
        if record.value is None:
            assert tombstone_of(name) == (record.key, None)
            continue
        transaction = read_value(name, record.value)
        # Apache Kafka has no order among partitions.
        if len(transaction.partitions) < 2:
            assert record_of(transaction, 2) == (record.key, record.value)
            read += 1
    assert read > 20
