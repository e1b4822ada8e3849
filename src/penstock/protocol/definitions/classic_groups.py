"""Membership of consumer groups, the classic protocol."""

MESSAGES = """
JoinGroupRequest: request 11, versions 0-9, flexible 6+, listeners broker
  GroupId string
  SessionTimeoutMs int32
  RebalanceTimeoutMs int32 1+ = -1 ignorable
  MemberId string
  GroupInstanceId string? 5+ = null
  ProtocolType string
  Protocols []JoinGroupRequestProtocol
    Name string
    Metadata bytes
  Reason string? 8+ = null ignorable

JoinGroupResponse: response 11, versions 0-9, flexible 6+
  ThrottleTimeMs int32 2+ ignorable
  ErrorCode int16
  GenerationId int32 = -1
  ProtocolType string? 7+ = null ignorable
  ProtocolName string?7+
  Leader string
  SkipAssignment bool 9+
  MemberId string
  Members []JoinGroupResponseMember
    MemberId string
    GroupInstanceId string? 5+ = null ignorable
    Metadata bytes

SyncGroupRequest: request 14, versions 0-5, flexible 4+, listeners broker
  GroupId string
  GenerationId int32
  MemberId string
  GroupInstanceId string? 3+ = null
  ProtocolType string? 5+ = null ignorable
  ProtocolName string? 5+ = null ignorable
  Assignments []SyncGroupRequestAssignment
    MemberId string
    Assignment bytes

SyncGroupResponse: response 14, versions 0-5, flexible 4+
  ThrottleTimeMs int32 1+ ignorable
  ErrorCode int16
  ProtocolType string? 5+ = null ignorable
  ProtocolName string? 5+ = null ignorable
  Assignment bytes

HeartbeatRequest: request 12, versions 0-4, flexible 4+, listeners broker
  GroupId string
  GenerationId int32
  MemberId string
  GroupInstanceId string? 3+ = null

HeartbeatResponse: response 12, versions 0-4, flexible 4+
  ThrottleTimeMs int32 1+ ignorable
  ErrorCode int16

LeaveGroupRequest: request 13, versions 0-5, flexible 4+, listeners broker
  GroupId string
  MemberId string 0-2
  Members []MemberIdentity 3+
    MemberId string
    GroupInstanceId string? = null
    Reason string? 5+ = null ignorable

LeaveGroupResponse: response 13, versions 0-5, flexible 4+
  ThrottleTimeMs int32 1+ ignorable
  ErrorCode int16
  Members []MemberResponse 3+
    MemberId string
    GroupInstanceId string?
    ErrorCode int16

ConsumerProtocolSubscription: data, versions 0-3, flexible none
  Topics []string
  UserData bytes? = null
  OwnedPartitions []TopicPartition 1+ ignorable
    Topic string
    Partitions []int32
  GenerationId int32 2+ = -1 ignorable
  RackId string? 3+ = null ignorable

ConsumerProtocolAssignment: data, versions 0-3, flexible none
  AssignedPartitions []TopicPartition
    Topic string
    Partitions []int32
  UserData bytes? = null
"""
