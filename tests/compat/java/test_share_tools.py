"""Kafka's tools for share groups say of Penstock what they say of Apache Kafka."""

import re

import pytest

from .conftest import ROWS


@pytest.fixture
def group(pair, filled) -> str:
    """A share group that is to begin with the first record."""
    name = f"{filled}-share"
    entity = ["--entity-type", "groups", "--entity-name", name]
    pair.same("kafka-configs", "--alter", *entity, "--add-config", "share.auto.offset.reset=earliest")
    return name


def consume(pair, topic, group, count, *options):
    limits = ["--max-messages", count, "--timeout-ms", 60_000]
    return pair.same("kafka-console-share-consumer", "--topic", topic, "--group", group, *limits, *options)


def groups(pair, *arguments):
    """What both said, after it proved to be the same but for epochs: here members get their partitions one earlier."""
    ours, theirs = pair.run("kafka-share-groups", *arguments)
    assert without_epochs(ours) == without_epochs(theirs)
    return ours.out


def without_epochs(said):
    return said._replace(out=re.sub(r"(Empty +)\d+ +\d+", r"\1E E", said.out))


def test_records_are_consumed_by_a_share_group_and_its_offsets_told(pair, filled, group):
    text = consume(pair, filled, group, len(ROWS))

    offsets = groups(pair, "--describe", "--group", group, "--offsets", "--verbose")
    state = groups(pair, "--describe", "--group", group, "--state", "--verbose")
    groups(pair, "--describe", "--group", group, "--members", "--verbose")
    listed = pair.run("kafka-share-groups", "--list", "--state")
    assert text.splitlines() == [value for _, value in ROWS]
    assert offsets.split()[-1] == "0"
    assert "Empty" in state
    assert group in offsets
    assert all(re.search(rf"^{group} +Empty$", said.out, re.MULTILINE) for said in listed)


def test_rejected_records_do_not_come_again(pair, filled, group):
    consume(pair, filled, group, len(ROWS), "--reject")

    offsets = groups(pair, "--describe", "--group", group, "--offsets", "--verbose")

    assert offsets.split()[-1] == "0"


def test_offsets_are_reset_deleted_and_the_group_with_them(pair, filled, group):
    consume(pair, filled, group, len(ROWS))
    reset = ["--reset-offsets", "--group", group, "--topic", filled, "--to-earliest"]

    planned = groups(pair, *reset, "--dry-run")
    groups(pair, *reset, "--execute")
    again = consume(pair, filled, group, len(ROWS))
    groups(pair, "--delete-offsets", "--group", group, "--topic", filled)
    groups(pair, "--delete", "--group", group)
    gone = groups(pair, "--describe", "--group", group)

    assert planned.split()[-1] == "0"
    assert len(again.splitlines()) == len(ROWS)
    assert "not found" in gone or "does not exist" in gone


def test_the_configs_of_a_share_group_are_told(pair, group):
    entity = ["--entity-type", "groups", "--entity-name", group]
    pair.same("kafka-configs", "--alter", *entity, "--add-config", "share.record.lock.duration.ms=20000")

    told = pair.same("kafka-configs", "--describe", *entity, ordered=False)

    assert "share.record.lock.duration.ms=20000" in told
