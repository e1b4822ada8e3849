"""Configs of a group, each with the broker setting that gives its default. They concern the newer group protocols."""

SETTINGS = """
consumer.assignment.interval.ms int = 1000 [0..] acts <- group.consumer.assignment.interval.ms
    The shortest time between two assignments.
consumer.heartbeat.interval.ms int = 5000 [1..] acts <- group.consumer.heartbeat.interval.ms
    How often members report.
consumer.session.timeout.ms int = 45000 [1..] acts <- group.consumer.session.timeout.ms
    Silence after which a member is out.
share.assignment.interval.ms int = 1000 [0..] acts <- group.share.assignment.interval.ms
    The shortest time between two assignments of a share group.
share.auto.offset.reset string = latest <reset> acts
    Where a share group begins: earliest, latest, or by_duration: with an ISO 8601 duration back from now.
share.delivery.count.limit int = 5 [2..] acts <- group.share.delivery.count.limit
    How often a record is handed out before it is given up.
share.heartbeat.interval.ms int = 5000 [1..] acts <- group.share.heartbeat.interval.ms
    How often members of a share group report.
share.isolation.level string = read_uncommitted {read_committed read_uncommitted} acts
    Whether a share group sees records of transactions that are not committed.
share.partition.max.record.locks int = 2000 [100..] acts <- group.share.partition.max.record.locks
    Records of one partition that may be out at once.
share.record.lock.duration.ms int = 30000 [1000..] acts <- group.share.record.lock.duration.ms
    How long a record belongs to the member that took it.
share.renew.acknowledge.enable boolean = true acts
    Whether a member may ask for more time for a record.
share.session.timeout.ms int = 45000 [1..] acts <- group.share.session.timeout.ms
    Silence after which a member of a share group is out.
streams.assignment.interval.ms int = 1000 [0..] acts <- group.streams.assignment.interval.ms
    The shortest time between two assignments of a streams group.
streams.heartbeat.interval.ms int = 5000 [1..] acts <- group.streams.heartbeat.interval.ms
    How often members of a streams group report.
streams.initial.rebalance.delay.ms int = 3000 [0..] acts <- group.streams.initial.rebalance.delay.ms
    How long a new streams group waits for more members before it starts.
streams.num.standby.replicas int = 0 [0..] acts <- group.streams.num.standby.replicas
    Spare copies of each task's state.
streams.session.timeout.ms int = 45000 [1..] acts <- group.streams.session.timeout.ms
    Silence after which a member of a streams group is out.
"""
