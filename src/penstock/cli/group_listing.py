"""The groups of a cluster, of whatever type, and the two ways of asking for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from penstock.cli.connect import REQUEST_TIMEOUT_S, admin, client_config, fail
from penstock.cli.wire import Wire, ensure, is_plain
from penstock.protocol import messages

# librdkafka's names for the states it knows; the others, as those of the consumer protocol, are "unknown" to it.
_STATES = {"PREPARING_REBALANCING": "PreparingRebalance", "COMPLETING_REBALANCING": "CompletingRebalance"}


class GroupType(StrEnum):
    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"
    STREAMS = "streams"


class Listed(NamedTuple):
    """A group as the cluster lists it, in Kafka's words; protocol: "consumer", "share", "connect" or any other.

    state is None where a broker before 2.6 was asked.
    """

    group: str
    type: str
    protocol: str | None
    state: str | None

    def is_a(self, kind: GroupType) -> bool:
        return self.type.lower() == kind


class Cluster(NamedTuple):
    """A cluster that answered. wire: None behind TLS or SASL, where only classic and consumer groups are seen."""

    client: AdminClient
    wire: Wire | None

    def groups(self) -> dict[str, Listed]:
        """All groups by name, in the order of the names."""
        found = self._from_brokers(self.wire) if self.wire else self._from_librdkafka()
        return {listed.group: listed for listed in sorted(found, key=lambda listed: listed.group)}

    def group(self, name: str) -> Listed:
        """Error: Failure when there is no such group."""
        found = self.groups().get(name)
        if found is None:
            hidden = "" if self.wire else ", or is a share group, which is seen over PLAINTEXT alone"
            fail(f"group {name!r} does not exist{hidden}; `penstock group list` shows those that do")
        return found

    def plain_wire(self) -> Wire:
        """Error: Failure behind TLS or SASL."""
        if self.wire is None:
            fail("share groups are reached over PLAINTEXT alone")
        return self.wire

    @staticmethod
    def _from_brokers(wire: Wire) -> Iterator[Listed]:
        """Each broker tells of the groups that it coordinates."""
        for address in wire.brokers():
            reply = wire.ask(messages.ListGroupsRequest(), address)
            ensure(reply.error_code, None, f"{address.host}:{address.port}")
            for group in reply.groups:
                # Brokers before 3.8 tell no type, and have no other.
                kind = group.group_type or GroupType.CLASSIC
                yield Listed(group.group_id, kind.title(), group.protocol_type or None, group.group_state or None)

    def _from_librdkafka(self) -> Iterator[Listed]:
        answer = self.client.list_consumer_groups(request_timeout=REQUEST_TIMEOUT_S).result()
        if answer.errors:
            raise answer.errors[0]
        for group in answer.valid:
            state = _STATES.get(group.state.name, group.state.name.title())
            protocol = None if group.is_simple_consumer_group else "consumer"
            yield Listed(group.group_id, group.type.name.title(), protocol, state)


@contextmanager
def reach(bootstrap_server: str, command_config: Path | None, properties: list[str] | None) -> Iterator[Cluster]:
    """The cluster of a command's options. Error: Failure with the address when it cannot be reached."""
    client = admin(bootstrap_server, command_config, properties)
    config = client_config(bootstrap_server, command_config, properties)
    if not is_plain(config):
        yield Cluster(client, None)
        return
    with Wire(config["bootstrap.servers"]) as wire:
        yield Cluster(client, wire)
