"""KRaft between its voters, and how a client sees the quorum."""

MESSAGES = """
VoteRequest: request 52, versions 0-2, flexible 0+, listeners controller
  ClusterId string? = null
  VoterId int32 1+ = -1 ignorable
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      ReplicaEpoch int32
      ReplicaId int32
      ReplicaDirectoryId uuid 1+ ignorable
      VoterDirectoryId uuid 1+ ignorable
      LastOffsetEpoch int32
      LastOffset int64
      PreVote bool 2+

VoteResponse: response 52, versions 0-2, flexible 0+
  ErrorCode int16
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      ErrorCode int16
      LeaderId int32
      LeaderEpoch int32
      VoteGranted bool
  NodeEndpoints []NodeEndpoint 1+ tag 0
    NodeId int32
    Host string
    Port uint16

BeginQuorumEpochRequest: request 53, versions 0-1, flexible 1+, listeners controller
  ClusterId string? = null
  VoterId int32 1+ = -1 ignorable
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      VoterDirectoryId uuid 1+ ignorable
      LeaderId int32
      LeaderEpoch int32
  LeaderEndpoints []LeaderEndpoint 1+ ignorable
    Name string
    Host string
    Port uint16

BeginQuorumEpochResponse: response 53, versions 0-1, flexible 1+
  ErrorCode int16
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      ErrorCode int16
      LeaderId int32
      LeaderEpoch int32
  NodeEndpoints []NodeEndpoint 1+ tag 0
    NodeId int32
    Host string
    Port uint16

EndQuorumEpochRequest: request 54, versions 0-1, flexible 1+, listeners controller
  ClusterId string? = null
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      LeaderId int32
      LeaderEpoch int32
      PreferredSuccessors []int32 0 ignorable
      PreferredCandidates []ReplicaInfo 1+ ignorable
        CandidateId int32
        CandidateDirectoryId uuid
  LeaderEndpoints []LeaderEndpoint 1+ ignorable
    Name string
    Host string
    Port uint16

EndQuorumEpochResponse: response 54, versions 0-1, flexible 1+
  ErrorCode int16
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      ErrorCode int16
      LeaderId int32
      LeaderEpoch int32
  NodeEndpoints []NodeEndpoint 1+ tag 0
    NodeId int32
    Host string
    Port uint16

DescribeQuorumRequest: request 55, versions 0-2, flexible 0+, listeners broker controller
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32

DescribeQuorumResponse: response 55, versions 0-2, flexible 0+
  ErrorCode int16
  ErrorMessage string? 2+ ignorable
  Topics []TopicData
    TopicName string
    Partitions []PartitionData
      PartitionIndex int32
      ErrorCode int16
      ErrorMessage string? 2+ ignorable
      LeaderId int32
      LeaderEpoch int32
      HighWatermark int64
      CurrentVoters []ReplicaState
      Observers []ReplicaState
  Nodes []Node 2+
    NodeId int32
    Listeners []Listener
      Name string
      Host string
      Port uint16
  struct ReplicaState
    ReplicaId int32
    ReplicaDirectoryId uuid 2+
    LogEndOffset int64
    LastFetchTimestamp int64 1+ = -1 ignorable
    LastCaughtUpTimestamp int64 1+ = -1 ignorable

FetchSnapshotRequest: request 59, versions 0-1, flexible 0+, listeners controller
  ClusterId string? tag 0 = null
  ReplicaId int32 = -1
  MaxBytes int32 = 0x7fffffff
  Topics []TopicSnapshot
    Name string
    Partitions []PartitionSnapshot
      Partition int32
      CurrentLeaderEpoch int32
      SnapshotId SnapshotId
        EndOffset int64
        Epoch int32
      Position int64
      ReplicaDirectoryId uuid 1+ tag 0 ignorable

FetchSnapshotResponse: response 59, versions 0-1, flexible 0+
  ThrottleTimeMs int32 ignorable
  ErrorCode int16
  Topics []TopicSnapshot
    Name string
    Partitions []PartitionSnapshot
      Index int32
      ErrorCode int16
      SnapshotId SnapshotId
        EndOffset int64
        Epoch int32
      CurrentLeader LeaderIdAndEpoch tag 0
        LeaderId int32
        LeaderEpoch int32
      Size int64
      Position int64
      UnalignedRecords records
  NodeEndpoints []NodeEndpoint 1+ tag 0
    NodeId int32
    Host string
    Port uint16

AddRaftVoterRequest: request 80, versions 0-1, flexible 0+, listeners controller broker
  ClusterId string?
  TimeoutMs int32
  VoterId int32
  VoterDirectoryId uuid
  Listeners []Listener
    Name string
    Host string
    Port uint16
  AckWhenCommitted bool 1+ = true

AddRaftVoterResponse: response 80, versions 0-1, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string? ignorable

RemoveRaftVoterRequest: request 81, versions 0, flexible 0+, listeners controller broker
  ClusterId string?
  VoterId int32
  VoterDirectoryId uuid

RemoveRaftVoterResponse: response 81, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string? ignorable

UpdateRaftVoterRequest: request 82, versions 0, flexible 0+, listeners controller
  ClusterId string?
  CurrentLeaderEpoch int32
  VoterId int32
  VoterDirectoryId uuid
  Listeners []Listener
    Name string
    Host string
    Port uint16
  KRaftVersionFeature KRaftVersionFeature
    MinSupportedVersion int16
    MaxSupportedVersion int16

UpdateRaftVoterResponse: response 82, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  CurrentLeader CurrentLeader tag 0
    LeaderId int32 = -1
    LeaderEpoch int32 = -1
    Host string
    Port int32
"""
