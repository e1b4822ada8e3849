"""Records of __consumer_offsets: offsets, classic and consumer groups."""

MESSAGES = """
LegacyOffsetCommitKey: key 0, versions 0, flexible none
  group string
  topic string
  partition int32

LegacyOffsetCommitValue: value 0, versions 0, flexible none
  offset int64
  metadata string
  commitTimestamp int64

OffsetCommitKey: key 1, versions 0, flexible none
  group string
  topic string
  partition int32

OffsetCommitValue: value 1, versions 0-4, flexible 4+
  offset int64
  leaderEpoch int32 3+ = -1 ignorable
  metadata string
  commitTimestamp int64
  expireTimestamp int64 1 = -1 ignorable
  topicId uuid 4+ tag 0 ignorable

GroupMetadataKey: key 2, versions 0, flexible none
  group string

GroupMetadataValue: value 2, versions 0-4, flexible 4+
  protocolType string
  generation int32
  protocol string?
  leader string?
  currentStateTimestamp int64 2+ = -1 ignorable
  members []MemberMetadata
  struct MemberMetadata
    memberId string
    groupInstanceId string? 3+ = null ignorable
    clientId string
    clientHost string
    rebalanceTimeout int32 1+ = -1 ignorable
    sessionTimeout int32
    subscription bytes
    assignment bytes

ConsumerGroupMetadataKey: key 3, versions 0, flexible none
  GroupId string

ConsumerGroupMetadataValue: value 3, versions 0, flexible 0+
  Epoch int32
  MetadataHash int64 tag 0

ConsumerGroupPartitionMetadataKey: key 4, versions 0, flexible none
  GroupId string

ConsumerGroupPartitionMetadataValue: value 4, versions 0, flexible 0+
  Topics []TopicMetadata
    TopicId uuid
    TopicName string
    NumPartitions int32
    PartitionMetadata []PartitionMetadata
      Partition int32
      Racks []string

ConsumerGroupMemberMetadataKey: key 5, versions 0, flexible none
  GroupId string
  MemberId string

ConsumerGroupMemberMetadataValue: value 5, versions 0, flexible 0+
  InstanceId string?
  RackId string?
  ClientId string
  ClientHost string
  SubscribedTopicNames []string
  SubscribedTopicRegex string?
  RebalanceTimeoutMs int32 = -1
  ServerAssignor string?
  ClassicMemberMetadata ClassicMemberMetadata? tag 0
    SessionTimeoutMs int32
    SupportedProtocols []ClassicProtocol
      Name string
      Metadata bytes

ConsumerGroupTargetAssignmentMetadataKey: key 6, versions 0, flexible none
  GroupId string

ConsumerGroupTargetAssignmentMetadataValue: value 6, versions 0, flexible 0+
  AssignmentEpoch int32
  AssignmentTimestamp int64 tag 0 ignorable

ConsumerGroupTargetAssignmentMemberKey: key 7, versions 0, flexible none
  GroupId string
  MemberId string

ConsumerGroupTargetAssignmentMemberValue: value 7, versions 0, flexible 0+
  TopicPartitions []TopicPartition
    TopicId uuid
    Partitions []int32

ConsumerGroupCurrentMemberAssignmentKey: key 8, versions 0, flexible none
  GroupId string
  MemberId string

ConsumerGroupCurrentMemberAssignmentValue: value 8, versions 0, flexible 0+
  MemberEpoch int32
  PreviousMemberEpoch int32
  State int8
  AssignedPartitions []TopicPartitions
  PartitionsPendingRevocation []TopicPartitions
  struct TopicPartitions
    TopicId uuid
    Partitions []int32
    AssignmentEpochs []int32? tag 0

ConsumerGroupRegularExpressionKey: key 16, versions 0, flexible none
  GroupId string
  RegularExpression string

ConsumerGroupRegularExpressionValue: value 16, versions 0, flexible 0+
  Topics []string
  Version int64
  Timestamp int64
"""
