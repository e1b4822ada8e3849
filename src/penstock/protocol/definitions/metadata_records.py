"""Records of __cluster_metadata."""

MESSAGES = """
RegisterBrokerRecord: metadata 0, versions 0-4, flexible 0+
  BrokerId int32
  IsMigratingZkBroker bool 2+
  IncarnationId uuid
  BrokerEpoch int64
  EndPoints []BrokerEndpoint
    Name string
    Host string
    Port uint16
    SecurityProtocol int16
  Features []BrokerFeature
    Name string
    MinSupportedVersion int16
    MaxSupportedVersion int16
  Rack string?
  Fenced bool = true
  InControlledShutdown bool 1+
  LogDirs []uuid 3+ tag 0
  CordonedLogDirs []uuid? 4+ tag 1 = null

UnregisterBrokerRecord: metadata 1, versions 0, flexible 0+
  BrokerId int32
  BrokerEpoch int64

TopicRecord: metadata 2, versions 0, flexible 0+
  Name string
  TopicId uuid

PartitionRecord: metadata 3, versions 0-2, flexible 0+
  PartitionId int32 = -1
  TopicId uuid
  Replicas []int32
  Isr []int32
  RemovingReplicas []int32
  AddingReplicas []int32
  Leader int32 = -1
  LeaderRecoveryState int8 tag 0
  LeaderEpoch int32 = -1
  PartitionEpoch int32 = -1
  Directories []uuid 1+
  EligibleLeaderReplicas []int32? 2+ tag 1 = null
  LastKnownElr []int32? 2+ tag 2 = null

ConfigRecord: metadata 4, versions 0, flexible 0+
  ResourceType int8
  ResourceName string
  Name string
  Value string?

PartitionChangeRecord: metadata 5, versions 0-2, flexible 0+
  PartitionId int32 = -1
  TopicId uuid
  Isr []int32? tag 0 = null
  Leader int32 tag 1 = -2
  Replicas []int32? tag 2 = null
  RemovingReplicas []int32? tag 3 = null
  AddingReplicas []int32? tag 4 = null
  LeaderRecoveryState int8 tag 5 = -1
  Directories []uuid? 1+ tag 8 = null
  EligibleLeaderReplicas []int32? 2+ tag 6 = null
  LastKnownElr []int32? 2+ tag 7 = null

FenceBrokerRecord: metadata 7, versions 0, flexible 0+
  Id int32
  Epoch int64

UnfenceBrokerRecord: metadata 8, versions 0, flexible 0+
  Id int32
  Epoch int64

RemoveTopicRecord: metadata 9, versions 0, flexible 0+
  TopicId uuid

DelegationTokenRecord: metadata 10, versions 0, flexible 0+
  Owner string
  Requester string
  Renewers []string
  IssueTimestamp int64
  MaxTimestamp int64
  ExpirationTimestamp int64
  TokenId string

UserScramCredentialRecord: metadata 11, versions 0, flexible 0+
  Name string
  Mechanism int8
  Salt bytes
  StoredKey bytes
  ServerKey bytes
  Iterations int32

FeatureLevelRecord: metadata 12, versions 0, flexible 0+
  Name string
  FeatureLevel int16

ClientQuotaRecord: metadata 14, versions 0, flexible 0+
  Entity []EntityData
    EntityType string
    EntityName string?
  Key string
  Value float64
  Remove bool

ProducerIdsRecord: metadata 15, versions 0, flexible 0+
  BrokerId int32
  BrokerEpoch int64 = -1
  NextProducerId int64

BrokerRegistrationChangeRecord: metadata 17, versions 0-3, flexible 0+
  BrokerId int32
  BrokerEpoch int64
  Fenced int8 tag 0
  InControlledShutdown int8 1+ tag 1
  LogDirs []uuid 2+ tag 2
  CordonedLogDirs []uuid? 3+ tag 3 = null

AccessControlEntryRecord: metadata 18, versions 0, flexible 0+
  Id uuid
  ResourceType int8
  ResourceName string
  PatternType int8
  Principal string
  Host string
  Operation int8
  PermissionType int8

RemoveAccessControlEntryRecord: metadata 19, versions 0, flexible 0+
  Id uuid

NoOpRecord: metadata 20, versions 0, flexible 0+

ZkMigrationStateRecord: metadata 21, versions 0, flexible 0+
  ZkMigrationState int8

RemoveUserScramCredentialRecord: metadata 22, versions 0, flexible 0+
  Name string
  Mechanism int8

BeginTransactionRecord: metadata 23, versions 0, flexible 0+
  Name string? tag 0 = null

EndTransactionRecord: metadata 24, versions 0, flexible 0+

AbortTransactionRecord: metadata 25, versions 0, flexible 0+
  Reason string? tag 0 = null

RemoveDelegationTokenRecord: metadata 26, versions 0, flexible 0+
  TokenId string

RegisterControllerRecord: metadata 27, versions 0, flexible 0+
  ControllerId int32
  IncarnationId uuid
  ZkMigrationReady bool
  EndPoints []ControllerEndpoint
    Name string
    Host string
    Port uint16
    SecurityProtocol int16
  Features []ControllerFeature
    Name string
    MinSupportedVersion int16
    MaxSupportedVersion int16

ClearElrRecord: metadata 28, versions 0, flexible 0+
  TopicName string
"""
