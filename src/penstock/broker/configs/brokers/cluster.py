"""What concerns other nodes: the quorum of controllers, and copies. One node has neither."""

SETTINGS = """
controller.quorum.voters list = "" acts
    The voters of the quorum; one at most, this node.
controller.quorum.bootstrap.servers list = "" acts
    Where the quorum is found; one address at most, this node's.
controller.quorum.append.linger.ms int = 25 [0..]
    How long metadata records are gathered before they are written.
controller.quorum.auto.join.enable boolean = false
    Whether a controller joins the quorum by itself.
controller.quorum.election.backoff.max.ms int = 1000 [0..]
    Longest pause between elections.
controller.quorum.election.timeout.ms int = 1000 [0..]
    How long a candidate waits for votes.
controller.quorum.fetch.max.bytes int = 1048576 [1..]
    Metadata fetched at once by another node.
controller.quorum.fetch.snapshot.max.bytes int = 1048576 [1..]
    Bytes of a metadata snapshot fetched at once by another node.
controller.quorum.fetch.timeout.ms int = 2000 [0..]
    Silence of the leader after which another one is elected.
controller.quorum.request.timeout.ms int = 2000 [0..]
    How long a node of the quorum waits for an answer.
controller.quorum.retry.backoff.ms int = 20 [0..]
    Pause before a request in the quorum is sent again.
controller.socket.timeout.ms int = 30000
    How long a broker waits for the controller's answer.
controller.quota.window.num int = 11 [1..]
    Windows over which changes of topics are counted.
controller.quota.window.size.seconds int = 1 [1..]
    Length of such a window.
controller.performance.always.log.threshold.ms long = 2000 [0..] internal
    Controller events slower than this are logged.
controller.performance.sample.period.ms long = 60000 [100..] internal
    How often a slow controller event is logged.
controlled.shutdown.enable boolean = true
    Whether leadership is handed on before a broker stops.
broker.heartbeat.interval.ms int = 2000
    How often a broker reports to the controller.
broker.session.timeout.ms int = 9000
    Silence after which a broker is out.
initial.broker.registration.timeout.ms int = 60000
    How long a broker tries to register with the controller.
auto.leader.rebalance.enable boolean = true
    Whether leadership goes back to preferred copies.
leader.imbalance.check.interval.seconds long = 300 [1..]
    How often that is looked at.
unclean.leader.election.interval.ms long = 300000 [1..] internal
    How often partitions without a leader are looked at.
metadata.log.segment.bytes int = 1073741824 [8388608..]
    segment.bytes of the metadata log.
metadata.log.segment.ms long = 604800000
    segment.ms of the metadata log.
metadata.log.max.record.bytes.between.snapshots long = 20971520 [1..]
    Metadata after which a snapshot is made.
metadata.log.max.snapshot.interval.ms long = 3600000 [0..]
    Time after which a snapshot is made.
metadata.max.idle.interval.ms int = 500 [0..]
    How often an idle controller writes an empty record.
metadata.max.retention.bytes long = 104857600
    Metadata kept after a snapshot, in bytes.
metadata.max.retention.ms long = 604800000
    Metadata kept after a snapshot, in time.
internal.metadata.delete.delay.millis long = 60000 internal
    How long deleted metadata files stay under another name.
internal.metadata.log.segment.bytes int internal
    segment.bytes of the metadata log, for tests of Kafka.
internal.metadata.max.batch.size.in.bytes int = 8388608 internal
    The largest batch of metadata records.
num.replica.fetchers int = 1 [1..] cluster
    Threads that copy from each leader.
num.replica.alter.log.dirs.threads int
    Threads that move partitions between directories.
replica.alter.log.dirs.io.max.bytes.per.second long = 9223372036854775807 [0..] cluster internal
    Bytes a second for moving partitions between directories.
leader.replication.throttled.rate long = 9223372036854775807 [0..] cluster internal
    Bytes a second that leaders send to throttled copies.
follower.replication.throttled.rate long = 9223372036854775807 [0..] cluster internal
    Bytes a second that throttled copies receive.
replica.fetch.backoff.ms int = 1000 [0..]
    Pause of a copy after an error.
replica.fetch.max.bytes int = 1048576 [0..]
    Bytes a copy fetches of one partition at once.
replica.fetch.min.bytes int = 1
    Bytes a copy waits for.
replica.fetch.response.max.bytes int = 10485760 [0..]
    Bytes a copy fetches at once.
replica.fetch.wait.max.ms int = 500
    How long a copy waits for bytes.
replica.high.watermark.checkpoint.interval.ms long = 5000
    How often high watermarks are noted.
replica.lag.time.max.ms long = 30000
    How long a copy may lag and still count as in sync.
replica.socket.receive.buffer.bytes int = 65536
    SO_RCVBUF of connections between brokers.
replica.socket.timeout.ms int = 30000
    How long a copy waits for the leader's answer.
replica.selector.class string only:plugins
    The class that chooses the copy a consumer reads from.
replication.quota.window.num int = 11 [1..]
    Windows over which copied bytes are counted.
replication.quota.window.size.seconds int = 1 [1..]
    Length of such a window.
alter.log.dirs.replication.quota.window.num int = 11 [1..]
    Windows over which moved bytes are counted.
alter.log.dirs.replication.quota.window.size.seconds int = 1 [1..]
    Length of such a window.
"""
