"""Configs of a topic, each with the broker settings that give its default."""

SETTINGS = """
cleanup.policy list = delete {compact delete} acts <- log.cleanup.policy
    What happens to old records: delete, compact, or both. Logs are not compacted yet, so compact keeps all.
compression.gzip.level int = -1 [1..9 or -1] acts <- compression.gzip.level
    Effort of gzip where the broker compresses.
compression.lz4.level int = 9 [1..17] acts <- compression.lz4.level
    Effort of lz4 where the broker compresses.
compression.type string = producer {uncompressed zstd lz4 snappy gzip producer} acts <- compression.type
    How batches are stored: by a codec, uncompressed, or as the producer sent them.
compression.zstd.level int = 3 [-131072..22] acts <- compression.zstd.level
    Effort of zstd where the broker compresses.
delete.retention.ms long = 86400000 [0..] <- log.cleaner.delete.retention.ms
    How long a deletion marker stays in a compacted log. Logs are not compacted yet.
file.delete.delay.ms long = 60000 [0..] acts <- log.segment.delete.delay.ms
    How long a deleted file stays under another name.
flush.messages long = 9223372036854775807 [1..] acts <- log.flush.interval.messages
    Records after which the log is written through to the disk.
flush.ms long = 9223372036854775807 [0..] acts <- log.flush.interval.ms log.flush.scheduler.interval.ms
    Time after which the log is written through to the disk.
follower.replication.throttled.replicas list = "" <replicas>
    Copies whose receiving is throttled: partition:broker,... or *.
index.interval.bytes int = 4096 [0..] acts <- log.index.interval.bytes
    Bytes of log between two entries of an index.
internal.segment.bytes int internal acts
    segment.bytes below its limit, for tests.
leader.replication.throttled.replicas list = "" <replicas>
    Copies whose sending is throttled: partition:broker,... or *.
local.retention.bytes long = -2 [-2..] <- log.local.retention.bytes
    Bytes that stay on disk once they are in remote storage.
local.retention.ms long = -2 [-2..] <- log.local.retention.ms
    How long a segment stays on disk once it is in remote storage.
max.compaction.lag.ms long = 9223372036854775807 [1..] <- log.cleaner.max.compaction.lag.ms
    How long a record may stay out of compaction. Logs are not compacted yet.
max.message.bytes int = 1048588 [0..] acts <- message.max.bytes
    The largest batch of records, as it is sent.
message.timestamp.after.max.ms long = 3600000 [0..] acts <- log.message.timestamp.after.max.ms
    How far a record's time may lie after the broker's.
message.timestamp.before.max.ms long = 9223372036854775807 [0..] acts <- log.message.timestamp.before.max.ms
    How far a record's time may lie before the broker's.
message.timestamp.type string = CreateTime {CreateTime LogAppendTime} acts <- log.message.timestamp.type
    Whose time a record has: the producer's (CreateTime) or the broker's (LogAppendTime).
min.cleanable.dirty.ratio double = 0.5 [0..1] <- log.cleaner.min.cleanable.ratio
    Share of the log that must be new before it is compacted. Logs are not compacted yet.
min.compaction.lag.ms long = 0 [0..] <- log.cleaner.min.compaction.lag.ms
    How long a record stays out of compaction. Logs are not compacted yet.
min.insync.replicas int = 1 [1..] <- min.insync.replicas
    Copies that must be written for acks=all. One node has one, and that is all that is waited for.
preallocate boolean = false <- log.preallocate
    Whether segment files get their full size when they are made.
remote.log.copy.disable boolean = false
    Whether segments stop moving to remote storage.
remote.log.delete.on.disable boolean = false
    Whether remote segments are deleted when remote storage is switched off.
remote.storage.enable boolean = false only:remote
    Whether old segments move to remote storage.
retention.bytes long = -1 acts <- log.retention.bytes
    The oldest segments are deleted while a partition is larger than this; -1 sets no limit.
retention.ms long [-1..] acts <- log.retention.ms log.retention.minutes*60000 log.retention.hours*3600000
    = 604800000
    Segments older than this are deleted; -1 keeps them.
segment.bytes int = 1073741824 [1048576..] acts <- log.segment.bytes
    A segment file of this size is followed by a new one.
segment.index.bytes int = 10485760 [4..] acts <- log.index.size.max.bytes
    The largest offset index; a full one is followed by a new segment.
segment.jitter.ms long = 0 [0..] acts <- log.roll.jitter.ms log.roll.jitter.hours*3600000
    Up to so much is taken from segment.ms, by chance, so that not all logs roll together.
segment.ms long = 604800000 [1..] acts <- log.roll.ms log.roll.hours*3600000
    A segment of this age is followed by a new one.
unclean.leader.election.enable boolean = false <- unclean.leader.election.enable
    Whether a copy that lags may lead; there is one copy.
"""
