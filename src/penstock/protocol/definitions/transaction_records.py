"""Records of __transaction_state and __share_group_state."""

MESSAGES = """
TransactionLogKey: key 0, versions 0, flexible none
  TransactionalId string

TransactionLogValue: value 0, versions 0-1, flexible 1+
  ProducerId int64
  PreviousProducerId int64 1+ tag 0 = -1
  NextProducerId int64 1+ tag 1 = -1
  ProducerEpoch int16
  NextProducerEpoch int16 1+ tag 3 = -1
  TransactionTimeoutMs int32
  TransactionStatus int8
  TransactionPartitions []PartitionsSchema?
    Topic string
    PartitionIds []int32
  TransactionLastUpdateTimestampMs int64
  TransactionStartTimestampMs int64
  ClientTransactionVersion int16 1+ tag 2

ShareSnapshotKey: key 0, versions 0, flexible none
  GroupId string
  TopicId uuid
  Partition int32

ShareSnapshotValue: value 0, versions 0, flexible 0+
  SnapshotEpoch int32
  StateEpoch int32
  LeaderEpoch int32
  StartOffset int64
  DeliveryCompleteCount int32 tag 0 = -1
  CreateTimestamp int64
  WriteTimestamp int64
  StateBatches []StateBatch
    FirstOffset int64
    LastOffset int64
    DeliveryState int8
    DeliveryCount int16

ShareUpdateKey: key 1, versions 0, flexible none
  GroupId string
  TopicId uuid
  Partition int32

ShareUpdateValue: value 1, versions 0, flexible 0+
  SnapshotEpoch int32
  LeaderEpoch int32
  StartOffset int64
  DeliveryCompleteCount int32 tag 0 = -1
  StateBatches []StateBatch
    FirstOffset int64
    LastOffset int64
    DeliveryState int8
    DeliveryCount int16
"""
