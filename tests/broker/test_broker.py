"""The broker as a whole: starts, restarts, what it does by itself, and disks that fail."""

import errno

import pytest

from penstock.broker.chores import Chores
from penstock.broker.controller import StartError
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.records.header import read_header
from penstock.testing.broker_in_memory import InMemoryBroker
from penstock.testing.files import FaultyFiles, MemoryFiles
from tests.broker.calls import batch, create, fetch, metadata, offset_of, partitions_of, poll, produce, values_of

DAY_MS = 86_400_000


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    create(broker, "orders", 2)
    return broker


def stored(broker: InMemoryBroker, index: int = 0) -> list[bytes | None]:
    return values_of(partitions_of(fetch(broker, ("orders", index, 0)))["orders", index])


class TestStarts:
    @pytest.mark.parametrize("how", ["restart", "crash"])
    def test_topics_records_and_ids_are_there_again(self, broker, how):
        produce(broker, batch(b"a", b"b"))
        produce(broker, batch(b"c"), index=1)
        topic_id, cluster_id = broker.broker.topics.id_of("orders"), broker.broker.cluster_id

        getattr(broker, how)()

        assert stored(broker) == [b"a", b"b"]
        assert stored(broker, 1) == [b"c"]
        assert broker.broker.topics.id_of("orders") == topic_id
        assert broker.broker.cluster_id == cluster_id

    @pytest.mark.parametrize("how", ["restart", "crash"])
    def test_an_idempotent_producer_goes_on_where_it_was(self, broker, how):
        repeated = batch(b"once", producer_id=7, producer_epoch=0, base_sequence=0)
        produce(broker, repeated)

        getattr(broker, how)()
        again = produce(broker, repeated)
        following = produce(broker, batch(b"next", producer_id=7, producer_epoch=0, base_sequence=1))

        assert (again.error_code, again.base_offset) == (0, 0)
        assert (following.error_code, following.base_offset) == (0, 1)
        assert stored(broker) == [b"once", b"next"]

    def test_deleted_topics_stay_deleted(self, broker):
        broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)

        broker.restart()

        assert metadata(broker, "orders", allow_auto_topic_creation=False).topics[0].error_code == (
            KafkaError.UNKNOWN_TOPIC_OR_PARTITION
        )

    def test_a_deleted_topic_is_gone_after_a_power_cut_with_one_sync_for_all_its_partitions(self):
        files = FaultyFiles(MemoryFiles())
        broker = InMemoryBroker(files=files)
        create(broker, "wide", 50)
        syncs = files.calls["sync_dir"]

        broker.request(messages.DeleteTopicsRequest(topic_names=["wide"], timeout_ms=1_000), 5)

        assert files.calls["sync_dir"] - syncs < 5
        left = files.inner.after_power_cut().list("/data")
        assert [name for name in left if name.startswith("wide") and not name.endswith("-delete")] == []

    def test_configs_and_added_partitions_are_there_again(self, broker):
        create(broker, "brief", retention_ms="1000")
        add = messages.CreatePartitionsRequest
        broker.request(add(topics=[add.CreatePartitionsTopic("brief", 5, None)], timeout_ms=1_000))

        broker.restart()

        topic = broker.broker.topics.by_name["brief"]
        assert len(topic.partitions) == 5
        assert {partition.settings.retention_ms for partition in topic.partitions} == {1_000}

    def test_a_crash_begins_a_new_leader_epoch_and_a_clean_restart_does_not(self, broker):
        produce(broker, batch())

        broker.restart()
        after_restart = metadata(broker, "orders").topics[0].partitions[0].leader_epoch
        broker.crash()
        after_crash = metadata(broker, "orders").topics[0].partitions[0].leader_epoch

        assert (after_restart, after_crash) == (0, 1)

    def test_a_log_without_a_topic_is_removed(self, broker):
        topic_id = b"\7" * 16
        broker.broker.log.create("leftover", 0, topic_id)

        broker.restart()

        assert ("leftover", 0) not in broker.broker.log.partitions
        assert "leftover" not in broker.broker.topics.by_name

    def test_a_log_with_records_whose_topic_nobody_deleted_is_set_aside(self, broker):
        leftover = broker.broker.log.create("lost", 0, b"\7" * 16)
        data = memoryview(bytearray(batch(b"kept")))
        leftover.append(data, read_header(data), broker.clock.now_ms())

        broker.restart()
        broker.clock.advance(DAY_MS)
        broker.broker.tick(broker.clock.now_ms())

        (name,) = (name for name in broker.files.list("/data") if name.startswith("lost-0."))
        assert name.endswith("-stray")
        assert b"kept" in broker.files.read(f"/data/{name}/{'0' * 20}.log")

    def test_the_log_of_a_deleted_topic_that_is_back_after_a_power_cut_is_removed(self, broker):
        topic_id = broker.broker.topics.by_name["orders"].topic_id
        broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)
        back = broker.broker.log.create("orders", 0, topic_id)
        data = memoryview(bytearray(batch()))
        back.append(data, read_header(data), broker.clock.now_ms())

        broker.restart()
        broker.advance(DAY_MS)

        assert not [name for name in broker.files.list("/data") if name.startswith("orders-0")]

    @pytest.mark.parametrize("left", [None, b"nonsense"])
    def test_a_log_whose_topic_id_cannot_be_read_keeps_its_records(self, broker, left):
        produce(broker, batch(b"a"))
        broker.broker.close()
        broker.files.remove("/data/orders-0/partition.metadata")
        if left is not None:
            broker.files.write_atomic("/data/orders-0/partition.metadata", left)

        broker.crash()

        assert stored(broker) == [b"a"]

    def test_a_metadata_log_that_is_damaged_is_not_believed(self, broker):
        broker.broker.close()
        path = f"/data/__cluster_metadata-0/{'0' * 20}.log"
        data = bytearray(broker.files.read(path))
        data[-3] ^= 0xFF
        broker.files.write_atomic(path, bytes(data))

        with pytest.raises(StartError, match="the metadata log is damaged"):
            broker.crash()

        assert broker.files.is_dir("/data/orders-0")

    def test_a_start_that_fails_does_not_vouch_for_what_it_found(self, broker):
        produce(broker, batch(b"a"))
        broker.broker.close()
        path = f"/data/__cluster_metadata-0/{'0' * 20}.log"
        good = broker.files.read(path)
        broker.files.write_atomic(path, good[:-3] + bytes([good[-3] ^ 0xFF]) + good[-2:])

        with pytest.raises(StartError):
            broker.crash()
        marked = broker.files.exists("/data/.kafka_cleanshutdown")
        broker.files.write_atomic(path, good)
        broker.crash()

        assert not marked
        assert stored(broker) == [b"a"]

    def test_partitions_without_a_metadata_log_are_not_touched(self, broker):
        broker.broker.close()
        broker.files.remove_tree("/data/__cluster_metadata-0")

        with pytest.raises(StartError, match="orders"):
            broker.crash()

        assert broker.files.is_dir("/data/orders-0")

    def test_a_partition_lost_from_the_disk_begins_anew(self, broker):
        produce(broker, batch(), index=1)
        broker.broker.close()
        broker.files.remove_tree("/data/orders-1")

        broker.crash()

        assert stored(broker, 1) == []
        assert produce(broker, batch(), index=1).base_offset == 0


class TestTopicsComeAndGo:
    def test_a_topic_created_again_under_its_name_is_empty(self, broker):
        produce(broker, batch())
        broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)

        create(broker, "orders")

        assert stored(broker) == []
        assert broker.broker.topics.by_name["orders"].counters.messages_in.value == 0

    def test_settings_changed_while_the_broker_runs_count_at_once(self, broker):
        alter = messages.IncrementalAlterConfigsRequest
        config = alter.AlterableConfig("max.message.bytes", 0, "1000")
        broker.request(alter(resources=[alter.AlterConfigsResource(2, "orders", [config])]))

        assert produce(broker, batch(bytes(2_000))).error_code == KafkaError.MESSAGE_TOO_LARGE

    def test_defaults_changed_while_the_broker_runs_count_for_topics_without_their_own(self, broker):
        create(broker, "own", max_message_bytes="9000")
        alter = messages.IncrementalAlterConfigsRequest
        config = alter.AlterableConfig("message.max.bytes", 0, "1000")
        answer = broker.request(alter(resources=[alter.AlterConfigsResource(4, "", [config])]))

        assert answer.responses[0].error_code == 0
        assert produce(broker, batch(bytes(2_000))).error_code == KafkaError.MESSAGE_TOO_LARGE
        assert produce(broker, batch(bytes(2_000)), "own").error_code == 0

    def test_a_topic_that_is_flushed_with_every_message_is_durable_by_itself(self, broker):
        create(broker, "careful", flush_messages="1")
        broker.is_syncing = False

        exchange = poll(broker, ("careful", 0, 0))
        produce(broker, batch(b"kept"), "careful")
        before = exchange.over
        broker.sync()
        broker.settle()

        assert not before
        assert values_of(partitions_of(exchange.answer)["careful", 0]) == [b"kept"]


class TestChores:
    def test_old_records_are_deleted_at_the_interval(self):
        broker = InMemoryBroker({"log.retention.check.interval.ms": "1000"})
        create(broker, "orders", retention_ms="5000")
        produce(broker, batch(timestamp_ms=broker.clock.now_ms()))

        broker.advance(5_000)
        kept = offset_of(broker, -2).offset
        broker.advance(1_000)

        assert (kept, offset_of(broker, -2).offset) == (0, 1)

    def test_many_partitions_are_looked_at_a_few_at_a_time(self):
        broker = InMemoryBroker({"log.retention.check.interval.ms": "1000"})
        create(broker, "wide", 600, retention_ms="1000")
        for index in range(600):
            produce(broker, batch(timestamp_ms=broker.clock.now_ms()), "wide", index)
        now_ms = broker.clock.advance(3_000)

        starts = []
        for _ in range(3):
            due_ms = broker.broker.tick(now_ms)
            partitions = broker.broker.topics.by_name["wide"].partitions
            starts.append((sum(partition.log_start for partition in partitions), due_ms == now_ms))

        assert [done for done, _ in starts] == [256, 512, 600]
        assert starts[0][1]

    def test_files_of_deleted_topics_go_after_a_while(self, broker):
        broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)
        before = [name for name in broker.files.list("/data") if name.endswith("-delete")]

        for _ in range(8):
            broker.advance(10_000)

        assert len(before) == 2
        assert [name for name in broker.files.list("/data") if name.endswith("-delete")] == []

    def test_the_next_tick_is_never_in_the_past(self, broker):
        for _ in range(50):
            now_ms = broker.clock.advance(777)
            assert broker.broker.tick(now_ms) >= now_ms

    def test_a_chore_that_fails_does_not_keep_the_others_from_being_done(self):
        done = []
        chores = Chores()
        chores.every(10, lambda now_ms: bool(1 // 0), 0)
        chores.every(10, lambda now_ms: done.append(now_ms) or False, 0)

        with pytest.raises(ZeroDivisionError):
            chores.do(10)
        chores.do(10)

        assert done == [10]

    def test_a_clock_set_back_does_not_stop_the_chores(self):
        broker = InMemoryBroker({"log.retention.check.interval.ms": "1000"})
        broker.clock.set_wall(broker.clock.now_ms() - DAY_MS)
        create(broker, "orders", retention_ms="5000")
        produce(broker, batch(timestamp_ms=broker.clock.now_ms()))

        for _ in range(7):
            broker.advance(1_000)

        assert offset_of(broker, -2).offset == 1

    def test_recovery_points_are_written_down(self, broker):
        produce(broker, batch())

        broker.advance(60_000)

        assert "recovery-point-offset-checkpoint" in broker.files.list("/data")

    def test_offsets_of_groups_expire(self):
        broker = InMemoryBroker({"offsets.retention.minutes": "1", "offsets.retention.check.interval.ms": "1000"})
        create(broker, "orders")
        commit = messages.OffsetCommitRequest
        part = commit.OffsetCommitRequestPartition(0, 5, -1, "")
        topic = commit.OffsetCommitRequestTopic(name="orders", partitions=[part])
        broker.request(commit(group_id="group", topics=[topic]), 9)
        listed = len(broker.request(messages.ListGroupsRequest()).groups)

        for _ in range(70):
            broker.advance(1_000)
            # One partition a call; as a server does, the next call comes at once.
            while broker.broker.tick(broker.clock.now_ms()) <= broker.clock.now_ms():
                pass

        assert listed == 1
        assert broker.request(messages.ListGroupsRequest()).groups == []


def test_fetch_sessions_are_counted(broker):
    fetch(broker, ("orders", 0, 0), ("orders", 1, 0), session=(0, 0))

    families = {family.name: family for family in broker.broker.metrics.registry.snapshot()}

    name = "kafka_server_fetchsessioncache_numincrementalfetch"
    assert families[f"{name}sessions"].samples[0].value == 1
    assert families[f"{name}partitionscached"].samples[0].value == 2


class TestDisksThatFail:
    def test_a_full_disk_refuses_records_and_takes_them_again_when_there_is_room(self):
        files = MemoryFiles()
        broker = InMemoryBroker(files=files)
        create(broker, "orders")
        files.capacity = 0

        refused = produce(broker, batch(b"lost"))
        files.capacity = None
        accepted = produce(broker, batch(b"kept"))

        assert refused.error_code == KafkaError.KAFKA_STORAGE_ERROR
        assert (accepted.error_code, accepted.base_offset) == (0, 0)

    def test_a_topic_is_not_created_on_a_full_disk(self):
        files = MemoryFiles()
        broker = InMemoryBroker(files=files)
        files.capacity = 0
        wanted = messages.CreateTopicsRequest.CreatableTopic(name="orders", num_partitions=3, replication_factor=1)
        request = messages.CreateTopicsRequest(topics=[wanted], timeout_ms=1_000)

        refused = broker.request(request).topics[0]
        files.capacity = None
        created = broker.request(request).topics[0]

        assert refused.error_code == KafkaError.KAFKA_STORAGE_ERROR
        assert created.error_code == 0
        assert produce(broker, batch(), index=2).error_code == 0

    def test_a_partition_that_failed_is_tried_again(self, broker):
        produce(broker, batch(b"kept"))
        broker.broker.sync_failed(broker.broker.topics.find("orders", 0), OSError(errno.EIO, "Input/output error"))
        during = produce(broker, batch())

        broker.advance(2_000)

        assert during.error_code == KafkaError.KAFKA_STORAGE_ERROR
        assert stored(broker) == [b"kept"]
        assert produce(broker, batch()).error_code == 0

    @pytest.mark.parametrize("nth", range(1, 40))
    def test_whatever_disk_call_fails_an_acknowledged_record_is_there_after_a_restart(self, nth):
        """Creating a topic and writing to it, with the n-th call of the disk failing."""
        disk = MemoryFiles()
        broker = InMemoryBroker(files=disk)
        faulty = FaultyFiles(disk, nth, OSError(errno.EIO, "Input/output error"))
        broker.broker.log.files = faulty
        broker.broker.log.ground = broker.broker.log.ground._replace(files=faulty)
        wanted = messages.CreateTopicsRequest.CreatableTopic(name="orders", num_partitions=1, replication_factor=1)
        broker.request(messages.CreateTopicsRequest(topics=[wanted], timeout_ms=1_000))
        acknowledged = [value for value in (b"a", b"b", b"c") if not produce(broker, batch(value)).error_code]

        broker.crash()

        found = stored(broker) if "orders" in broker.broker.topics.by_name else []
        assert [value for value in found if value in acknowledged] == acknowledged
