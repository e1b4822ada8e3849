"""SASL, access control lists, SCRAM credentials, delegation tokens."""

MESSAGES = """
SaslHandshakeRequest: request 17, versions 0-1, flexible none, listeners broker controller
  Mechanism string

SaslHandshakeResponse: response 17, versions 0-1, flexible none
  ErrorCode int16
  Mechanisms []string

SaslAuthenticateRequest: request 36, versions 0-2, flexible 2+, listeners broker controller
  AuthBytes bytes

SaslAuthenticateResponse: response 36, versions 0-2, flexible 2+
  ErrorCode int16
  ErrorMessage string?
  AuthBytes bytes
  SessionLifetimeMs int64 1+ ignorable

DescribeAclsRequest: request 29, versions 1-3, flexible 2+, listeners broker controller
  ResourceTypeFilter int8
  ResourceNameFilter string?
  PatternTypeFilter int8 = 3
  PrincipalFilter string?
  HostFilter string?
  Operation int8
  PermissionType int8

DescribeAclsResponse: response 29, versions 1-3, flexible 2+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?
  Resources []DescribeAclsResource
    ResourceType int8
    ResourceName string
    PatternType int8 = 3
    Acls []AclDescription
      Principal string
      Host string
      Operation int8
      PermissionType int8

CreateAclsRequest: request 30, versions 1-3, flexible 2+, listeners broker controller
  Creations []AclCreation
    ResourceType int8
    ResourceName string
    ResourcePatternType int8 = 3
    Principal string
    Host string
    Operation int8
    PermissionType int8

CreateAclsResponse: response 30, versions 1-3, flexible 2+
  ThrottleTimeMs int32
  Results []AclCreationResult
    ErrorCode int16
    ErrorMessage string?

DeleteAclsRequest: request 31, versions 1-3, flexible 2+, listeners broker controller
  Filters []DeleteAclsFilter
    ResourceTypeFilter int8
    ResourceNameFilter string?
    PatternTypeFilter int8 = 3
    PrincipalFilter string?
    HostFilter string?
    Operation int8
    PermissionType int8

DeleteAclsResponse: response 31, versions 1-3, flexible 2+
  ThrottleTimeMs int32
  FilterResults []DeleteAclsFilterResult
    ErrorCode int16
    ErrorMessage string?
    MatchingAcls []DeleteAclsMatchingAcl
      ErrorCode int16
      ErrorMessage string?
      ResourceType int8
      ResourceName string
      PatternType int8 = 3
      Principal string
      Host string
      Operation int8
      PermissionType int8

DescribeUserScramCredentialsRequest: request 50, versions 0, flexible 0+, listeners broker controller
  Users []UserName?
    Name string

DescribeUserScramCredentialsResponse: response 50, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?
  Results []DescribeUserScramCredentialsResult
    User string
    ErrorCode int16
    ErrorMessage string?
    CredentialInfos []CredentialInfo
      Mechanism int8
      Iterations int32

AlterUserScramCredentialsRequest: request 51, versions 0, flexible 0+, listeners broker controller
  Deletions []ScramCredentialDeletion
    Name string
    Mechanism int8
  Upsertions []ScramCredentialUpsertion
    Name string
    Mechanism int8
    Iterations int32
    Salt bytes
    SaltedPassword bytes

AlterUserScramCredentialsResponse: response 51, versions 0, flexible 0+
  ThrottleTimeMs int32
  Results []AlterUserScramCredentialsResult
    User string
    ErrorCode int16
    ErrorMessage string?

CreateDelegationTokenRequest: request 38, versions 1-3, flexible 2+, listeners broker controller
  OwnerPrincipalType string? 3+
  OwnerPrincipalName string? 3+
  Renewers []CreatableRenewers
    PrincipalType string
    PrincipalName string
  MaxLifetimeMs int64

CreateDelegationTokenResponse: response 38, versions 1-3, flexible 2+
  ErrorCode int16
  PrincipalType string
  PrincipalName string
  TokenRequesterPrincipalType string 3+
  TokenRequesterPrincipalName string 3+
  IssueTimestampMs int64
  ExpiryTimestampMs int64
  MaxTimestampMs int64
  TokenId string
  Hmac bytes
  ThrottleTimeMs int32

RenewDelegationTokenRequest: request 39, versions 1-2, flexible 2+, listeners broker controller
  Hmac bytes
  RenewPeriodMs int64

RenewDelegationTokenResponse: response 39, versions 1-2, flexible 2+
  ErrorCode int16
  ExpiryTimestampMs int64
  ThrottleTimeMs int32

ExpireDelegationTokenRequest: request 40, versions 1-2, flexible 2+, listeners broker controller
  Hmac bytes
  ExpiryTimePeriodMs int64

ExpireDelegationTokenResponse: response 40, versions 1-2, flexible 2+
  ErrorCode int16
  ExpiryTimestampMs int64
  ThrottleTimeMs int32

DescribeDelegationTokenRequest: request 41, versions 1-3, flexible 2+, listeners broker controller
  Owners []DescribeDelegationTokenOwner?
    PrincipalType string
    PrincipalName string

DescribeDelegationTokenResponse: response 41, versions 1-3, flexible 2+
  ErrorCode int16
  Tokens []DescribedDelegationToken
    PrincipalType string
    PrincipalName string
    TokenRequesterPrincipalType string 3+
    TokenRequesterPrincipalName string 3+
    IssueTimestamp int64
    ExpiryTimestamp int64
    MaxTimestamp int64
    TokenId string
    Hmac bytes
    Renewers []DescribedDelegationTokenRenewer
      PrincipalType string
      PrincipalName string
  ThrottleTimeMs int32

DefaultPrincipalData: data, versions 0, flexible 0+
  Type string
  Name string
  TokenAuthenticated bool
"""
