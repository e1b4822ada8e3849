"""The directories on disk under the partitions."""

MESSAGES = """
DescribeLogDirsRequest: request 35, versions 1-5, flexible 2+, listeners broker
  Topics []DescribableLogDirTopic?
    Topic string
    Partitions []int32

DescribeLogDirsResponse: response 35, versions 1-5, flexible 2+
  ThrottleTimeMs int32
  ErrorCode int16 3+ ignorable
  Results []DescribeLogDirsResult
    ErrorCode int16
    LogDir string
    Topics []DescribeLogDirsTopic
      Name string
      Partitions []DescribeLogDirsPartition
        PartitionIndex int32
        PartitionSize int64
        OffsetLag int64
        IsFutureKey bool
    TotalBytes int64 4+ = -1 ignorable
    UsableBytes int64 4+ = -1 ignorable
    IsCordoned bool 5+ ignorable

AlterReplicaLogDirsRequest: request 34, versions 1-2, flexible 2+, listeners broker
  Dirs []AlterReplicaLogDir
    Path string
    Topics []AlterReplicaLogDirTopic
      Name string
      Partitions []int32

AlterReplicaLogDirsResponse: response 34, versions 1-2, flexible 2+
  ThrottleTimeMs int32
  Results []AlterReplicaLogDirTopicResult
    TopicName string
    Partitions []AlterReplicaLogDirPartitionResult
      PartitionIndex int32
      ErrorCode int16

AssignReplicasToDirsRequest: request 73, versions 0, flexible 0+, listeners controller
  BrokerId int32
  BrokerEpoch int64 = -1
  Directories []DirectoryData
    Id uuid
    Topics []TopicData
      TopicId uuid
      Partitions []PartitionData
        PartitionIndex int32

AssignReplicasToDirsResponse: response 73, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  Directories []DirectoryData
    Id uuid
    Topics []TopicData
      TopicId uuid
      Partitions []PartitionData
        PartitionIndex int32
        ErrorCode int16
"""
