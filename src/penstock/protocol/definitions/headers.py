"""What stands before every request and every response."""

MESSAGES = """
RequestHeader: header, versions 1-2, flexible 2+
  RequestApiKey int16
  RequestApiVersion int16
  CorrelationId int32
  ClientId string? inflexible

ResponseHeader: header, versions 0-1, flexible 1+
  CorrelationId int32
"""
