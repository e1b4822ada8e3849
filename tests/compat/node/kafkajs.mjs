// The four journeys with kafkajs.
import { lz4Compress, lz4Decompress } from '@platformatic/wasm-utils'
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import zlib from 'node:zlib'

import { main, numbered, partitions, travelInGroup, until } from './journeys.mjs'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs

// kafkajs brings gzip and asks its users for the others.
CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => lz4Compress(encoder.buffer),
  decompress: async buffer => lz4Decompress(buffer)
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => zlib.zstdCompressSync(encoder.buffer),
  decompress: async buffer => zlib.zstdDecompressSync(buffer)
})
const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
}

function connect (bootstrap) {
  return new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR })
}

async function withAdmin (bootstrap, work) {
  const admin = connect(bootstrap).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

async function create (bootstrap, topic, numPartitions, configEntries = []) {
  const topics = [{ topic, numPartitions, replicationFactor: 1, configEntries }]
  await withAdmin(bootstrap, admin => admin.createTopics({ topics, waitForLeaders: true }))
}

async function produce (bootstrap, topic, from, to, codec = 'none', count = 1) {
  const producer = connect(bootstrap).producer()
  await producer.connect()
  const messages = [...numbered(from, to)].map(record => ({
    key: record.key,
    value: record.value,
    headers: { h: record.header },
    timestamp: String(record.timestamp),
    partition: record.number % count
  }))
  await producer.send({ topic, messages, compression: codecs[codec], acks: -1 })
  await producer.disconnect()
}

async function topics (bootstrap, topic) {
  await create(bootstrap, topic, partitions, [{ name: 'retention.ms', value: '3600000' }])
  return await withAdmin(bootstrap, async admin => {
    const described = await admin.fetchTopicMetadata({ topics: [topic] })
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }]
    })
    const listed = (await admin.listTopics()).includes(topic)
    await admin.deleteTopics({ topics: [topic] })
    // Apache Kafka's brokers hear of a deletion a moment after the reply.
    await until('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
    return {
      partitions: described.topics[0].partitions.length,
      config: resources[0].configEntries[0].configValue,
      listed,
      listed_after_delete: false
    }
  })
}

// One consumer of the group; `read` gets each message and the consumer, offsets are committed by `read` alone.
async function join (bootstrap, topic, groupId, read) {
  const consumer = connect(bootstrap).consumer({
    groupId, sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 300, maxWaitTimeInMs: 100
  })
  let held = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { held = payload.memberAssignment[topic] ?? [] })
  consumer.on(consumer.events.REBALANCING, () => { held = [] })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => await read(consumer, partition, message)
  })
  return { share: () => [...held].sort(), leave: () => consumer.disconnect() }
}

async function codec (bootstrap, topic, name) {
  await create(bootstrap, topic, 1)
  await produce(bootstrap, topic, 0, 200, name)
  const records = []
  const reader = await join(bootstrap, topic, `${topic}-reader`, async (_, partition, message) => {
    const { offset, key, value, headers, timestamp } = message
    records.push([Number(offset), key.toString(), value.toString(), headers.h.toString(), Number(timestamp)])
  })
  await until('200 records are read', () => records.length >= 200)
  await reader.leave()
  return { records }
}

async function group (bootstrap, topic) {
  await create(bootstrap, topic, partitions)
  const values = []
  const read = async (consumer, partition, message) => {
    values.push(message.value.toString().split('-')[0])
    await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
  }
  return await travelInGroup(
    values,
    () => join(bootstrap, topic, `${topic}-group`, read),
    (from, to) => produce(bootstrap, topic, from, to, 'none', partitions)
  )
}

async function firstOffset (bootstrap, topic, commitAt) {
  let first
  const member = await join(bootstrap, topic, `${topic}-group`, async (consumer, partition, message) => {
    if (first === undefined && commitAt !== undefined) {
      await consumer.commitOffsets([{ topic, partition, offset: String(commitAt) }])
    }
    first ??= Number(message.offset)
  })
  await until('a record is read', () => first !== undefined)
  await member.leave()
  return first
}

async function offsets (bootstrap, topic) {
  const groupId = `${topic}-group`
  await create(bootstrap, topic, 1)
  await produce(bootstrap, topic, 0, 10)
  await firstOffset(bootstrap, topic, 5)
  const afterCommit = await firstOffset(bootstrap, topic)
  await withAdmin(bootstrap, admin =>
    admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] }))
  const afterReset = await firstOffset(bootstrap, topic)
  const left = await withAdmin(bootstrap, async admin => {
    await admin.deleteGroups([groupId])
    return await admin.fetchOffsets({ groupId, topics: [topic] })
  })
  return {
    first_after_commit: afterCommit,
    first_after_reset: afterReset,
    committed_after_delete: Number(left[0].partitions[0].offset)
  }
}

await main({ topics, codec, group, offsets })
