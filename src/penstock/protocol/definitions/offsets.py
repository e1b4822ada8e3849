"""Where records lie: by time, by leader epoch; and cutting a log's start."""

MESSAGES = """
ListOffsetsRequest: request 2, versions 1-11, flexible 6+, listeners broker
  ReplicaId int32
  IsolationLevel int8 2+
  Topics []ListOffsetsTopic
    Name string
    Partitions []ListOffsetsPartition
      PartitionIndex int32
      CurrentLeaderEpoch int32 4+ = -1 ignorable
      Timestamp int64
  TimeoutMs int32 10+ ignorable

ListOffsetsResponse: response 2, versions 1-11, flexible 6+
  ThrottleTimeMs int32 2+ ignorable
  Topics []ListOffsetsTopicResponse
    Name string
    Partitions []ListOffsetsPartitionResponse
      PartitionIndex int32
      ErrorCode int16
      Timestamp int64 = -1
      Offset int64 = -1
      LeaderEpoch int32 4+ = -1

OffsetForLeaderEpochRequest: request 23, versions 2-4, flexible 4+, listeners broker
  ReplicaId int32 3+ = -2 ignorable
  Topics []OffsetForLeaderTopic
    Topic string
    Partitions []OffsetForLeaderPartition
      Partition int32
      CurrentLeaderEpoch int32 = -1 ignorable
      LeaderEpoch int32

OffsetForLeaderEpochResponse: response 23, versions 2-4, flexible 4+
  ThrottleTimeMs int32 ignorable
  Topics []OffsetForLeaderTopicResult
    Topic string
    Partitions []EpochEndOffset
      ErrorCode int16
      Partition int32
      LeaderEpoch int32 = -1 ignorable
      EndOffset int64 = -1

DeleteRecordsRequest: request 21, versions 0-2, flexible 2+, listeners broker
  Topics []DeleteRecordsTopic
    Name string
    Partitions []DeleteRecordsPartition
      PartitionIndex int32
      Offset int64
  TimeoutMs int32

DeleteRecordsResponse: response 21, versions 0-2, flexible 2+
  ThrottleTimeMs int32
  Topics []DeleteRecordsTopicResult
    Name string
    Partitions []DeleteRecordsPartitionResult
      PartitionIndex int32
      LowWatermark int64
      ErrorCode int16
"""
