"""Metrics, quotas, plug-ins and remote storage."""

SETTINGS = """
metric.reporters list = org.apache.kafka.common.metrics.JmxReporter cluster only:plugins
    Classes that are told of metrics. Metrics are read over HTTP here.
kafka.metrics.reporters list = "" only:plugins
    Older classes that are told of metrics.
kafka.metrics.polling.interval.secs int = 10 [1..]
    How often those are told.
metrics.num.samples int = 2 [1..]
    Samples kept of each metric.
metrics.sample.window.ms long = 30000 [1..]
    Length of one sample.
metrics.recording.level string = INFO
    Which metrics are recorded.
telemetry.max.bytes int = 1048576 [1..]
    The largest report of metrics by a client.
config.providers list = "" cluster only:plugins
    Classes that look values up elsewhere.
quota.window.num int = 11 [1..]
    Windows over which the traffic of clients is counted.
quota.window.size.seconds int = 1 [1..]
    Length of such a window.
client.quota.callback.class class only:quotas
    The class that decides on quotas.
remote.log.storage.system.enable boolean = false only:remote
    Whether old segments move to remote storage.
remote.log.storage.manager.class.name string only:remote
    The class that stores segments.
remote.log.storage.manager.class.path string only:remote
    Where that class is found.
remote.log.storage.manager.impl.prefix string = rsm.config.
    Prefix of that class's own settings.
remote.log.metadata.manager.class.name string only:remote
    = org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager
    The class that remembers remote segments.
remote.log.metadata.manager.class.path string only:remote
    Where that class is found.
remote.log.metadata.manager.impl.prefix string = rlmm.config.
    Prefix of that class's own settings.
remote.log.metadata.manager.listener.name string only:remote
    The listener over which that class calls.
remote.log.metadata.custom.metadata.max.bytes int = 128 [0..]
    The most that a plug-in may note of a segment.
remote.log.index.file.cache.total.size.bytes long = 1073741824 [1..] cluster
    Disk for indexes of remote segments.
remote.log.index.file.cache.ttl.ms long = 900000 [-1..] internal
    How long such an index is kept.
remote.log.manager.thread.pool.size int = 2 [1..]
    Threads for remote storage.
remote.log.manager.copier.thread.pool.size int = 10 [1..] cluster
    Threads that copy segments to remote storage.
remote.log.manager.expiration.thread.pool.size int = 10 [1..] cluster
    Threads that delete remote segments.
remote.log.manager.follower.thread.pool.size int = 2 [1..] cluster
    Threads of copies that follow remote storage.
remote.log.manager.task.interval.ms long = 30000 [1..]
    How often remote storage is worked on.
remote.log.manager.task.retry.backoff.ms long = 500 [1..] internal
    First pause after a fault of remote storage.
remote.log.manager.task.retry.backoff.max.ms long = 30000 [1..] internal
    Longest pause after a fault of remote storage.
remote.log.manager.task.retry.jitter double = 0.2 [0..0.5] internal
    How much those pauses differ by chance.
remote.log.manager.copy.max.bytes.per.second long = 9223372036854775807 [1..] cluster
    Bytes a second to remote storage.
remote.log.manager.copy.quota.window.num int = 11 [1..]
    Windows over which those bytes are counted.
remote.log.manager.copy.quota.window.size.seconds int = 1 [1..]
    Length of such a window.
remote.log.manager.fetch.max.bytes.per.second long = 9223372036854775807 [1..] cluster
    Bytes a second from remote storage.
remote.log.manager.fetch.quota.window.num int = 11 [1..]
    Windows over which those bytes are counted.
remote.log.manager.fetch.quota.window.size.seconds int = 1 [1..]
    Length of such a window.
remote.log.reader.threads int = 10 [1..] cluster
    Threads that read remote segments.
remote.log.reader.max.pending.tasks int = 100 [1..]
    Reads of remote segments that may wait.
remote.fetch.max.wait.ms int = 500 [1..] cluster
    How long a fetch waits for remote storage.
remote.list.offsets.request.timeout.ms long = 30000 [1..] cluster
    How long a search for an offset waits for remote storage.
log.local.retention.ms long = -2 [-2..] cluster
    How long a segment stays on disk once it is in remote storage.
log.local.retention.bytes long = -2 [-2..] cluster
    Bytes that stay on disk once they are in remote storage.
follower.fetch.last.tiered.offset.enable boolean = false cluster
    Whether an empty copy starts at the end of remote storage.
"""
