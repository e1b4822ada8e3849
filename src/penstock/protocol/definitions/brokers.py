"""Between brokers and controllers."""

MESSAGES = """
AlterPartitionRequest: request 56, versions 2-3, flexible 0+, listeners controller
  BrokerId int32
  BrokerEpoch int64 = -1
  Topics []TopicData
    TopicId uuid ignorable
    Partitions []PartitionData
      PartitionIndex int32
      LeaderEpoch int32
      NewIsr []int32 0-2
      NewIsrWithEpochs []BrokerState 3+
        BrokerId int32
        BrokerEpoch int64 = -1
      LeaderRecoveryState int8
      PartitionEpoch int32

AlterPartitionResponse: response 56, versions 2-3, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  Topics []TopicData
    TopicId uuid ignorable
    Partitions []PartitionData
      PartitionIndex int32
      ErrorCode int16
      LeaderId int32
      LeaderEpoch int32
      Isr []int32
      LeaderRecoveryState int8 ignorable
      PartitionEpoch int32

BrokerRegistrationRequest: request 62, versions 0-4, flexible 0+, listeners controller
  BrokerId int32
  ClusterId string
  IncarnationId uuid
  Listeners []Listener
    Name string
    Host string
    Port uint16
    SecurityProtocol int16
  Features []Feature
    Name string
    MinSupportedVersion int16
    MaxSupportedVersion int16
  Rack string?
  IsMigratingZkBroker bool 1+
  LogDirs []uuid 2+ ignorable
  PreviousBrokerEpoch int64 3+ = -1 ignorable

BrokerRegistrationResponse: response 62, versions 0-4, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  BrokerEpoch int64 = -1

BrokerHeartbeatRequest: request 63, versions 0-2, flexible 0+, listeners controller
  BrokerId int32
  BrokerEpoch int64 = -1
  CurrentMetadataOffset int64
  WantFence bool
  WantShutDown bool
  OfflineLogDirs []uuid 1+ tag 0
  CordonedLogDirs []uuid? 2+ tag 1 = null

BrokerHeartbeatResponse: response 63, versions 0-2, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  IsCaughtUp bool
  IsFenced bool = true
  ShouldShutDown bool

UnregisterBrokerRequest: request 64, versions 0, flexible 0+, listeners broker controller
  BrokerId int32

UnregisterBrokerResponse: response 64, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?

ControllerRegistrationRequest: request 70, versions 0, flexible 0+, listeners controller
  ControllerId int32
  IncarnationId uuid
  ZkMigrationReady bool
  Listeners []Listener
    Name string
    Host string
    Port uint16
    SecurityProtocol int16
  Features []Feature
    Name string
    MinSupportedVersion int16
    MaxSupportedVersion int16

ControllerRegistrationResponse: response 70, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?

EnvelopeRequest: request 58, versions 0, flexible 0+, listeners controller
  RequestData bytes
  RequestPrincipal bytes?
  ClientHostAddress bytes

EnvelopeResponse: response 58, versions 0, flexible 0+
  ResponseData bytes? = null
  ErrorCode int16
"""
