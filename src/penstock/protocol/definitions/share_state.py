"""The state of share groups, between brokers (KIP-932)."""

MESSAGES = """
InitializeShareGroupStateRequest: request 83, versions 0, flexible 0+, listeners broker
  GroupId string
  Topics []InitializeStateData
    TopicId uuid
    Partitions []PartitionData
      Partition int32
      StateEpoch int32
      StartOffset int64

InitializeShareGroupStateResponse: response 83, versions 0, flexible 0+
  Results []InitializeStateResult
    TopicId uuid
    Partitions []PartitionResult
      Partition int32
      ErrorCode int16
      ErrorMessage string? = null

ReadShareGroupStateRequest: request 84, versions 0, flexible 0+, listeners broker
  GroupId string
  Topics []ReadStateData
    TopicId uuid
    Partitions []PartitionData
      Partition int32
      LeaderEpoch int32

ReadShareGroupStateResponse: response 84, versions 0, flexible 0+
  Results []ReadStateResult
    TopicId uuid
    Partitions []PartitionResult
      Partition int32
      ErrorCode int16
      ErrorMessage string? = null
      StateEpoch int32
      StartOffset int64
      StateBatches []StateBatch
        FirstOffset int64
        LastOffset int64
        DeliveryState int8
        DeliveryCount int16

WriteShareGroupStateRequest: request 85, versions 0-1, flexible 0+, listeners broker
  GroupId string
  Topics []WriteStateData
    TopicId uuid
    Partitions []PartitionData
      Partition int32
      StateEpoch int32
      LeaderEpoch int32
      StartOffset int64
      DeliveryCompleteCount int32 1+ = -1 ignorable
      StateBatches []StateBatch
        FirstOffset int64
        LastOffset int64
        DeliveryState int8
        DeliveryCount int16

WriteShareGroupStateResponse: response 85, versions 0-1, flexible 0+
  Results []WriteStateResult
    TopicId uuid
    Partitions []PartitionResult
      Partition int32
      ErrorCode int16
      ErrorMessage string? = null

DeleteShareGroupStateRequest: request 86, versions 0, flexible 0+, listeners broker
  GroupId string
  Topics []DeleteStateData
    TopicId uuid
    Partitions []PartitionData
      Partition int32

DeleteShareGroupStateResponse: response 86, versions 0, flexible 0+
  Results []DeleteStateResult
    TopicId uuid
    Partitions []PartitionResult
      Partition int32
      ErrorCode int16
      ErrorMessage string? = null

ReadShareGroupStateSummaryRequest: request 87, versions 0-1, flexible 0+, listeners broker
  GroupId string
  Topics []ReadStateSummaryData
    TopicId uuid
    Partitions []PartitionData
      Partition int32
      LeaderEpoch int32

ReadShareGroupStateSummaryResponse: response 87, versions 0-1, flexible 0+
  Results []ReadStateSummaryResult
    TopicId uuid
    Partitions []PartitionResult
      Partition int32
      ErrorCode int16
      ErrorMessage string? = null
      StateEpoch int32
      LeaderEpoch int32
      StartOffset int64
      DeliveryCompleteCount int32 1+ = -1 ignorable
"""
