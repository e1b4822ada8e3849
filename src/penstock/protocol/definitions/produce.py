"""Writing records."""

MESSAGES = """
ProduceRequest: request 0, versions 3-13, flexible 9+, listeners broker
  TransactionalId string? = null
  Acks int16
  TimeoutMs int32
  TopicData []TopicProduceData
    Name string 0-12 ignorable
    TopicId uuid 13+ ignorable
    PartitionData []PartitionProduceData
      Index int32
      Records records?

ProduceResponse: response 0, versions 3-13, flexible 9+
  Responses []TopicProduceResponse
    Name string 0-12 ignorable
    TopicId uuid 13+ ignorable
    PartitionResponses []PartitionProduceResponse
      Index int32
      ErrorCode int16
      BaseOffset int64
      LogAppendTimeMs int64 = -1 ignorable
      LogStartOffset int64 5+ = -1 ignorable
      RecordErrors []BatchIndexAndErrorMessage 8+ ignorable
        BatchIndex int32
        BatchIndexErrorMessage string? = null
      ErrorMessage string? 8+ = null ignorable
      CurrentLeader LeaderIdAndEpoch 10+ tag 0
        LeaderId int32 = -1
        LeaderEpoch int32 = -1
  ThrottleTimeMs int32 ignorable
  NodeEndpoints []NodeEndpoint 10+ tag 0
    NodeId int32
    Host string
    Port int32
    Rack string? = null
"""
