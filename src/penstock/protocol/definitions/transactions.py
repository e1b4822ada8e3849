"""Producer ids and transactions."""

MESSAGES = """
InitProducerIdRequest: request 22, versions 0-6 unstable, flexible 2+, listeners broker
  TransactionalId string?
  TransactionTimeoutMs int32
  ProducerId int64 3+ = -1
  ProducerEpoch int16 3+ = -1
  Enable2Pc bool 6+
  KeepPreparedTxn bool 6+

InitProducerIdResponse: response 22, versions 0-6, flexible 2+
  ThrottleTimeMs int32 ignorable
  ErrorCode int16
  ProducerId int64 = -1
  ProducerEpoch int16
  OngoingTxnProducerId int64 6+ = -1
  OngoingTxnProducerEpoch int16 6+ = -1

AddPartitionsToTxnRequest: request 24, versions 0-5, flexible 3+, listeners broker
  Transactions []AddPartitionsToTxnTransaction 4+
    TransactionalId string
    ProducerId int64
    ProducerEpoch int16
    VerifyOnly bool
    Topics []AddPartitionsToTxnTopic
  V3AndBelowTransactionalId string 0-3
  V3AndBelowProducerId int64 0-3
  V3AndBelowProducerEpoch int16 0-3
  V3AndBelowTopics []AddPartitionsToTxnTopic 0-3
  struct AddPartitionsToTxnTopic
    Name string
    Partitions []int32

AddPartitionsToTxnResponse: response 24, versions 0-5, flexible 3+
  ThrottleTimeMs int32
  ErrorCode int16 4+ ignorable
  ResultsByTransaction []AddPartitionsToTxnResult 4+
    TransactionalId string
    TopicResults []AddPartitionsToTxnTopicResult
  ResultsByTopicV3AndBelow []AddPartitionsToTxnTopicResult 0-3
  struct AddPartitionsToTxnTopicResult
    Name string
    ResultsByPartition []AddPartitionsToTxnPartitionResult
  struct AddPartitionsToTxnPartitionResult
    PartitionIndex int32
    PartitionErrorCode int16

AddOffsetsToTxnRequest: request 25, versions 0-4, flexible 3+, listeners broker
  TransactionalId string
  ProducerId int64
  ProducerEpoch int16
  GroupId string

AddOffsetsToTxnResponse: response 25, versions 0-4, flexible 3+
  ThrottleTimeMs int32
  ErrorCode int16

EndTxnRequest: request 26, versions 0-5, flexible 3+, listeners broker
  TransactionalId string
  ProducerId int64
  ProducerEpoch int16
  Committed bool

EndTxnResponse: response 26, versions 0-5, flexible 3+
  ThrottleTimeMs int32
  ErrorCode int16
  ProducerId int64 5+ = -1 ignorable
  ProducerEpoch int16 5+ = -1 ignorable

WriteTxnMarkersRequest: request 27, versions 1-2, flexible 1+, listeners broker
  Markers []WritableTxnMarker
    ProducerId int64
    ProducerEpoch int16
    TransactionResult bool
    Topics []WritableTxnMarkerTopic
      Name string
      PartitionIndexes []int32
    CoordinatorEpoch int32
    TransactionVersion int8 2+ ignorable

WriteTxnMarkersResponse: response 27, versions 1-2, flexible 1+
  Markers []WritableTxnMarkerResult
    ProducerId int64
    Topics []WritableTxnMarkerTopicResult
      Name string
      Partitions []WritableTxnMarkerPartitionResult
        PartitionIndex int32
        ErrorCode int16

TxnOffsetCommitRequest: request 28, versions 0-5, flexible 3+, listeners broker
  TransactionalId string
  GroupId string
  ProducerId int64
  ProducerEpoch int16
  GenerationId int32 3+ = -1
  MemberId string 3+
  GroupInstanceId string? 3+ = null
  Topics []TxnOffsetCommitRequestTopic
    Name string
    Partitions []TxnOffsetCommitRequestPartition
      PartitionIndex int32
      CommittedOffset int64
      CommittedLeaderEpoch int32 2+ = -1 ignorable
      CommittedMetadata string?

TxnOffsetCommitResponse: response 28, versions 0-5, flexible 3+
  ThrottleTimeMs int32
  Topics []TxnOffsetCommitResponseTopic
    Name string
    Partitions []TxnOffsetCommitResponsePartition
      PartitionIndex int32
      ErrorCode int16

DescribeProducersRequest: request 61, versions 0, flexible 0+, listeners broker
  Topics []TopicRequest
    Name string
    PartitionIndexes []int32

DescribeProducersResponse: response 61, versions 0, flexible 0+
  ThrottleTimeMs int32
  Topics []TopicResponse
    Name string
    Partitions []PartitionResponse
      PartitionIndex int32
      ErrorCode int16
      ErrorMessage string? = null
      ActiveProducers []ProducerState
        ProducerId int64
        ProducerEpoch int32
        LastSequence int32 = -1
        LastTimestamp int64 = -1
        CoordinatorEpoch int32
        CurrentTxnStartOffset int64 = -1

DescribeTransactionsRequest: request 65, versions 0, flexible 0+, listeners broker
  TransactionalIds []string

DescribeTransactionsResponse: response 65, versions 0, flexible 0+
  ThrottleTimeMs int32
  TransactionStates []TransactionState
    ErrorCode int16
    TransactionalId string
    TransactionState string
    TransactionTimeoutMs int32
    TransactionStartTimeMs int64
    ProducerId int64
    ProducerEpoch int16
    Topics []TopicData
      Topic string
      Partitions []int32

ListTransactionsRequest: request 66, versions 0-2, flexible 0+, listeners broker
  StateFilters []string
  ProducerIdFilters []int64
  DurationFilter int64 1+ = -1
  TransactionalIdPattern string? 2+ = null

ListTransactionsResponse: response 66, versions 0-2, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  UnknownStateFilters []string
  TransactionStates []TransactionState
    TransactionalId string
    ProducerId int64
    TransactionState string

AllocateProducerIdsRequest: request 67, versions 0, flexible 0+, listeners controller
  BrokerId int32
  BrokerEpoch int64 = -1

AllocateProducerIdsResponse: response 67, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ProducerIdStart int64
  ProducerIdLen int32
"""
