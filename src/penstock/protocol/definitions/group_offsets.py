"""Committed offsets of groups."""

MESSAGES = """
OffsetCommitRequest: request 8, versions 2-10, flexible 8+, listeners broker
  GroupId string
  GenerationIdOrMemberEpoch int32 = -1 ignorable
  MemberId string ignorable
  GroupInstanceId string? 7+ = null
  RetentionTimeMs int64 2-4 = -1 ignorable
  Topics []OffsetCommitRequestTopic
    Name string 0-9 ignorable
    TopicId uuid 10+ ignorable
    Partitions []OffsetCommitRequestPartition
      PartitionIndex int32
      CommittedOffset int64
      CommittedLeaderEpoch int32 6+ = -1 ignorable
      CommittedMetadata string?

OffsetCommitResponse: response 8, versions 2-10, flexible 8+
  ThrottleTimeMs int32 3+ ignorable
  Topics []OffsetCommitResponseTopic
    Name string 0-9 ignorable
    TopicId uuid 10+ ignorable
    Partitions []OffsetCommitResponsePartition
      PartitionIndex int32
      ErrorCode int16

OffsetFetchRequest: request 9, versions 1-10, flexible 6+, listeners broker
  GroupId string 0-7
  Topics []OffsetFetchRequestTopic?2-7 0-7
    Name string
    PartitionIndexes []int32
  Groups []OffsetFetchRequestGroup 8+
    GroupId string
    MemberId string? 9+ = null ignorable
    MemberEpoch int32 9+ = -1 ignorable
    Topics []OffsetFetchRequestTopics?
      Name string 8-9 ignorable
      TopicId uuid 10+ ignorable
      PartitionIndexes []int32
  RequireStable bool 7+

OffsetFetchResponse: response 9, versions 1-10, flexible 6+
  ThrottleTimeMs int32 3+ ignorable
  Topics []OffsetFetchResponseTopic 0-7
    Name string
    Partitions []OffsetFetchResponsePartition
      PartitionIndex int32
      CommittedOffset int64
      CommittedLeaderEpoch int32 5-7 = -1 ignorable
      Metadata string?
      ErrorCode int16
  ErrorCode int16 2-7 ignorable
  Groups []OffsetFetchResponseGroup 8+
    GroupId string
    Topics []OffsetFetchResponseTopics
      Name string 8-9 ignorable
      TopicId uuid 10+ ignorable
      Partitions []OffsetFetchResponsePartitions
        PartitionIndex int32
        CommittedOffset int64
        CommittedLeaderEpoch int32 = -1 ignorable
        Metadata string?
        ErrorCode int16
    ErrorCode int16

OffsetDeleteRequest: request 47, versions 0, flexible none, listeners broker
  GroupId string
  Topics []OffsetDeleteRequestTopic
    Name string
    Partitions []OffsetDeleteRequestPartition
      PartitionIndex int32

OffsetDeleteResponse: response 47, versions 0, flexible none
  ErrorCode int16
  ThrottleTimeMs int32 ignorable
  Topics []OffsetDeleteResponseTopic
    Name string
    Partitions []OffsetDeleteResponsePartition
      PartitionIndex int32
      ErrorCode int16
"""
