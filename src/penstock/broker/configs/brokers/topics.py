"""Topics, and the logs of their partitions."""

SETTINGS = """
num.partitions int = 1 [1..] acts
    Partitions of a topic that is created without a number.
default.replication.factor int = 1 only:one-node
    Copies of a topic that is created without a number. One node holds one.
auto.create.topics.enable boolean = true acts
    Whether a client that asks for an unknown topic makes it exist.
delete.topic.enable boolean = true acts
    Whether topics may be deleted.
min.insync.replicas int = 1 [1..] cluster
    Copies that must be written for acks=all. One node has one, and that is all that is waited for.
unclean.leader.election.enable boolean = false cluster
    Whether a copy that lags may lead; there is one copy.
message.max.bytes int = 1048588 [0..] cluster acts
    The largest batch of records, as it is sent.
compression.type string = producer {uncompressed zstd lz4 snappy gzip producer} cluster acts
    How batches are stored: by a codec, uncompressed, or as the producer sent them.
compression.gzip.level int = -1 [1..9 or -1] cluster acts
    Effort of gzip where the broker compresses.
compression.lz4.level int = 9 [1..17] cluster acts
    Effort of lz4 where the broker compresses.
compression.zstd.level int = 3 [-131072..22] cluster acts
    Effort of zstd where the broker compresses.
log.segment.bytes int = 1073741824 [1048576..] cluster acts
    A segment file of this size is followed by a new one.
log.roll.ms long [1..] cluster acts
    A segment of this age is followed by a new one.
log.roll.hours int = 168 [1..] acts
    log.roll.ms in hours, if that is not set.
log.roll.jitter.ms long [0..] cluster acts
    Up to so much is taken from log.roll.ms, by chance, so that not all logs roll together.
log.roll.jitter.hours int = 0 [0..] acts
    log.roll.jitter.ms in hours, if that is not set.
log.index.size.max.bytes int = 10485760 [4..] cluster acts
    The largest offset index; a full one is followed by a new segment.
log.index.interval.bytes int = 4096 [0..] cluster acts
    Bytes of log between two entries of an index.
log.preallocate boolean = false cluster
    Whether segment files get their full size when they are made.
log.retention.ms long [1.. or -1] cluster acts
    Segments older than this are deleted; -1 keeps them.
log.retention.minutes int [1.. or -1] acts
    log.retention.ms in minutes, if that is not set.
log.retention.hours int = 168 [1.. or -1] acts
    log.retention.ms in hours, if neither ms nor minutes are set.
log.retention.bytes long = -1 cluster acts
    The oldest segments are deleted while a partition is larger than this; -1 sets no limit.
log.retention.check.interval.ms long = 300000 [1..] acts
    How often segments are looked at for deletion.
log.segment.delete.delay.ms long = 60000 [0..] cluster acts
    How long a deleted file stays under another name.
log.cleanup.policy list = delete {compact delete} cluster acts
    What happens to old records: delete, compact, or both. Logs are not compacted yet, so compact keeps all.
log.message.timestamp.type string = CreateTime {CreateTime LogAppendTime} cluster acts
    Whose time a record has: the producer's (CreateTime) or the broker's (LogAppendTime).
log.message.timestamp.before.max.ms long = 9223372036854775807 [0..] cluster acts
    How far a record's time may lie before the broker's.
log.message.timestamp.after.max.ms long = 3600000 [0..] cluster acts
    How far a record's time may lie after the broker's.
log.flush.interval.messages long = 9223372036854775807 [1..] cluster acts
    Records after which a log is written through to the disk.
log.flush.interval.ms long [0..] cluster acts
    Time after which a log is written through to the disk.
log.flush.scheduler.interval.ms long = 9223372036854775807 [1..] acts
    log.flush.interval.ms, if that is not set.
log.flush.offset.checkpoint.interval.ms int = 60000 [0..] acts
    How often it is noted up to where logs need no recovery.
log.flush.start.offset.checkpoint.interval.ms int = 60000 [0..] acts
    How often the first offsets of logs are noted.
log.initial.task.delay.ms long = 30000 [0..] internal
    How long after its start a broker first looks at its logs.
log.dir.failure.timeout.ms long = 30000 [1..]
    How long a broker goes on that cannot report a failed directory to the controller.
log.cleaner.enable boolean = true
    Whether logs are compacted at all. They are not yet.
log.cleaner.threads int = 1 [0..] cluster
    Threads that compact.
log.cleaner.io.max.bytes.per.second double = 1.7976931348623157E308 cluster
    Bytes a second that compaction may read and write.
log.cleaner.dedupe.buffer.size long = 134217728 cluster
    Memory for the keys of logs that are compacted.
log.cleaner.io.buffer.size int = 524288 [0..] cluster
    Memory for reading and writing while compacting.
log.cleaner.io.buffer.load.factor double = 0.9 cluster
    How full the memory for keys may get.
log.cleaner.backoff.ms long = 15000 [0..] cluster
    Rest of the compactor when there is nothing to do.
log.cleaner.min.cleanable.ratio double = 0.5 [0..1] cluster
    Share of a log that must be new before it is compacted. Logs are not compacted yet.
log.cleaner.min.compaction.lag.ms long = 0 [0..] cluster
    How long a record stays out of compaction. Logs are not compacted yet.
log.cleaner.max.compaction.lag.ms long = 9223372036854775807 [1..] cluster
    How long a record may stay out of compaction. Logs are not compacted yet.
log.cleaner.delete.retention.ms long = 86400000 [0..] cluster
    How long a deletion marker stays in a compacted log. Logs are not compacted yet.
producer.id.expiration.ms int = 86400000 [1..] cluster acts
    A producer that is silent this long is forgotten, and with it what it sent before.
producer.id.expiration.check.interval.ms int = 600000 [1..] internal
    How often silent producers are looked for; that is done with log.retention.check.interval.ms.
create.topic.policy.class.name class only:plugins
    A class that may refuse new topics.
alter.config.policy.class.name class only:plugins
    A class that may refuse new configs.
"""
