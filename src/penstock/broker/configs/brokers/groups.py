"""Groups, their offsets, and the offsets topic."""

SETTINGS = """
group.min.session.timeout.ms int = 6000 [1..] acts
    The shortest session that a member may ask for.
group.max.session.timeout.ms int = 1800000 [1..] acts
    The longest session that a member may ask for.
group.initial.rebalance.delay.ms int = 3000 [0..] acts
    How long a new group waits for more members before it starts.
group.max.size int = 2147483647 [1..] acts
    Members of one group.
group.coordinator.rebalance.protocols list = classic,consumer,streams {consumer classic share streams} acts
    Which group protocols may be spoken.
group.coordinator.threads int = 4 [1..]
    Threads for groups; one loop does that work here.
group.coordinator.background.threads int = 2 [1..]
    Threads for the chores of groups.
group.coordinator.append.linger.ms int = -1 [-1..]
    How long records of groups are gathered before they are written.
group.coordinator.cached.buffer.max.bytes int = 1048588 [524288..] cluster
    The largest buffer kept for writing records of groups.
offset.metadata.max.bytes int = 4096 [0..] acts
    The longest note that a member may leave beside an offset.
offsets.topic.num.partitions int = 50 [1..] acts
    Partitions of __consumer_offsets, fixed when it is created.
offsets.topic.replication.factor short = 1 only:one-node
    Copies of __consumer_offsets. One node holds one.
offsets.topic.segment.bytes int = 104857600 [1..] acts
    segment.bytes of __consumer_offsets.
offsets.topic.compression.codec int = 0 [0..4] acts
    Codec of __consumer_offsets by its number; 0 is none.
offsets.retention.minutes int = 10080 [1..] acts
    Offsets of a group without members are forgotten after this time.
offsets.retention.check.interval.ms long = 600000 [1..] acts
    How often offsets are looked at for that.
offsets.commit.timeout.ms int = 5000 [1..]
    How long a commit waits for copies; there is one.
offsets.load.buffer.size int = 5242880 [1..]
    Bytes read at once while groups are loaded.
group.consumer.session.timeout.ms int = 45000 [1..] acts
    Silence after which a member is out, in groups of the newer protocol.
group.consumer.min.session.timeout.ms int = 45000 [1..] acts
    The least that a group's own consumer.session.timeout.ms may be.
group.consumer.max.session.timeout.ms int = 60000 [1..] acts
    The most that a group's own consumer.session.timeout.ms may be.
group.consumer.heartbeat.interval.ms int = 5000 [1..] acts
    How often members of the newer protocol report.
group.consumer.min.heartbeat.interval.ms int = 5000 [1..] acts
    The least that a group's own consumer.heartbeat.interval.ms may be.
group.consumer.max.heartbeat.interval.ms int = 15000 [1..] acts
    The most that a group's own consumer.heartbeat.interval.ms may be.
group.consumer.assignment.interval.ms int = 1000 [0..] cluster acts
    The shortest time between two assignments.
group.consumer.min.assignment.interval.ms int = 0 [0..] acts
    The least that a group's own consumer.assignment.interval.ms may be.
group.consumer.max.assignment.interval.ms int = 15000 [0..] acts
    The most that a group's own consumer.assignment.interval.ms may be.
group.consumer.max.size int = 2147483647 [1..] acts
    Members of one group of the newer protocol.
group.consumer.assignors list = uniform,range <assignors> acts
    How partitions are shared out; the first is the default.
group.consumer.migration.policy string = bidirectional {DISABLED DOWNGRADE UPGRADE BIDIRECTIONAL}i acts
    Which way groups may change between the protocols.
group.consumer.regex.refresh.interval.ms int = 600000 [10000..] internal acts
    How often subscriptions by pattern look for new topics.
group.share.session.timeout.ms int = 45000 [1..] acts
    Silence after which a member of a share group is out.
group.share.min.session.timeout.ms int = 45000 [1..] acts
    The least that a group's own share.session.timeout.ms may be.
group.share.max.session.timeout.ms int = 60000 [1..] acts
    The most that a group's own share.session.timeout.ms may be.
group.share.heartbeat.interval.ms int = 5000 [1..] acts
    How often members of share groups report.
group.share.min.heartbeat.interval.ms int = 5000 [1..] acts
    The least that a group's own share.heartbeat.interval.ms may be.
group.share.max.heartbeat.interval.ms int = 15000 [1..] acts
    The most that a group's own share.heartbeat.interval.ms may be.
group.share.assignment.interval.ms int = 1000 [0..] cluster acts
    The shortest time between two assignments of a share group.
group.share.min.assignment.interval.ms int = 0 [0..] acts
    The least that a group's own share.assignment.interval.ms may be.
group.share.max.assignment.interval.ms int = 15000 [0..] acts
    The most that a group's own share.assignment.interval.ms may be.
group.share.max.size int = 200 [1..1000] acts
    Members of one share group.
group.share.assignors list = simple
    How partitions are shared out in share groups.
group.share.delivery.count.limit int = 5 [2..10] acts
    How often a record is handed out before it is given up.
group.share.min.delivery.count.limit int = 2 [2..5] acts
    The least that a group's own share.delivery.count.limit may be.
group.share.max.delivery.count.limit int = 10 [5..25] acts
    The most that a group's own share.delivery.count.limit may be.
group.share.record.lock.duration.ms int = 30000 [1000..3600000] acts
    How long a record belongs to the member that took it.
group.share.min.record.lock.duration.ms int = 15000 [1000..30000] acts
    The least that a group's own share.record.lock.duration.ms may be.
group.share.max.record.lock.duration.ms int = 60000 [30000..3600000] acts
    The most that a group's own share.record.lock.duration.ms may be.
group.share.partition.max.record.locks int = 2000 [100..10000] acts
    Records of one partition that may be out at once.
group.share.min.partition.max.record.locks int = 100 [100..2000] acts
    The least that a group's own share.partition.max.record.locks may be.
group.share.max.partition.max.record.locks int = 4000 [2000..10000] acts
    The most that a group's own share.partition.max.record.locks may be.
group.share.max.share.sessions int = 2000 [1..] acts
    Share sessions kept.
group.share.initialize.retry.interval.ms int = 30000 [1..] internal
    How soon a failed start of a share partition is tried again.
group.share.persister.class.name string internal only:plugins
    = org.apache.kafka.server.share.persister.DefaultStatePersister
    The class that keeps the state of share groups.
group.streams.session.timeout.ms int = 45000 [1..] acts
    Silence after which a member of a streams group is out.
group.streams.min.session.timeout.ms int = 45000 [1..] acts
    The least that a group's own streams.session.timeout.ms may be.
group.streams.max.session.timeout.ms int = 60000 [1..] acts
    The most that a group's own streams.session.timeout.ms may be.
group.streams.heartbeat.interval.ms int = 5000 [1..] acts
    How often members of streams groups report.
group.streams.min.heartbeat.interval.ms int = 5000 [1..] acts
    The least that a group's own streams.heartbeat.interval.ms may be.
group.streams.max.heartbeat.interval.ms int = 15000 [1..] acts
    The most that a group's own streams.heartbeat.interval.ms may be.
group.streams.assignment.interval.ms int = 1000 [0..] cluster acts
    The shortest time between two assignments of a streams group.
group.streams.min.assignment.interval.ms int = 0 [0..] acts
    The least that a group's own streams.assignment.interval.ms may be.
group.streams.max.assignment.interval.ms int = 15000 [0..] acts
    The most that a group's own streams.assignment.interval.ms may be.
group.streams.max.size int = 2147483647 [1..] acts
    Members of one streams group.
group.streams.num.standby.replicas int = 0 [0..] acts
    Spare copies of each task's state.
group.streams.max.standby.replicas int = 2 [0..] acts
    The most that a group's own streams.num.standby.replicas may be.
group.streams.initial.rebalance.delay.ms int = 3000 [0..] acts
    How long a new streams group waits for more members before it starts.
"""
