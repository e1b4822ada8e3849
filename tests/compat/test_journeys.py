"""Every client creates, produces, consumes in a group, commits, resets and deletes."""

from itertools import chain

import pytest

from .journeys import CLIENTS, NUMBERS

ATTRIBUTES_OF_A_BATCH = slice(21, 23)


def each(feature=None):
    """Pairs of client and one of its codecs or assignors; all clients without `feature`."""
    if feature is None:
        return [pytest.param(client, id=client.name) for client in CLIENTS]
    return [
        pytest.param(client, option, id=f"{client.name}-{option}")
        for client in CLIENTS
        for option in getattr(client, feature)
    ]


@pytest.mark.parametrize("client", each())
def test_a_topic_is_created_with_its_config_and_deleted(client, broker, topic):
    seen = client.travel("topics", broker.bootstrap_servers, topic)

    # kcat and some clients cannot set or read a topic's config: they leave it out.
    assert seen.pop("config", "3600000") == "3600000"
    assert seen == {"partitions": 4, "listed": True, "listed_after_delete": False}


@pytest.mark.parametrize(("client", "codec"), each("codecs"))
def test_records_come_back_as_they_were_sent(client, codec, broker, topic):
    seen = client.travel("codec", broker.bootstrap_servers, topic, codec)

    assert seen["records"] == [
        [number, f"k{number}", f"v{number}-" + "x" * 100, str(number), 1_700_000_000_000 + number]
        for number in range(200)
    ]
    assert codec_on_disk(broker, topic) == NUMBERS[codec]


@pytest.mark.parametrize(("client", "assignor"), each("assignors"))
def test_a_group_shares_partitions_as_members_come_and_go(client, assignor, broker, topic):
    seen = client.travel("group", broker.bootstrap_servers, topic, assignor)

    assert seen["alone"] == seen["after_leave"] == [0, 1, 2, 3]
    assert sorted(map(len, seen["shared"])) == [2, 2]
    assert sorted(chain(*seen["shared"])) == [0, 1, 2, 3]
    values = set(seen["values"]) if client.rereads else seen["values"]
    assert sorted(values) == sorted(f"v{number}" for number in range(60))


@pytest.mark.parametrize("client", [param for param in each() if param.values[0].offsets])
def test_a_group_goes_on_where_it_committed_and_where_it_was_reset_to(client, broker, topic):
    seen = client.travel("offsets", broker.bootstrap_servers, topic)

    assert seen.pop("committed_after_delete", -1) == -1
    assert seen == {"first_after_commit": 5, "first_after_reset": 2}


def codec_on_disk(broker, topic) -> int:
    """The codec bits of the first batch as the broker stored it; both brokers keep Kafka's files."""
    (log,) = (broker.log_dir / f"{topic}-0").glob("*.log")
    with log.open("rb") as file:
        return int.from_bytes(file.read(61)[ATTRIBUTES_OF_A_BATCH], "big") & 0b111
