import type { BareLoop } from './bare-loop.ts'
import { load, perSecond, percentile, together, type Load } from './load.ts'
import type { Operation } from './operations.ts'
import { CONNECTIONS, type Request, type Shop } from './shop.ts'
import { countOf, type Batch } from './statements.ts'

export interface Figures {
  perSecond: number
  p50: number
  p99: number
  /** CPU time of the shop's process for one request, in milliseconds. */
  cpuMs: number
  statements: number
  /** Times a second that the bare loop sends the same statements; null when there are none. */
  barePerSecond: number | null
}

const WARM_UP_SECONDS = 2
const ROUNDS = 3
const ROUND_SECONDS = 2
const BARE_SECONDS = 1
const SAMPLES = 9

/** Measures `operation` and, in turns with it so that a busy machine is busy for both, the bare loop. */
export async function measure(shop: Shop, bare: BareLoop, operation: Operation): Promise<Figures> {
  const requests = await operation.requests(shop.send)
  let sent: Request | undefined
  const sendNext = async () => {
    const { value } = requests.next()
    if (!value) return false
    sent = value
    await shop.send(value)
    return true
  }
  await load(CONNECTIONS, WARM_UP_SECONDS, sendNext)
  const { batches, kept } = await typical(shop, sendNext, () => sent)

  const ours: Load[] = []
  const theirs: Load[] = []
  let cpuMs = 0
  const runBare = (seconds: number) => bare.run(batches, kept, CONNECTIONS, seconds)
  if (batches.length > 0) await runBare(BARE_SECONDS / 2)
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await shop.cpuMs()
    ours.push(await load(CONNECTIONS, ROUND_SECONDS, sendNext))
    cpuMs += (await shop.cpuMs()) - before
    if (batches.length > 0) theirs.push(await runBare(BARE_SECONDS))
  }
  const all = together(ours)
  return {
    perSecond: perSecond(all),
    p50: percentile(all.latencies, 0.5),
    p99: percentile(all.latencies, 0.99),
    cpuMs: cpuMs / all.latencies.length,
    statements: countOf(batches),
    barePerSecond: theirs.length > 0 ? perSecond(together(theirs)) : null,
  }
}

// Of a few requests the one with the median number of statements: now and then a job of the shop's runs beside one.
async function typical(shop: Shop, sendNext: () => Promise<boolean>, last: () => Request | undefined) {
  const variables: string[] = []
  const samples = await shop.statements.during(shop.admin, SAMPLES, async () => {
    await sendNext()
    variables.push(JSON.stringify(last()?.variables ?? {}))
  })
  const ranked = samples
    .map((batches: Batch[], index) => ({ batches, kept: variables[index]! }))
    .sort((a, b) => countOf(a.batches) - countOf(b.batches))
  return ranked[Math.floor(SAMPLES / 2)]!
}
