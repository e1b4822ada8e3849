"""Groups as an administrator sees them."""

MESSAGES = """
DescribeGroupsRequest: request 15, versions 0-6, flexible 5+, listeners broker
  Groups []string
  IncludeAuthorizedOperations bool 3+

DescribeGroupsResponse: response 15, versions 0-6, flexible 5+
  ThrottleTimeMs int32 1+ ignorable
  Groups []DescribedGroup
    ErrorCode int16
    ErrorMessage string? 6+ = null
    GroupId string
    GroupState string
    ProtocolType string
    ProtocolData string
    Members []DescribedGroupMember
      MemberId string
      GroupInstanceId string? 4+ = null ignorable
      ClientId string
      ClientHost string
      MemberMetadata bytes
      MemberAssignment bytes
    AuthorizedOperations int32 3+ = -2147483648

ListGroupsRequest: request 16, versions 0-5, flexible 3+, listeners broker
  StatesFilter []string 4+
  TypesFilter []string 5+

ListGroupsResponse: response 16, versions 0-5, flexible 3+
  ThrottleTimeMs int32 1+ ignorable
  ErrorCode int16
  Groups []ListedGroup
    GroupId string
    ProtocolType string
    GroupState string 4+ ignorable
    GroupType string 5+ ignorable

DeleteGroupsRequest: request 42, versions 0-2, flexible 2+, listeners broker
  GroupsNames []string

DeleteGroupsResponse: response 42, versions 0-2, flexible 2+
  ThrottleTimeMs int32
  Results []DeletableGroupResult
    GroupId string
    ErrorCode int16
"""
