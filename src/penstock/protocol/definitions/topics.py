"""Topics and where their replicas live."""

MESSAGES = """
CreateTopicsRequest: request 19, versions 2-7, flexible 5+, listeners broker controller
  Topics []CreatableTopic
    Name string
    NumPartitions int32
    ReplicationFactor int16
    Assignments []CreatableReplicaAssignment
      PartitionIndex int32
      BrokerIds []int32
    Configs []CreatableTopicConfig
      Name string
      Value string?
  timeoutMs int32 = 60000
  validateOnly bool

CreateTopicsResponse: response 19, versions 2-7, flexible 5+
  ThrottleTimeMs int32 ignorable
  Topics []CreatableTopicResult
    Name string
    TopicId uuid 7+ ignorable
    ErrorCode int16
    ErrorMessage string? ignorable
    TopicConfigErrorCode int16 5+ tag 0 ignorable
    NumPartitions int32 5+ = -1 ignorable
    ReplicationFactor int16 5+ = -1 ignorable
    Configs []CreatableTopicConfigs? 5+ ignorable
      Name string
      Value string?
      ReadOnly bool
      ConfigSource int8 = -1 ignorable
      IsSensitive bool

DeleteTopicsRequest: request 20, versions 1-6, flexible 4+, listeners broker controller
  Topics []DeleteTopicState 6+
    Name string? = null
    TopicId uuid
  TopicNames []string 0-5 ignorable
  TimeoutMs int32

DeleteTopicsResponse: response 20, versions 1-6, flexible 4+
  ThrottleTimeMs int32 ignorable
  Responses []DeletableTopicResult
    Name string?6+
    TopicId uuid 6+ ignorable
    ErrorCode int16
    ErrorMessage string? 5+ = null ignorable

CreatePartitionsRequest: request 37, versions 0-3, flexible 2+, listeners broker controller
  Topics []CreatePartitionsTopic
    Name string
    Count int32
    Assignments []CreatePartitionsAssignment?
      BrokerIds []int32
  TimeoutMs int32
  ValidateOnly bool

CreatePartitionsResponse: response 37, versions 0-3, flexible 2+
  ThrottleTimeMs int32
  Results []CreatePartitionsTopicResult
    Name string
    ErrorCode int16
    ErrorMessage string? = null

ElectLeadersRequest: request 43, versions 0-2, flexible 2+, listeners broker controller
  ElectionType int8 1+
  TopicPartitions []TopicPartitions?
    Topic string
    Partitions []int32
  TimeoutMs int32 = 60000

ElectLeadersResponse: response 43, versions 0-2, flexible 2+
  ThrottleTimeMs int32
  ErrorCode int16 1+
  ReplicaElectionResults []ReplicaElectionResult
    Topic string
    PartitionResult []PartitionResult
      PartitionId int32
      ErrorCode int16
      ErrorMessage string?

AlterPartitionReassignmentsRequest: request 45, versions 0-1, flexible 0+, listeners broker controller
  TimeoutMs int32 = 60000
  AllowReplicationFactorChange bool 1+ = true
  Topics []ReassignableTopic
    Name string
    Partitions []ReassignablePartition
      PartitionIndex int32
      Replicas []int32? = null

AlterPartitionReassignmentsResponse: response 45, versions 0-1, flexible 0+
  ThrottleTimeMs int32
  AllowReplicationFactorChange bool 1+ = true ignorable
  ErrorCode int16
  ErrorMessage string?
  Responses []ReassignableTopicResponse
    Name string
    Partitions []ReassignablePartitionResponse
      PartitionIndex int32
      ErrorCode int16
      ErrorMessage string?

ListPartitionReassignmentsRequest: request 46, versions 0, flexible 0+, listeners broker controller
  TimeoutMs int32 = 60000
  Topics []ListPartitionReassignmentsTopics? = null
    Name string
    PartitionIndexes []int32

ListPartitionReassignmentsResponse: response 46, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?
  Topics []OngoingTopicReassignment
    Name string
    Partitions []OngoingPartitionReassignment
      PartitionIndex int32
      Replicas []int32
      AddingReplicas []int32
      RemovingReplicas []int32
"""
