// What both Node clients say and how they are asked; tests/compat/journeys.py tells the form.

export const partitions = 4
const timeoutMs = 40_000

export async function main (journeys) {
  const [journey, bootstrap, topic, option] = process.argv.slice(2)
  console.log(JSON.stringify(await journeys[journey](bootstrap, topic, option)))
  // Clients keep sockets and timers; the journey is over.
  process.exit(0)
}

export async function until (what, ready) {
  const deadline = Date.now() + timeoutMs
  while (!(await ready())) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export function * numbered (from, to) {
  for (let number = from; number < to; number++) {
    yield {
      number,
      key: `k${number}`,
      value: `v${number}-${'x'.repeat(100)}`,
      header: String(number),
      timestamp: 1_700_000_000_000 + number
    }
  }
}

// join() gives {share(), leave()}; produce(from, to) spreads records over the partitions.
export async function travelInGroup (values, join, produce) {
  const first = await join()
  await produce(0, 20)
  await until('20 records are read', () => new Set(values).size >= 20)
  const alone = first.share()
  const second = await join()
  await until('both hold two', () => first.share().length === 2 && second.share().length === 2)
  const shared = [first.share(), second.share()]
  await produce(20, 40)
  await until('40 records are read', () => new Set(values).size >= 40)
  await second.leave()
  await until('one holds all', () => first.share().length === partitions)
  const afterLeave = first.share()
  await produce(40, 60)
  await until('60 records are read', () => new Set(values).size >= 60)
  await first.leave()
  return { alone, shared, after_leave: afterLeave, values }
}
