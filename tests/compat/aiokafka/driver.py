"""The four journeys with aiokafka. Usage: driver.py JOURNEY BOOTSTRAP TOPIC [OPTION]"""

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

SECONDS_MAX = 40
ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}


async def create(bootstrap, topic, partitions, config=None):
    async with admin(bootstrap) as client:
        done = await client.create_topics([NewTopic(topic, partitions, 1, topic_configs=config or {})])
        assert all(error[1] == 0 for error in done.topic_errors), done


class admin:
    """The admin client, started and closed."""

    def __init__(self, bootstrap):
        self.client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def __aenter__(self):
        await self.client.start()
        return self.client

    async def __aexit__(self, *_):
        await self.client.close()


async def produce(bootstrap, topic, numbers, codec="none", partitions=1):
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, linger_ms=50
    )
    await producer.start()
    sent = [
        await producer.send(
            topic,
            key=f"k{number}".encode(),
            value=f"v{number}-".encode() + b"x" * 100,
            headers=[("h", str(number).encode())],
            timestamp_ms=1_700_000_000_000 + number,
            partition=number % partitions,
        )
        for number in numbers
    ]
    await asyncio.wait_for(asyncio.gather(*sent), 30)
    await producer.stop()


async def consumer(bootstrap, group, *topics, **settings):
    member = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
        **settings,
    )
    await member.start()
    return member


async def until(ready):
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "gave up waiting"
        await asyncio.sleep(0.02)


async def topics(bootstrap, topic):
    await create(bootstrap, topic, 4, {"retention.ms": "3600000"})
    async with admin(bootstrap) as client:
        described = (await client.describe_topics([topic]))[0]
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})
        config = (await client.describe_configs([resource]))[0].resources[0][4]
        listed = topic in await client.list_topics()
        await client.delete_topics([topic])
        # Apache Kafka's brokers hear of a deletion a moment after the reply.
        deadline = time.monotonic() + SECONDS_MAX
        while topic in await client.list_topics():
            assert time.monotonic() < deadline, "the deleted topic stayed"
            await asyncio.sleep(0.05)
        return {
            "partitions": len(described["partitions"]),
            "config": next(entry[1] for entry in config if entry[0] == "retention.ms"),
            "listed": listed,
            "listed_after_delete": False,
        }


async def codec(bootstrap, topic, name):
    await create(bootstrap, topic, 1)
    await produce(bootstrap, topic, range(200), name)
    reader = await consumer(bootstrap, None)
    reader.assign([TopicPartition(topic, 0)])
    await reader.seek_to_beginning()
    records = []
    deadline = time.monotonic() + SECONDS_MAX
    while len(records) < 200 and time.monotonic() < deadline:
        for batch in (await reader.getmany(timeout_ms=200)).values():
            records.extend(
                [r.offset, r.key.decode(), r.value.decode(), r.headers[0][1].decode(), r.timestamp] for r in batch
            )
    await reader.stop()
    return {"records": records}


class Member:
    """Reads and commits in a task of its own until told to leave."""

    @classmethod
    async def join(cls, bootstrap, topic, assignor, values):
        self = cls()
        strategy = (ASSIGNORS[assignor],)
        self.member = await consumer(bootstrap, f"{topic}-group", topic, partition_assignment_strategy=strategy)
        self.task = asyncio.create_task(self.read(values))
        return self

    async def read(self, values):
        while True:
            got = await self.member.getmany(timeout_ms=100)
            values.extend(r.value.decode().split("-")[0] for batch in got.values() for r in batch)
            if got:
                await self.member.commit()

    @property
    def share(self):
        return sorted(p.partition for p in self.member.assignment())

    async def leave(self):
        self.task.cancel()
        await self.member.stop()


async def group(bootstrap, topic, assignor):
    await create(bootstrap, topic, 4)
    values = []
    first = await Member.join(bootstrap, topic, assignor, values)
    await produce(bootstrap, topic, range(20), partitions=4)
    await until(lambda: len(values) >= 20)
    alone = first.share
    second = await Member.join(bootstrap, topic, assignor, values)
    await until(lambda: len(first.share) == len(second.share) == 2)
    shared = [first.share, second.share]
    await produce(bootstrap, topic, range(20, 40), partitions=4)
    await until(lambda: len(values) >= 40)
    await second.leave()
    await until(lambda: len(first.share) == 4)
    after_leave = first.share
    await produce(bootstrap, topic, range(40, 60), partitions=4)
    await until(lambda: len(values) >= 60)
    await first.leave()
    return {"alone": alone, "shared": shared, "after_leave": after_leave, "values": values}


async def first_offset(bootstrap, topic, commit_at=None):
    """The first offset that the group reads; commits `commit_at` before leaving."""
    member = await consumer(bootstrap, f"{topic}-group", topic)
    first = await asyncio.wait_for(member.getone(), SECONDS_MAX)
    if commit_at is not None:
        await member.commit({TopicPartition(topic, 0): commit_at})
    await member.stop()
    return first.offset


async def offsets(bootstrap, topic):
    await create(bootstrap, topic, 1)
    await produce(bootstrap, topic, range(10))
    await first_offset(bootstrap, topic, commit_at=5)
    after_commit = await first_offset(bootstrap, topic)
    # aiokafka's admin client cannot move a group; a consumer that is no member of it can.
    outsider = await consumer(bootstrap, f"{topic}-group")
    outsider.assign([TopicPartition(topic, 0)])
    await outsider.commit({TopicPartition(topic, 0): 2})
    await outsider.stop()
    return {"first_after_commit": after_commit, "first_after_reset": await first_offset(bootstrap, topic)}


if __name__ == "__main__":
    journeys = {"topics": topics, "codec": codec, "group": group, "offsets": offsets}
    print(json.dumps(asyncio.run(journeys[sys.argv[1]](*sys.argv[2:]))))
