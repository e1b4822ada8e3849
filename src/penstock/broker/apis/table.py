"""The one table of what this broker serves: ApiVersions, the routes, docs/served.md and tests derive from it.

A version is in the table when it is served completely and tested; to add an API, write its module and a line here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.broker.apis.api_versions import ApiVersions
from penstock.broker.apis.config_resources import ListConfigResources
from penstock.broker.apis.configs import ConfigApis
from penstock.broker.apis.consumer_groups import ConsumerGroupApis
from penstock.broker.apis.delete_records import DeleteRecords
from penstock.broker.apis.describe_producers import DescribeProducers
from penstock.broker.apis.epochs import OffsetForLeaderEpoch
from penstock.broker.apis.fetch import Fetch
from penstock.broker.apis.find_coordinator import FindCoordinator
from penstock.broker.apis.groups import GroupApis
from penstock.broker.apis.list_offsets import ListOffsets
from penstock.broker.apis.log_dirs import DescribeLogDirs
from penstock.broker.apis.metadata_api import DescribeCluster, DescribeTopicPartitions, Metadata
from penstock.broker.apis.offsets import OffsetApis
from penstock.broker.apis.partitions_admin import CreatePartitions
from penstock.broker.apis.produce import Produce
from penstock.broker.apis.producer_ids import InitProducerId
from penstock.broker.apis.repeated import (
    FETCH_VERSION_MIN,
    PRODUCE_VERSION_MIN,
    Encode,
    Repeated,
    RepeatedFetch,
    RepeatedProduce,
)
from penstock.broker.apis.share_acknowledge import ShareAcknowledge
from penstock.broker.apis.share_fetch import ShareFetch
from penstock.broker.apis.share_groups import ShareGroupApis
from penstock.broker.apis.share_offsets import ShareOffsetApis
from penstock.broker.apis.share_state import ShareStateApis
from penstock.broker.apis.streams_groups import StreamsGroupApis
from penstock.broker.apis.topics import TopicApis
from penstock.broker.apis.transaction_admin import TransactionAdminApis
from penstock.broker.apis.transactions import TransactionApis
from penstock.broker.apis.txn_markers import WriteTxnMarkers
from penstock.broker.outcome import Outcome
from penstock.broker.session import Session
from penstock.protocol.apis import API, ApiKey

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Handler = Callable[[Any, Session, int], Outcome]


class Served(NamedTuple):
    """One API. min, max: versions served; make: its handler for one broker; says_min: the minimum that ApiVersions
    tells, -1 for `min`; repeated: for versions from `repeated_min` on, what answers requests that repeat others.
    """

    min: int
    max: int
    make: Callable[["Broker"], Handler]
    says_min: int = -1
    repeated: Callable[["Broker", Encode, int], Repeated] | None = None
    repeated_min: int = 0

    @property
    def advertised_min(self) -> int:
        return self.min if self.says_min < 0 else self.says_min


SERVED: dict[ApiKey, Served] = {
    # librdkafka up to 2.x takes a broker whose Produce does not begin at 0 for one without message format 2, so Kafka
    # tells 0 and still refuses 0 to 2 (KAFKA-18659). We do the same.
    ApiKey.PRODUCE: Served(
        3,
        13,
        lambda broker: Produce(broker).handle,
        says_min=0,
        repeated=lambda broker, encode, version: RepeatedProduce(Produce(broker), encode, version),
        repeated_min=PRODUCE_VERSION_MIN,
    ),
    ApiKey.FETCH: Served(
        4,
        18,
        lambda broker: Fetch(broker).handle,
        repeated=lambda broker, encode, version: RepeatedFetch(Fetch(broker), encode, version),
        repeated_min=FETCH_VERSION_MIN,
    ),
    ApiKey.LIST_OFFSETS: Served(1, 11, lambda broker: ListOffsets(broker).handle),
    ApiKey.METADATA: Served(0, 13, lambda broker: Metadata(broker).handle),
    ApiKey.OFFSET_COMMIT: Served(2, 10, lambda broker: OffsetApis(broker).commit),
    ApiKey.OFFSET_FETCH: Served(1, 10, lambda broker: OffsetApis(broker).fetch),
    ApiKey.FIND_COORDINATOR: Served(0, 6, lambda broker: FindCoordinator(broker).handle),
    ApiKey.JOIN_GROUP: Served(0, 9, lambda broker: GroupApis(broker).join),
    ApiKey.HEARTBEAT: Served(0, 4, lambda broker: GroupApis(broker).heartbeat),
    ApiKey.LEAVE_GROUP: Served(0, 5, lambda broker: GroupApis(broker).leave),
    ApiKey.SYNC_GROUP: Served(0, 5, lambda broker: GroupApis(broker).sync),
    ApiKey.DESCRIBE_GROUPS: Served(0, 6, lambda broker: GroupApis(broker).describe),
    ApiKey.LIST_GROUPS: Served(0, 5, lambda broker: GroupApis(broker).list),
    ApiKey.API_VERSIONS: Served(0, 4, lambda broker: ApiVersions(broker).handle),
    ApiKey.CREATE_TOPICS: Served(2, 7, lambda broker: TopicApis(broker).create),
    ApiKey.DELETE_TOPICS: Served(1, 6, lambda broker: TopicApis(broker).delete),
    ApiKey.DELETE_RECORDS: Served(0, 2, lambda broker: DeleteRecords(broker).handle),
    ApiKey.INIT_PRODUCER_ID: Served(0, 5, lambda broker: InitProducerId(broker).handle),
    ApiKey.ADD_PARTITIONS_TO_TXN: Served(0, 5, lambda broker: TransactionApis(broker).add_partitions),
    ApiKey.ADD_OFFSETS_TO_TXN: Served(0, 4, lambda broker: TransactionApis(broker).add_offsets),
    ApiKey.END_TXN: Served(0, 5, lambda broker: TransactionApis(broker).end),
    ApiKey.TXN_OFFSET_COMMIT: Served(0, 5, lambda broker: TransactionApis(broker).commit_offsets),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: Served(2, 4, lambda broker: OffsetForLeaderEpoch(broker).handle),
    ApiKey.WRITE_TXN_MARKERS: Served(1, 2, lambda broker: WriteTxnMarkers(broker).handle),
    ApiKey.DESCRIBE_CONFIGS: Served(1, 4, lambda broker: ConfigApis(broker).describe),
    ApiKey.ALTER_CONFIGS: Served(0, 2, lambda broker: ConfigApis(broker).alter),
    ApiKey.DESCRIBE_LOG_DIRS: Served(1, 5, lambda broker: DescribeLogDirs(broker).handle),
    ApiKey.CREATE_PARTITIONS: Served(0, 3, lambda broker: CreatePartitions(broker).handle),
    ApiKey.DELETE_GROUPS: Served(0, 2, lambda broker: GroupApis(broker).delete),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: Served(0, 1, lambda broker: ConfigApis(broker).alter_incrementally),
    ApiKey.OFFSET_DELETE: Served(0, 0, lambda broker: OffsetApis(broker).delete),
    ApiKey.DESCRIBE_CLUSTER: Served(0, 2, lambda broker: DescribeCluster(broker).handle),
    ApiKey.DESCRIBE_PRODUCERS: Served(0, 0, lambda broker: DescribeProducers(broker).handle),
    ApiKey.LIST_CONFIG_RESOURCES: Served(0, 1, lambda broker: ListConfigResources(broker).handle),
    ApiKey.DESCRIBE_TRANSACTIONS: Served(0, 0, lambda broker: TransactionAdminApis(broker).describe),
    ApiKey.LIST_TRANSACTIONS: Served(0, 2, lambda broker: TransactionAdminApis(broker).list),
    ApiKey.CONSUMER_GROUP_HEARTBEAT: Served(0, 1, lambda broker: ConsumerGroupApis(broker).heartbeat),
    ApiKey.CONSUMER_GROUP_DESCRIBE: Served(0, 1, lambda broker: ConsumerGroupApis(broker).describe),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: Served(0, 0, lambda broker: DescribeTopicPartitions(broker).handle),
    ApiKey.SHARE_GROUP_HEARTBEAT: Served(1, 1, lambda broker: ShareGroupApis(broker).heartbeat),
    ApiKey.SHARE_GROUP_DESCRIBE: Served(1, 1, lambda broker: ShareGroupApis(broker).describe),
    ApiKey.SHARE_FETCH: Served(1, 2, lambda broker: ShareFetch(broker).handle),
    ApiKey.SHARE_ACKNOWLEDGE: Served(1, 2, lambda broker: ShareAcknowledge(broker).handle),
    ApiKey.INITIALIZE_SHARE_GROUP_STATE: Served(0, 0, lambda broker: ShareStateApis(broker).initialize),
    ApiKey.READ_SHARE_GROUP_STATE: Served(0, 0, lambda broker: ShareStateApis(broker).read),
    ApiKey.WRITE_SHARE_GROUP_STATE: Served(0, 1, lambda broker: ShareStateApis(broker).write),
    ApiKey.DELETE_SHARE_GROUP_STATE: Served(0, 0, lambda broker: ShareStateApis(broker).delete),
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY: Served(0, 1, lambda broker: ShareStateApis(broker).summary),
    ApiKey.STREAMS_GROUP_HEARTBEAT: Served(0, 0, lambda broker: StreamsGroupApis(broker).heartbeat),
    ApiKey.STREAMS_GROUP_DESCRIBE: Served(0, 0, lambda broker: StreamsGroupApis(broker).describe),
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: Served(0, 1, lambda broker: ShareOffsetApis(broker).describe),
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: Served(0, 0, lambda broker: ShareOffsetApis(broker).alter),
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: Served(0, 0, lambda broker: ShareOffsetApis(broker).delete),
}


def served_markdown() -> str:
    """docs/served.md."""
    lines = [
        "# What is served",
        "",
        "Generated from `broker/apis/table.py`; the second column of versions is what Apache Kafka 4.3.1 defines.",
        "",
        "| API | key | versions | Kafka 4.3.1 |",
        "|---|---|---|---|",
    ]
    for api in API.values():
        if "broker" in api.listeners:
            served = SERVED.get(api.key)
            ours = "" if served is None else _range(served.advertised_min, served.max)
            lines.append(f"| {api.name} | {int(api.key)} | {ours} | {_range(api.min_version, api.max_version)} |")
    return "\n".join([*lines, ""])


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
