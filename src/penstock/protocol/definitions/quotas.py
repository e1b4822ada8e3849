"""Client quotas and client telemetry."""

MESSAGES = """
DescribeClientQuotasRequest: request 48, versions 0-1, flexible 1+, listeners broker
  Components []ComponentData
    EntityType string
    MatchType int8
    Match string?
  Strict bool

DescribeClientQuotasResponse: response 48, versions 0-1, flexible 1+
  ThrottleTimeMs int32
  ErrorCode int16
  ErrorMessage string?
  Entries []EntryData?
    Entity []EntityData
      EntityType string
      EntityName string?
    Values []ValueData
      Key string
      Value float64

AlterClientQuotasRequest: request 49, versions 0-1, flexible 1+, listeners broker controller
  Entries []EntryData
    Entity []EntityData
      EntityType string
      EntityName string?
    Ops []OpData
      Key string
      Value float64
      Remove bool
  ValidateOnly bool

AlterClientQuotasResponse: response 49, versions 0-1, flexible 1+
  ThrottleTimeMs int32
  Entries []EntryData
    ErrorCode int16
    ErrorMessage string?
    Entity []EntityData
      EntityType string
      EntityName string?

GetTelemetrySubscriptionsRequest: request 71, versions 0, flexible 0+, listeners broker
  ClientInstanceId uuid

GetTelemetrySubscriptionsResponse: response 71, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
  ClientInstanceId uuid
  SubscriptionId int32
  AcceptedCompressionTypes []int8
  PushIntervalMs int32
  TelemetryMaxBytes int32
  DeltaTemporality bool
  RequestedMetrics []string

PushTelemetryRequest: request 72, versions 0, flexible 0+, listeners broker
  ClientInstanceId uuid
  SubscriptionId int32
  Terminating bool
  CompressionType int8
  Metrics bytes

PushTelemetryResponse: response 72, versions 0, flexible 0+
  ThrottleTimeMs int32
  ErrorCode int16
"""
