import type { BareLoop } from './bare-loop.ts'
import { load, perSecond, percentile, together, type Load } from './load.ts'
import type { Operation } from './operations.ts'
import { CONNECTIONS, type Shop } from './shop.ts'
import { countOf } from './statements.ts'

export interface Figures {
  requests: number
  perSecond: number
  p50: number
  p99: number
  /** CPU time of the shop's process for one request, in milliseconds. */
  cpuMs: number
  statements: number
  /** Times a second that the bare loop sends the same statements; null when they cannot be sent twice. */
  barePerSecond: number | null
}

const WARM_UP_SECONDS = 1
const ROUNDS = 3
const ROUND_SECONDS = 2
const BARE_SECONDS = 1
const SAMPLES = 9

/** Measures `operation` and, in turns with it so that a busy machine is busy for both, the bare loop. */
export async function measure(shop: Shop, bare: BareLoop, operation: Operation): Promise<Figures> {
  const requests = await operation.requests(shop.origin)
  const sendNext = async () => {
    const { value } = requests.next()
    if (value) await shop.send(value)
    return value !== undefined
  }
  await load(CONNECTIONS, WARM_UP_SECONDS, sendNext)
  const samples = await shop.statements.during(shop.admin, SAMPLES, sendNext)
  // The median request: now and then a job of the shop's runs beside one.
  const batches = samples.sort((a, b) => countOf(a) - countOf(b))[Math.floor(SAMPLES / 2)]!
  const isComparable = batches.length > 0 && !operation.isFinal

  const ours: Load[] = []
  const theirs: Load[] = []
  let cpuMs = 0
  if (isComparable) await bare.run(batches, CONNECTIONS, BARE_SECONDS)
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await shop.cpuMs()
    ours.push(await load(CONNECTIONS, ROUND_SECONDS, sendNext))
    cpuMs += (await shop.cpuMs()) - before
    if (isComparable) theirs.push(await bare.run(batches, CONNECTIONS, BARE_SECONDS))
  }
  const all = together(ours)
  return {
    requests: all.latencies.length,
    perSecond: perSecond(all),
    p50: percentile(all.latencies, 0.5),
    p99: percentile(all.latencies, 0.99),
    cpuMs: cpuMs / all.latencies.length,
    statements: countOf(batches),
    barePerSecond: isComparable ? perSecond(together(theirs)) : null,
  }
}
