"""Control records inside logs, and the file of producers' states beside a log."""

MESSAGES = """
ControlRecordTypeSchema: data, versions 0, flexible none
  Type int16

EndTxnMarker: data, versions 0, flexible none
  CoordinatorEpoch int32

LeaderChangeMessage: data, versions 0-1, flexible 0+
  Version int16
  LeaderId int32
  Voters []Voter
  GrantingVoters []Voter
  struct Voter
    VoterId int32
    VoterDirectoryId uuid 1+

SnapshotHeaderRecord: data, versions 0, flexible 0+
  Version int16
  LastContainedLogTimestamp int64

SnapshotFooterRecord: data, versions 0, flexible 0+
  Version int16

KRaftVersionRecord: data, versions 0, flexible 0+
  Version int16
  KRaftVersion int16

VotersRecord: data, versions 0, flexible 0+
  Version int16
  Voters []Voter
    VoterId int32
    VoterDirectoryId uuid
    Endpoints []Endpoint
      Name string
      Host string
      Port uint16
    KRaftVersionFeature KRaftVersionFeature
      MinSupportedVersion int16
      MaxSupportedVersion int16

ProducerSnapshot: data, versions 1, flexible none
  Crc uint32
  ProducerEntries []ProducerEntry
    ProducerId int64
    Epoch int16
    LastSequence int32
    LastOffset int64
    OffsetDelta int32
    Timestamp int64
    CoordinatorEpoch int32
    CurrentTxnFirstOffset int64
"""
