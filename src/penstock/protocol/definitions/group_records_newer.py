"""Records of __consumer_offsets: share groups and streams groups."""

MESSAGES = """
ShareGroupMemberMetadataKey: key 10, versions 0, flexible none
  GroupId string
  MemberId string

ShareGroupMemberMetadataValue: value 10, versions 0, flexible 0+
  RackId string?
  ClientId string
  ClientHost string
  SubscribedTopicNames []string

ShareGroupMetadataKey: key 11, versions 0, flexible none
  GroupId string

ShareGroupMetadataValue: value 11, versions 0, flexible 0+
  Epoch int32
  MetadataHash int64

ShareGroupTargetAssignmentMetadataKey: key 12, versions 0, flexible none
  GroupId string

ShareGroupTargetAssignmentMetadataValue: value 12, versions 0, flexible 0+
  AssignmentEpoch int32
  AssignmentTimestamp int64 tag 0 ignorable

ShareGroupTargetAssignmentMemberKey: key 13, versions 0, flexible none
  GroupId string
  MemberId string

ShareGroupTargetAssignmentMemberValue: value 13, versions 0, flexible 0+
  TopicPartitions []TopicPartition
    TopicId uuid
    Partitions []int32

ShareGroupCurrentMemberAssignmentKey: key 14, versions 0, flexible none
  GroupId string
  MemberId string

ShareGroupCurrentMemberAssignmentValue: value 14, versions 0, flexible 0+
  MemberEpoch int32
  PreviousMemberEpoch int32
  State int8
  AssignedPartitions []TopicPartitions
  struct TopicPartitions
    TopicId uuid
    Partitions []int32

ShareGroupStatePartitionMetadataKey: key 15, versions 0, flexible none
  GroupId string

ShareGroupStatePartitionMetadataValue: value 15, versions 0, flexible 0+
  InitializingTopics []TopicPartitionsInfo
  InitializedTopics []TopicPartitionsInfo
  DeletingTopics []TopicInfo
  struct TopicPartitionsInfo
    TopicId uuid
    TopicName string
    Partitions []int32
  struct TopicInfo
    TopicId uuid
    TopicName string

StreamsGroupMetadataKey: key 17, versions 0, flexible none
  GroupId string

StreamsGroupMetadataValue: value 17, versions 0, flexible 0+
  Epoch int32
  MetadataHash int64
  ValidatedTopologyEpoch int32 tag 0 = -1
  LastAssignmentConfigs []LastAssignmentConfig? tag 1
  struct LastAssignmentConfig
    Key string
    Value string

StreamsGroupMemberMetadataKey: key 19, versions 0, flexible none
  GroupId string
  MemberId string

StreamsGroupMemberMetadataValue: value 19, versions 0, flexible 0+
  InstanceId string?
  RackId string?
  ClientId string
  ClientHost string
  RebalanceTimeoutMs int32 = -1
  TopologyEpoch int32
  ProcessId string
  UserEndpoint Endpoint? = null
  ClientTags []KeyValue
  struct Endpoint
    Host string
    Port uint16
  struct KeyValue
    Key string
    Value string

StreamsGroupTargetAssignmentMetadataKey: key 20, versions 0, flexible none
  GroupId string

StreamsGroupTargetAssignmentMetadataValue: value 20, versions 0, flexible 0+
  AssignmentEpoch int32
  AssignmentTimestamp int64 tag 0 ignorable

StreamsGroupTargetAssignmentMemberKey: key 21, versions 0, flexible none
  GroupId string
  MemberId string

StreamsGroupTargetAssignmentMemberValue: value 21, versions 0, flexible 0+
  ActiveTasks []TaskIds
  StandbyTasks []TaskIds
  WarmupTasks []TaskIds
  struct TaskIds
    SubtopologyId string
    Partitions []int32

StreamsGroupCurrentMemberAssignmentKey: key 22, versions 0, flexible none
  GroupId string
  MemberId string

StreamsGroupCurrentMemberAssignmentValue: value 22, versions 0, flexible 0+
  MemberEpoch int32
  PreviousMemberEpoch int32
  State int8
  ActiveTasks []TaskIds
  StandbyTasks []TaskIds
  WarmupTasks []TaskIds
  ActiveTasksPendingRevocation []TaskIds
  StandbyTasksPendingRevocation []TaskIds
  WarmupTasksPendingRevocation []TaskIds
  struct TaskIds
    SubtopologyId string
    Partitions []int32
    AssignmentEpochs []int32? tag 0

StreamsGroupTopologyKey: key 23, versions 0, flexible none
  GroupId string

StreamsGroupTopologyValue: value 23, versions 0, flexible 0+
  Epoch int32
  Subtopologies []Subtopology
    SubtopologyId string
    SourceTopics []string
    SourceTopicRegex []string
    StateChangelogTopics []TopicInfo
    RepartitionSinkTopics []string
    RepartitionSourceTopics []TopicInfo
    CopartitionGroups []CopartitionGroup
      SourceTopics []int16
      SourceTopicRegex []int16
      RepartitionSourceTopics []int16
  struct TopicConfig
    key string
    value string
  struct TopicInfo
    Name string
    Partitions int32
    ReplicationFactor int16
    TopicConfigs []TopicConfig
"""
