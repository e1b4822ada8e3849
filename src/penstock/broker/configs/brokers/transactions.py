"""Transactions, and the state of share groups."""

SETTINGS = """
transaction.max.timeout.ms int = 900000 [1..] acts
    The longest timeout that a transactional producer may ask for.
transactional.id.expiration.ms int = 604800000 [1..] acts
    A transactional id that is silent this long is forgotten.
transaction.state.log.num.partitions int = 50 [1..] acts
    Partitions of __transaction_state.
transaction.state.log.replication.factor short = 1 only:one-node
    Copies of __transaction_state. One node holds one.
transaction.state.log.min.isr int = 1 only:one-node
    min.insync.replicas of __transaction_state. One node holds one copy.
transaction.state.log.segment.bytes int = 104857600 [1..] acts
    segment.bytes of __transaction_state.
transaction.state.log.load.buffer.size int = 5242880 [1..]
    Bytes read at once while transactions are loaded.
transaction.abort.timed.out.transaction.cleanup.interval.ms int = 10000 [1..] acts
    How often transactions are looked at for their timeout.
transaction.remove.expired.transaction.cleanup.interval.ms int = 3600000 [1..] acts
    How often transactional ids are looked at for their expiry.
transaction.partition.verification.enable boolean = true cluster acts
    Whether a transactional write is checked against its coordinator.
transaction.two.phase.commit.enable boolean = false only:two-phase
    Whether outside coordinators may hold transactions open.
add.partitions.to.txn.retry.backoff.ms int = 20 [1..]
    First pause before a transactional write is checked again.
add.partitions.to.txn.retry.backoff.max.ms int = 100 [0..]
    Longest pause before a transactional write is checked again.
share.coordinator.state.topic.num.partitions int = 50 [1..] acts
    Partitions of __share_group_state.
share.coordinator.state.topic.replication.factor short = 1 only:one-node
    Copies of __share_group_state. One node holds one.
share.coordinator.state.topic.min.isr short = 1 only:one-node
    min.insync.replicas of __share_group_state. One node holds one copy.
share.coordinator.state.topic.segment.bytes int = 104857600 [1..] acts
    segment.bytes of __share_group_state.
share.coordinator.state.topic.compression.codec int = 0 [0..4] acts
    Codec of __share_group_state by its number; 0 is none.
share.coordinator.state.topic.prune.interval.ms int = 300000 [1..] internal acts
    How often old state of share groups is deleted.
share.coordinator.append.linger.ms int = -1 [-1..]
    How long records of share groups are gathered before they are written.
share.coordinator.cached.buffer.max.bytes int = 1048588 [524288..] cluster
    The largest buffer kept for writing records of share groups.
share.coordinator.cold.partition.snapshot.interval.ms int = 300000 [1..] internal acts
    How often share partitions without traffic are summed up.
share.coordinator.load.buffer.size int = 5242880 [1..]
    Bytes read at once while share groups are loaded.
share.coordinator.snapshot.update.records.per.snapshot int = 500 [0..500] acts
    Changes of a share partition between two full records.
share.coordinator.threads int = 1 [1..]
    Threads for share groups.
share.coordinator.write.timeout.ms int = 5000 [1..]
    How long a write of share state waits for copies.
"""
