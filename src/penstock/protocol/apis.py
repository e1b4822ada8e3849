"""Every API of Kafka 4.3.1: its number, its versions, its two messages and their headers."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from typing import Any, Final

from penstock.protocol import catalog
from penstock.protocol.classes import message_class
from penstock.protocol.notation import VERSION_MAX, Definition


class ApiKey(IntEnum):
    """The numbers of the APIs; 4 to 7 left with ZooKeeper.  Source: common.protocol.ApiKeys."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    DESCRIBE_GROUPS = 15
    LIST_GROUPS = 16
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    CREATE_TOPICS = 19
    DELETE_TOPICS = 20
    DELETE_RECORDS = 21
    INIT_PRODUCER_ID = 22
    OFFSET_FOR_LEADER_EPOCH = 23
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    WRITE_TXN_MARKERS = 27
    TXN_OFFSET_COMMIT = 28
    DESCRIBE_ACLS = 29
    CREATE_ACLS = 30
    DELETE_ACLS = 31
    DESCRIBE_CONFIGS = 32
    ALTER_CONFIGS = 33
    ALTER_REPLICA_LOG_DIRS = 34
    DESCRIBE_LOG_DIRS = 35
    SASL_AUTHENTICATE = 36
    CREATE_PARTITIONS = 37
    CREATE_DELEGATION_TOKEN = 38
    RENEW_DELEGATION_TOKEN = 39
    EXPIRE_DELEGATION_TOKEN = 40
    DESCRIBE_DELEGATION_TOKEN = 41
    DELETE_GROUPS = 42
    ELECT_LEADERS = 43
    INCREMENTAL_ALTER_CONFIGS = 44
    ALTER_PARTITION_REASSIGNMENTS = 45
    LIST_PARTITION_REASSIGNMENTS = 46
    OFFSET_DELETE = 47
    DESCRIBE_CLIENT_QUOTAS = 48
    ALTER_CLIENT_QUOTAS = 49
    DESCRIBE_USER_SCRAM_CREDENTIALS = 50
    ALTER_USER_SCRAM_CREDENTIALS = 51
    VOTE = 52
    BEGIN_QUORUM_EPOCH = 53
    END_QUORUM_EPOCH = 54
    DESCRIBE_QUORUM = 55
    ALTER_PARTITION = 56
    UPDATE_FEATURES = 57
    ENVELOPE = 58
    FETCH_SNAPSHOT = 59
    DESCRIBE_CLUSTER = 60
    DESCRIBE_PRODUCERS = 61
    BROKER_REGISTRATION = 62
    BROKER_HEARTBEAT = 63
    UNREGISTER_BROKER = 64
    DESCRIBE_TRANSACTIONS = 65
    LIST_TRANSACTIONS = 66
    ALLOCATE_PRODUCER_IDS = 67
    CONSUMER_GROUP_HEARTBEAT = 68
    CONSUMER_GROUP_DESCRIBE = 69
    CONTROLLER_REGISTRATION = 70
    GET_TELEMETRY_SUBSCRIPTIONS = 71
    PUSH_TELEMETRY = 72
    ASSIGN_REPLICAS_TO_DIRS = 73
    LIST_CONFIG_RESOURCES = 74
    DESCRIBE_TOPIC_PARTITIONS = 75
    SHARE_GROUP_HEARTBEAT = 76
    SHARE_GROUP_DESCRIBE = 77
    SHARE_FETCH = 78
    SHARE_ACKNOWLEDGE = 79
    ADD_RAFT_VOTER = 80
    REMOVE_RAFT_VOTER = 81
    UPDATE_RAFT_VOTER = 82
    INITIALIZE_SHARE_GROUP_STATE = 83
    READ_SHARE_GROUP_STATE = 84
    WRITE_SHARE_GROUP_STATE = 85
    DELETE_SHARE_GROUP_STATE = 86
    READ_SHARE_GROUP_STATE_SUMMARY = 87
    STREAMS_GROUP_HEARTBEAT = 88
    STREAMS_GROUP_DESCRIBE = 89
    DESCRIBE_SHARE_GROUP_OFFSETS = 90
    ALTER_SHARE_GROUP_OFFSETS = 91
    DELETE_SHARE_GROUP_OFFSETS = 92


class Api:
    """One API: versions as Kafka 4.3.1 defines them, classes and header versions."""

    def __init__(self, key: ApiKey, request: Definition) -> None:
        self.key = key
        # "Produce", as Kafka writes it in its documentation and its metrics.
        self.name = request.name.removesuffix("Request")
        self.request_name = request.name
        self.response_name = f"{self.name}Response"
        self.min_version, self.max_version = request.versions
        self.is_unstable = request.unstable
        self.listeners = request.listeners
        # The first flexible version; one that no request can name when there is none.
        self.flexible_from = request.flexible.low if request.flexible.high else VERSION_MAX + 1

    def __repr__(self) -> str:
        return f"Api({self.key.value} {self.name} {self.min_version}-{self.max_version})"

    @property
    def stable_version(self) -> int:
        """The newest version that Kafka 4.3.1 advertises unless told to show unstable ones."""
        return self.max_version - self.is_unstable

    @property
    def advertised_min_version(self) -> int:
        """The oldest version that Kafka 4.3.1 advertises.

        Produce says 0 though it serves from 3 on, because librdkafka before 2.7 looks for 0 to 2.  Source: KAFKA-18659.
        """
        return 0 if self.key is ApiKey.PRODUCE else self.min_version

    @cached_property
    def request(self) -> Any:
        """The class of the request."""
        return message_class(self.request_name)

    @cached_property
    def response(self) -> Any:
        """The class of the response."""
        return message_class(self.response_name)

    def is_flexible(self, version: int) -> bool:
        """Whether messages of this version hold compact lengths and tag sections."""
        return version >= self.flexible_from

    def request_header_version(self, version: int) -> int:
        """2 for flexible versions, known or not, else 1."""
        return 2 if self.is_flexible(version) else 1

    def response_header_version(self, version: int) -> int:
        """1 for flexible versions, else 0; always 0 for ApiVersions, whose client may not know better yet."""
        return 1 if self.is_flexible(version) and self.key is not ApiKey.API_VERSIONS else 0


def _all_apis() -> dict[int, Api]:
    heads = (catalog.head(name) for name in catalog.names())
    return {head.key: Api(ApiKey(head.key), head) for head in heads if head.kind == "request"}


API: Final[dict[int, Api]] = dict(sorted(_all_apis().items()))
