"""Reading records."""

MESSAGES = """
FetchRequest: request 1, versions 4-18, flexible 12+, listeners broker controller
  ClusterId string? 12+ tag 0 = null ignorable
  ReplicaId int32 0-14 = -1
  ReplicaState ReplicaState 15+ tag 1
    ReplicaId int32 = -1
    ReplicaEpoch int64 = -1
  MaxWaitMs int32
  MinBytes int32
  MaxBytes int32 = 0x7fffffff ignorable
  IsolationLevel int8 ignorable
  SessionId int32 7+ ignorable
  SessionEpoch int32 7+ = -1 ignorable
  Topics []FetchTopic
    Topic string 0-12 ignorable
    TopicId uuid 13+ ignorable
    Partitions []FetchPartition
      Partition int32
      CurrentLeaderEpoch int32 9+ = -1 ignorable
      FetchOffset int64
      LastFetchedEpoch int32 12+ = -1
      LogStartOffset int64 5+ = -1 ignorable
      PartitionMaxBytes int32
      ReplicaDirectoryId uuid 17+ tag 0 ignorable
      HighWatermark int64 18+ tag 1 = 9223372036854775807 ignorable
  ForgottenTopicsData []ForgottenTopic 7+
    Topic string 7-12 ignorable
    TopicId uuid 13+ ignorable
    Partitions []int32
  RackId string 11+ ignorable

FetchResponse: response 1, versions 4-18, flexible 12+
  ThrottleTimeMs int32 ignorable
  ErrorCode int16 7+ ignorable
  SessionId int32 7+
  Responses []FetchableTopicResponse
    Topic string 0-12 ignorable
    TopicId uuid 13+ ignorable
    Partitions []PartitionData
      PartitionIndex int32
      ErrorCode int16
      HighWatermark int64
      LastStableOffset int64 = -1 ignorable
      LogStartOffset int64 5+ = -1 ignorable
      DivergingEpoch EpochEndOffset 12+ tag 0
        Epoch int32 = -1
        EndOffset int64 = -1
      CurrentLeader LeaderIdAndEpoch 12+ tag 1
        LeaderId int32 = -1
        LeaderEpoch int32 = -1
      SnapshotId SnapshotId 12+ tag 2
        EndOffset int64 = -1
        Epoch int32 = -1
      AbortedTransactions []AbortedTransaction? ignorable
        ProducerId int64
        FirstOffset int64
      PreferredReadReplica int32 11+ = -1
      Records records?
  NodeEndpoints []NodeEndpoint 16+ tag 0
    NodeId int32
    Host string
    Port int32
    Rack string? = null
"""
