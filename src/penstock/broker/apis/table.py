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
from penstock.broker.apis.topics import TopicApis
from penstock.broker.outcome import Outcome
from penstock.broker.session import Session
from penstock.protocol.apis import API, ApiKey

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Handler = Callable[[Any, Session, int], Outcome]


class Served(NamedTuple):
    """One API. min, max: versions served; make: its handler for one broker; says_min: the minimum that ApiVersions
    tells, -1 for `min`.
    """

    min: int
    max: int
    make: Callable[["Broker"], Handler]
    says_min: int = -1

    @property
    def advertised_min(self) -> int:
        return self.min if self.says_min < 0 else self.says_min


SERVED: dict[ApiKey, Served] = {
    # librdkafka up to 2.x takes a broker whose Produce does not begin at 0 for one without message format 2, so Kafka
    # tells 0 and still refuses 0 to 2 (KAFKA-18659). We do the same.
    ApiKey.PRODUCE: Served(3, 13, lambda broker: Produce(broker).handle, says_min=0),
    ApiKey.FETCH: Served(4, 18, lambda broker: Fetch(broker).handle),
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
    ApiKey.OFFSET_FOR_LEADER_EPOCH: Served(2, 4, lambda broker: OffsetForLeaderEpoch(broker).handle),
    ApiKey.DESCRIBE_CONFIGS: Served(1, 4, lambda broker: ConfigApis(broker).describe),
    ApiKey.ALTER_CONFIGS: Served(0, 2, lambda broker: ConfigApis(broker).alter),
    ApiKey.DESCRIBE_LOG_DIRS: Served(1, 5, lambda broker: DescribeLogDirs(broker).handle),
    ApiKey.CREATE_PARTITIONS: Served(0, 3, lambda broker: CreatePartitions(broker).handle),
    ApiKey.DELETE_GROUPS: Served(0, 2, lambda broker: GroupApis(broker).delete),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: Served(0, 1, lambda broker: ConfigApis(broker).alter_incrementally),
    ApiKey.OFFSET_DELETE: Served(0, 0, lambda broker: OffsetApis(broker).delete),
    ApiKey.DESCRIBE_CLUSTER: Served(0, 2, lambda broker: DescribeCluster(broker).handle),
    ApiKey.LIST_CONFIG_RESOURCES: Served(0, 1, lambda broker: ListConfigResources(broker).handle),
    ApiKey.CONSUMER_GROUP_HEARTBEAT: Served(0, 1, lambda broker: ConsumerGroupApis(broker).heartbeat),
    ApiKey.CONSUMER_GROUP_DESCRIBE: Served(0, 1, lambda broker: ConsumerGroupApis(broker).describe),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: Served(0, 0, lambda broker: DescribeTopicPartitions(broker).handle),
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
