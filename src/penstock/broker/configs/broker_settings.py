"""The settings of one broker, typed: from server.properties, and from what was changed while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from penstock.broker.configs.catalog import BROKER
from penstock.broker.configs.checks import overrides
from penstock.kit.properties import PropertiesError, read_properties
from penstock.kit.settings import SettingError, Value, parse

_LISTENER_PREFIX = "listener.name."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Values as they were given, by name, the later layer before the earlier one: file, all brokers, this broker."""

    file: Mapping[str, str] = field(default_factory=dict)
    all_brokers: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)

    def merged(self) -> dict[str, str]:
        return {**self.file, **self.all_brokers, **self.own}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What one broker goes by; attributes are Kafka's names with `_` for `.`. Make it with `from_*` or `with_dynamic`.

    layers: the texts behind it; values: of every broker config, typed; durable: penstock.durability is fsync;
    log_dir: the one data directory, from log.dirs or log.dir; listeners, advertised_listeners: without those of
    controllers. What only gives topics their defaults is in `values`, and comes as LogSettings from `TopicConfigs`.
    """

    layers: Layers
    values: Mapping[str, Value]

    node_id: int
    broker_rack: str | None
    log_dir: str
    listeners: str
    advertised_listeners: str
    listener_security_protocol_map: str
    durable: bool

    socket_send_buffer_bytes: int
    socket_receive_buffer_bytes: int
    socket_request_max_bytes: int
    socket_listen_backlog_size: int
    max_connections: int
    max_connections_per_ip: int
    max_connections_per_ip_overrides: Mapping[str, int]
    connections_max_idle_ms: int
    queued_max_request_bytes: int
    fetch_max_bytes: int
    max_incremental_fetch_session_cache_slots: int
    max_request_partition_size_limit: int

    num_partitions: int
    auto_create_topics_enable: bool
    delete_topic_enable: bool
    penstock_partitions_max: int
    penstock_metrics_port: int
    log_retention_check_interval_ms: int
    log_flush_offset_checkpoint_interval_ms: int
    log_flush_start_offset_checkpoint_interval_ms: int
    producer_id_expiration_ms: int

    group_min_session_timeout_ms: int
    group_max_session_timeout_ms: int
    group_initial_rebalance_delay_ms: int
    group_max_size: int
    group_coordinator_rebalance_protocols: list[str]
    group_consumer_max_size: int
    group_consumer_assignors: list[str]
    group_consumer_migration_policy: str
    group_consumer_regex_refresh_interval_ms: int
    offset_metadata_max_bytes: int
    offsets_topic_num_partitions: int
    offsets_topic_segment_bytes: int
    offsets_topic_compression_codec: int
    offsets_retention_minutes: int
    offsets_retention_check_interval_ms: int

    transaction_max_timeout_ms: int
    transactional_id_expiration_ms: int
    transaction_state_log_num_partitions: int
    transaction_state_log_segment_bytes: int
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int
    transaction_remove_expired_transaction_cleanup_interval_ms: int
    transaction_partition_verification_enable: bool

    group_share_max_size: int
    group_streams_max_size: int
    group_share_max_share_sessions: int
    share_coordinator_state_topic_num_partitions: int
    share_coordinator_state_topic_segment_bytes: int
    share_coordinator_state_topic_compression_codec: int
    share_coordinator_state_topic_prune_interval_ms: int
    share_coordinator_cold_partition_snapshot_interval_ms: int
    share_coordinator_snapshot_update_records_per_snapshot: int

    @classmethod
    def from_mapping(cls, given: Mapping[str, str]) -> Self:
        """Settings from texts by name. Error: SettingError."""
        return cls._from_layers(Layers(file=_with_both_names(given)))

    @classmethod
    def from_properties(cls, text: str) -> Self:
        """Settings from the text of a server.properties. Error: SettingError."""
        try:
            return cls.from_mapping(read_properties(text))
        except PropertiesError as error:
            raise SettingError("", str(error)) from error

    def with_dynamic(self, all_brokers: Mapping[str, str], own: Mapping[str, str]) -> Self:
        """The same file under other dynamic configs: those of all brokers, and of this one. Error: SettingError."""
        layers = Layers(file=self.layers.file, all_brokers=dict(all_brokers), own=dict(own))
        return self._from_layers(layers)

    def number(self, name: str) -> int:
        """The value of a config that is a whole number and has a default."""
        value = self.values[name]
        assert isinstance(value, int), (name, value)
        return value

    @classmethod
    def _from_layers(cls, layers: Layers) -> Self:
        merged = layers.merged()
        for name in merged:
            if name.startswith(_LISTENER_PREFIX):
                raise SettingError(name, f"{name}: settings of a single listener are not served yet")
        values = parse(BROKER, merged)
        _check_identity(values, merged)
        _check_pairs(values)
        known: dict[str, Any] = {name.replace(".", "_"): value for name, value in values.items()}
        known |= _derived(values)
        wanted = {entry.name for entry in fields(cls)} - {"layers", "values"}
        return cls(layers=layers, values=values, **{name: known[name] for name in wanted})


def _derived(values: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that are more than the value of their config."""
    controllers = {name.upper() for name in values["controller.listener.names"]}
    listeners = _of_clients(values["listeners"], controllers)
    if not listeners:
        raise SettingError("listeners", "listeners names none for clients; expected one, as in PLAINTEXT://:9092")
    return {
        "log_dir": _log_dir(values),
        "listeners": ",".join(listeners),
        "advertised_listeners": ",".join(_of_clients(values["advertised.listeners"] or [], controllers)),
        "durable": values["penstock.durability"] == "fsync",
        "max_connections_per_ip_overrides": overrides(values["max.connections.per.ip.overrides"]) or {},
        "broker_rack": values["broker.rack"] or None,
    }


def _of_clients(listeners: list[str], controllers: set[str]) -> list[str]:
    return [entry for entry in listeners if entry and entry.partition("://")[0].upper() not in controllers]


def _log_dir(values: Mapping[str, Any]) -> str:
    name = "log.dir" if values["log.dirs"] is None else "log.dirs"
    directories = [directory for directory in values[name] if directory]
    if len(directories) != 1:
        raise SettingError(name, f"{name} names {len(directories)} directories; expected one, where all data lies")
    return str(directories[0])


def _with_both_names(given: Mapping[str, str]) -> dict[str, str]:
    """node.id and broker.id are one number: who gave one of them gave both.  Source: KafkaConfig.populateSynonyms."""
    both = dict(given)
    number = both.get("node.id", both.get("broker.id"))
    if number is not None:
        both.setdefault("node.id", number)
        both.setdefault("broker.id", number)
    return both


def _check_identity(values: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """Both names of the node agree, and the quorum is this node."""
    node = values["node.id"]
    older = values["broker.id"]
    if "broker.id" in given and older != node:
        text = f"node.id is {node} and broker.id is {older}; they name the same number, so leave broker.id out"
        raise SettingError("broker.id", text)
    for name in ("controller.quorum.voters", "controller.quorum.bootstrap.servers"):
        if len(values[name]) > 1:
            text = f"{name} names {len(values[name])} nodes; this is a cluster of one node"
            raise SettingError(name, text)
    for voter in values["controller.quorum.voters"]:
        if voter.partition("@")[0] != str(node):
            text = f"controller.quorum.voters = {voter!r}: expected this node alone, as in {node}@localhost:9093"
            raise SettingError("controller.quorum.voters", text)


def _check_pairs(values: Mapping[str, Any]) -> None:
    """What is called min may not exceed what is called max, and a request must fit into the memory for requests."""
    for low in values:
        high = low.replace(".min.", ".max.")
        if high != low and high in values and values[low] > values[high]:
            raise SettingError(low, f"{low} = {values[low]} is above {high} = {values[high]}")
    queued, request = values["queued.max.request.bytes"], values["socket.request.max.bytes"]
    if 0 <= queued < request:
        text = f"queued.max.request.bytes = {queued}: expected at least socket.request.max.bytes = {request}, or -1"
        raise SettingError("queued.max.request.bytes", text)
