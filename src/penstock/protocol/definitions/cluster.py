"""What a client asks first: versions, brokers, topics, coordinators."""

MESSAGES = """
ApiVersionsRequest: request 18, versions 0-4, flexible 3+, listeners broker controller
  ClientSoftwareName string 3+ ignorable
  ClientSoftwareVersion string 3+ ignorable

ApiVersionsResponse: response 18, versions 0-4, flexible 3+
  ErrorCode int16
  ApiKeys []ApiVersion
    ApiKey int16
    MinVersion int16
    MaxVersion int16
  ThrottleTimeMs int32 1+ ignorable
  SupportedFeatures []SupportedFeatureKey 3+ tag 0 ignorable
    Name string
    MinVersion int16
    MaxVersion int16
  FinalizedFeaturesEpoch int64 3+ tag 1 = -1 ignorable
  FinalizedFeatures []FinalizedFeatureKey 3+ tag 2 ignorable
    Name string
    MaxVersionLevel int16
    MinVersionLevel int16
  ZkMigrationReady bool 3+ tag 3 ignorable

MetadataRequest: request 3, versions 0-13, flexible 9+, listeners broker
  Topics []MetadataRequestTopic?1+
    TopicId uuid 10+ ignorable
    Name string?10+
  AllowAutoTopicCreation bool 4+ = true
  IncludeClusterAuthorizedOperations bool 8-10
  IncludeTopicAuthorizedOperations bool 8+

MetadataResponse: response 3, versions 0-13, flexible 9+
  ThrottleTimeMs int32 3+ ignorable
  Brokers []MetadataResponseBroker
    NodeId int32
    Host string
    Port int32
    Rack string? 1+ = null ignorable
  ClusterId string? 2+ = null ignorable
  ControllerId int32 1+ = -1 ignorable
  Topics []MetadataResponseTopic
    ErrorCode int16
    Name string?12+
    TopicId uuid 10+ ignorable
    IsInternal bool 1+ ignorable
    Partitions []MetadataResponsePartition
      ErrorCode int16
      PartitionIndex int32
      LeaderId int32
      LeaderEpoch int32 7+ = -1 ignorable
      ReplicaNodes []int32
      IsrNodes []int32
      OfflineReplicas []int32 5+ ignorable
    TopicAuthorizedOperations int32 8+ = -2147483648
  ClusterAuthorizedOperations int32 8-10 = -2147483648
  ErrorCode int16 13+ ignorable

DescribeTopicPartitionsRequest: request 75, versions 0, flexible 0+, listeners broker
  Topics []TopicRequest
    Name string
  ResponsePartitionLimit int32 = 2000
  Cursor Cursor? = null
    TopicName string
    PartitionIndex int32

DescribeTopicPartitionsResponse: response 75, versions 0, flexible 0+
  ThrottleTimeMs int32 ignorable
  Topics []DescribeTopicPartitionsResponseTopic
    ErrorCode int16
    Name string?
    TopicId uuid ignorable
    IsInternal bool ignorable
    Partitions []DescribeTopicPartitionsResponsePartition
      ErrorCode int16
      PartitionIndex int32
      LeaderId int32
      LeaderEpoch int32 = -1 ignorable
      ReplicaNodes []int32
      IsrNodes []int32
      EligibleLeaderReplicas []int32? = null
      LastKnownElr []int32? = null
      OfflineReplicas []int32 ignorable
    TopicAuthorizedOperations int32 = -2147483648
  NextCursor Cursor? = null
    TopicName string
    PartitionIndex int32

DescribeClusterRequest: request 60, versions 0-2, flexible 0+, listeners broker controller
  IncludeClusterAuthorizedOperations bool
  EndpointType int8 1+ = 1
  IncludeFencedBrokers bool 2+

DescribeClusterResponse: response 60, versions 0-2, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string? = null
  EndpointType int8 1+ = 1
  ClusterId string
  ControllerId int32 = -1
  Brokers []DescribeClusterBroker
    BrokerId int32
    Host string
    Port int32
    Rack string? = null
    IsFenced bool 2+
  ClusterAuthorizedOperations int32 = -2147483648

FindCoordinatorRequest: request 10, versions 0-6, flexible 3+, listeners broker
  Key string 0-3
  KeyType int8 1+
  CoordinatorKeys []string 4+

FindCoordinatorResponse: response 10, versions 0-6, flexible 3+
  ThrottleTimeMs int32 1+ ignorable
  ErrorCode int16 0-3
  ErrorMessage string? 1-3 ignorable
  NodeId int32 0-3
  Host string 0-3
  Port int32 0-3
  Coordinators []Coordinator 4+
    Key string
    NodeId int32
    Host string
    Port int32
    ErrorCode int16
    ErrorMessage string? ignorable
"""
