// The four journeys with @platformatic/kafka.
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

import { main, numbered, partitions, travelInGroup, until } from './journeys.mjs'

const TOPIC_RESOURCE = 2
const NEW = '848-'

async function withAdmin (bootstrap, work) {
  const admin = new Admin({ clientId: 'journeys', bootstrapBrokers: [bootstrap] })
  try {
    return await work(admin)
  } finally {
    await admin.close()
  }
}

async function create (bootstrap, topic, count, configs = []) {
  await withAdmin(bootstrap, admin => admin.createTopics({ topics: [topic], partitions: count, replicas: 1, configs }))
}

async function produce (bootstrap, topic, from, to, codec = 'none', count = 1) {
  const producer = new Producer({
    clientId: 'journeys', bootstrapBrokers: [bootstrap], serializers: stringSerializers
  })
  const messages = [...numbered(from, to)].map(record => ({
    topic,
    key: record.key,
    value: record.value,
    headers: { h: record.header },
    timestamp: BigInt(record.timestamp),
    partition: record.number % count
  }))
  await producer.send({ messages, compression: codec, acks: -1 })
  await producer.close()
}

async function topics (bootstrap, topic) {
  await create(bootstrap, topic, partitions, [{ name: 'retention.ms', value: '3600000' }])
  return await withAdmin(bootstrap, async admin => {
    const described = await admin.metadata({ topics: [topic], forceUpdate: true })
    const [{ configs }] = await admin.describeConfigs({
      resources: [{ resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: ['retention.ms'] }]
    })
    const listed = (await admin.listTopics()).includes(topic)
    await admin.deleteTopics({ topics: [topic] })
    // Apache Kafka's brokers hear of a deletion a moment after the reply.
    await until('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
    return {
      partitions: described.topics.get(topic).partitionsCount,
      config: configs[0].value,
      listed,
      listed_after_delete: false
    }
  })
}

// An assignor of the broker's, by the consumer protocol, or one of the client's, by the classic one.
function membership (assignor) {
  if (assignor.startsWith(NEW)) {
    return { groupProtocol: 'consumer', groupRemoteAssignor: assignor.slice(NEW.length) }
  }
  return {
    protocols: [{ name: assignor, version: 1 }],
    sessionTimeout: 6000,
    rebalanceTimeout: 6000,
    heartbeatInterval: 300
  }
}

// One consumer of the group; `read` gets each message in turn and commits what it wants.
async function join (bootstrap, topic, groupId, read, assignor = 'roundrobin') {
  const consumer = new Consumer({
    clientId: 'journeys',
    groupId,
    bootstrapBrokers: [bootstrap],
    deserializers: stringDeserializers,
    ...membership(assignor),
    maxWaitTime: 100,
    autocommit: false
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const reading = (async () => {
    for await (const message of stream) await read(message)
  })()
  return {
    share: () => (consumer.assignments ?? []).filter(a => a.topic === topic).flatMap(a => a.partitions).sort(),
    leave: async () => {
      await stream.close()
      await consumer.close(true)
      await reading
    }
  }
}

async function codec (bootstrap, topic, name) {
  await create(bootstrap, topic, 1)
  await produce(bootstrap, topic, 0, 200, name)
  const records = []
  const reader = await join(bootstrap, topic, `${topic}-reader`, async message => {
    const { offset, key, value, headers, timestamp } = message
    records.push([Number(offset), key, value, headers.get('h'), Number(timestamp)])
  })
  await until('200 records are read', () => records.length >= 200)
  await reader.leave()
  return { records }
}

async function group (bootstrap, topic, assignor) {
  await create(bootstrap, topic, partitions)
  const values = []
  const read = async message => {
    values.push(message.value.split('-')[0])
    await message.commit()
  }
  return await travelInGroup(
    values,
    () => join(bootstrap, topic, `${topic}-group`, read, assignor),
    (from, to) => produce(bootstrap, topic, from, to, 'none', partitions)
  )
}

// Commits the records below `below` before leaving; reads that far for it.
async function firstOffset (bootstrap, topic, below) {
  const seen = []
  const member = await join(bootstrap, topic, `${topic}-group`, async message => {
    const offset = Number(message.offset)
    if (below !== undefined && offset < below) await message.commit()
    seen.push(offset)
  })
  await until('the records are read', () => seen.length >= (below ?? 1))
  await member.leave()
  return seen[0]
}

async function offsets (bootstrap, topic) {
  const groupId = `${topic}-group`
  await create(bootstrap, topic, 1)
  await produce(bootstrap, topic, 0, 10)
  await firstOffset(bootstrap, topic, 5)
  const afterCommit = await firstOffset(bootstrap, topic)
  await withAdmin(bootstrap, admin => admin.alterConsumerGroupOffsets({
    groupId, topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 2n }] }]
  }))
  const afterReset = await firstOffset(bootstrap, topic)
  const left = await withAdmin(bootstrap, async admin => {
    await admin.deleteGroups({ groups: [groupId] })
    return await admin.listConsumerGroupOffsets({ groups: [{ groupId, topics: [{ name: topic, partitionIndexes: [0] }] }] })
  })
  return {
    first_after_commit: afterCommit,
    first_after_reset: afterReset,
    committed_after_delete: Number(left[0].topics[0].partitions[0].committedOffset)
  }
}

await main({ topics, codec, group, offsets })
