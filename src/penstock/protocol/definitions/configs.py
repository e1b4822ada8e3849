"""Settings of topics, brokers, groups, and feature levels."""

MESSAGES = """
DescribeConfigsRequest: request 32, versions 1-4, flexible 4+, listeners broker controller
  Resources []DescribeConfigsResource
    ResourceType int8
    ResourceName string
    ConfigurationKeys []string?
  IncludeSynonyms bool
  IncludeDocumentation bool 3+

DescribeConfigsResponse: response 32, versions 1-4, flexible 4+
  ThrottleTimeMs int32
  Results []DescribeConfigsResult
    ErrorCode int16
    ErrorMessage string?
    ResourceType int8
    ResourceName string
    Configs []DescribeConfigsResourceResult
      Name string
      Value string?
      ReadOnly bool
      ConfigSource int8 = -1 ignorable
      IsSensitive bool
      Synonyms []DescribeConfigsSynonym ignorable
        Name string
        Value string?
        Source int8
      ConfigType int8 3+ ignorable
      Documentation string? 3+ ignorable

AlterConfigsRequest: request 33, versions 0-2, flexible 2+, listeners broker controller
  Resources []AlterConfigsResource
    ResourceType int8
    ResourceName string
    Configs []AlterableConfig
      Name string
      Value string?
  ValidateOnly bool

AlterConfigsResponse: response 33, versions 0-2, flexible 2+
  ThrottleTimeMs int32
  Responses []AlterConfigsResourceResponse
    ErrorCode int16
    ErrorMessage string?
    ResourceType int8
    ResourceName string

IncrementalAlterConfigsRequest: request 44, versions 0-1, flexible 1+, listeners broker controller
  Resources []AlterConfigsResource
    ResourceType int8
    ResourceName string
    Configs []AlterableConfig
      Name string
      ConfigOperation int8
      Value string?
  ValidateOnly bool

IncrementalAlterConfigsResponse: response 44, versions 0-1, flexible 1+
  ThrottleTimeMs int32
  Responses []AlterConfigsResourceResponse
    ErrorCode int16
    ErrorMessage string?
    ResourceType int8
    ResourceName string

ListConfigResourcesRequest: request 74, versions 0-1, flexible 0+, listeners broker
  ResourceTypes []int8 1+

ListConfigResourcesResponse: response 74, versions 0-1, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ConfigResources []ConfigResource
    ResourceName string
    ResourceType int8 1+ = 16 ignorable

UpdateFeaturesRequest: request 57, versions 0-2, flexible 0+, listeners broker controller
  timeoutMs int32 = 60000
  FeatureUpdates []FeatureUpdateKey
    Feature string
    MaxVersionLevel int16
    AllowDowngrade bool 0
    UpgradeType int8 1+ = 1
  ValidateOnly bool 1+

UpdateFeaturesResponse: response 57, versions 0-2, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?
  Results []UpdatableFeatureResult 0-1 ignorable
    Feature string
    ErrorCode int16
    ErrorMessage string?
"""
