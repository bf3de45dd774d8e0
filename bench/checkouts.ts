// Purchases a second: what a shop is measured by on its best day.
import type { Visitor } from '../tests/system/client.ts'
import { openCheckout, payment, readyCart, type Line } from '../tests/system/buying.ts'
import { guestAt } from '../tests/system/people.ts'
import { load, perSecond, percentile } from './load.ts'
import { openPgbench } from './pgbench.ts'
import { CONNECTIONS, type Request, type Shop } from './shop.ts'
import { countOf, type Batch } from './statements.ts'

export interface Purchases {
  title: string
  buyers: number
  count: number
  /** Of them, those whose answer did not come in time: the shop finishes them by itself. */
  late: number
  perSecond: number
  p50: number
  p99: number
  cpuMs: number
  /** pgbench's TPC-B-like transactions a second with as many clients, right after; null without pgbench. */
  yardstick: number | null
}

export interface Cost {
  statements: number
  roundTrips: number
  byPart: Readonly<Record<string, number>>
}

/** Buyers at a time. */
export const BUYERS = [16, 64]

const SECONDS = 5
const SAMPLES = 40

const COMPLETE = `mutation CheckoutComplete($checkoutId: ID!, $paymentToken: String, $expectedTotal: MoneyInput!, $idempotencyKey: String!) {
  checkoutComplete(input: { checkoutId: $checkoutId, paymentToken: $paymentToken, expectedTotal: $expectedTotal, idempotencyKey: $idempotencyKey }) {
    checkout { id status }
    order { id number status total { amount currencyCode } }
    userErrors { code message }
  }
}`

/** Which goods the buyers want: each two of the catalogue's, or all of them the same two. */
const variants = {
  distinct: (ids: readonly string[], index: number) => [
    ids[(2 * index) % ids.length]!,
    ids[(2 * index + 1) % ids.length]!,
  ],
  contended: (ids: readonly string[]) => [ids[0]!, ids[1]!],
}

/** Measures both variants with each number of buyers, and what one purchase costs. */
export async function measureCheckouts(
  shop: Shop,
  { prepareSeconds, tell }: { prepareSeconds: number; tell(figures: Purchases): void },
): Promise<Cost> {
  const ids = await sellable(shop)
  const yardstick = shop.hasPgbench ? await openPgbench(shop.admin, shop.config.DATABASE_URL!) : null
  // It also warms the shop up.
  const cost = await costOf(shop, ids)
  for (const [title, linesOf] of Object.entries(variants)) {
    for (const buyers of BUYERS) {
      const requests = await prepared(shop, prepareSeconds, (index) => linesOf(ids, index))
      const next = requests.values()
      let late = 0
      const before = await shop.cpuMs()
      const measured = await load(buyers, SECONDS, async () => {
        const { value } = next.next()
        if (value) await shop.send(value).catch((error: unknown) => (late += lateness(error)))
        return value !== undefined
      })
      const count = measured.latencies.length
      tell({
        title,
        buyers,
        count,
        late,
        perSecond: perSecond(measured),
        p50: percentile(measured.latencies, 0.5),
        p99: percentile(measured.latencies, 0.99),
        cpuMs: ((await shop.cpuMs()) - before) / count,
        yardstick: yardstick && (await yardstick(buyers, SECONDS)),
      })
    }
  }
  return cost
}

// Anything else is no measurement.
function lateness(error: unknown): 1 {
  if (!String(error).includes('SUBGRAPH_TIMEOUT')) throw error
  return 1
}

async function sellable({ admin }: Shop): Promise<string[]> {
  const rows = await admin<{ id: string }[]>`
    select v.id from inventory.variants v join inventory.products p on p.id = v.product_id and p.status = 'ACTIVE'
    where exists (select from inventory.stock_levels l where l.variant_id = v.id) order by v.id`
  return rows.map(({ id }) => id)
}

/** As many purchases, ready to be paid, as there is time for. */
async function prepared(shop: Shop, seconds: number, goodsOf: (index: number) => string[]): Promise<Request[]> {
  const requests: Request[] = []
  let begun = 0
  await load(CONNECTIONS, seconds, async () => {
    const lines = goodsOf((begun += 1)).map((variantId): Line => ({ variantId, quantity: 1 }))
    requests.push(await ready(await guestAt(shop.origin), lines))
    return true
  })
  return requests
}

async function ready(visitor: Visitor, lines: readonly Line[]): Promise<Request> {
  const { cartId, total } = await readyCart(visitor, lines, 'bench@example.com')
  const variables = await payment(visitor, await openCheckout(visitor, cartId), total)
  return { query: COMPLETE, variables, accessToken: visitor.accessToken }
}

/** The SQL of one purchase of two lines; of several the one with the fewest, beside which no job of the shop's ran. */
async function costOf(shop: Shop, ids: readonly string[]): Promise<Cost> {
  const requests: Request[] = []
  for (let index = 0; index < SAMPLES; index += 1) {
    const lines = variants.contended(ids).map((variantId) => ({ variantId, quantity: 1 }))
    requests.push(await ready(await guestAt(shop.origin), lines))
  }
  const samples = await shop.statements.during(shop.admin, SAMPLES, () => shop.send(requests.pop()!))
  const batches = samples.sort((a, b) => countOf(a) - countOf(b))[0]!
  const byPart: Record<string, number> = {}
  for (const { part, statements } of batches) byPart[part] = (byPart[part] ?? 0) + statements.length
  return { statements: countOf(batches), roundTrips: roundTripsOf(batches), byPart }
}

// Each statement is prepared, and one round trip; a transaction adds its BEGIN and its COMMIT.
const roundTripsOf = (batches: readonly Batch[]): number =>
  countOf(batches) + 2 * batches.filter(({ isTransaction }) => isTransaction).length
