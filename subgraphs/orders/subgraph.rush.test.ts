import { afterEach, beforeAll, expect, test } from 'vitest'
import { isOutage } from '#platform/calls.ts'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { BAG, BOUGHT, codes, MUG, NOTHING, TEE } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const MINUTES = 4 * 60_000

const { shop, at } = await shopForTests()
// What takes longer than its caller waits is finished by recovery.
beforeAll(() => shop.work())
afterEach(async () => expect(await at.broken()).toEqual([]))

type Purchase = Awaited<ReturnType<typeof at.checkoutOf>>

const purchases = async (count: number, linesOf: (index: number) => [string, number][]): Promise<Purchase[]> => {
  const all: Purchase[] = []
  const next = async (): Promise<void> => {
    for (let index = all.length; index < count; index = all.length) {
      const place = all.push(undefined as never) - 1
      all[place] = await at.checkoutOf(index % 2 ? aGuest() : aCustomer(), linesOf(index))
    }
  }
  await Promise.all(Array.from({ length: 8 }, next))
  return all
}

// A machine that is busy answers before the end, or not in time; whoever sends the key again hears of it.
const completed = async ({ buyer, input }: Purchase) => {
  for (;;) {
    const answer = await at.complete(buyer, input).catch((error: unknown) => {
      if (!isOutage(error)) throw error
    })
    if (answer && !['PROCESSING', 'COMPENSATING'].includes(answer.checkout.status)) return answer
  }
}

const unitsSold = async (variantId: string): Promise<number> => {
  const [row] = await at.sql<{ units: number }>(
    `select coalesce(sum(quantity), 0)::int as units from orders.order_lines where variant_id = $1`,
    variantId,
  )
  return row!.units
}

test(
  'two hundred buyers of ten units: ten orders; the others hear how much is left and no bank hears of them',
  { timeout: MINUTES },
  async () => {
    await at.stock(TEE, 10)
    const all = await purchases(200, () => [[TEE, 1]])
    const answers = await Promise.all(all.map(completed))
    expect(answers.filter(({ order }) => order)).toHaveLength(10)
    const lost = answers.flatMap((answer, index) => (answer.order ? [] : [{ answer, purchase: all[index]! }]))
    expect(lost).toHaveLength(190)
    expect(new Set(lost.flatMap(({ answer }) => codes(answer)))).toEqual(new Set(['INSUFFICIENT_STOCK']))
    const ids = lost.map(({ purchase }) => purchase.input.checkoutId)
    expect(
      await at.sql(`select id from payments.payments where checkout_id = any($1::text[]::uuid[])`, `{${ids.join()}}`),
    ).toEqual([])
    for (const { purchase } of lost.slice(0, 5)) expect(await at.heldFor(purchase.input.checkoutId)).toEqual(NOTHING)
    expect(await unitsSold(TEE)).toBe(10)
  },
)

test('one key fifty times at once: one order, one authorisation, one capture', { timeout: MINUTES }, async () => {
  const [purchase] = (await purchases(1, () => [[MUG, 1]])) as [Purchase]
  const answers = await Promise.all(Array.from({ length: 50 }, () => completed(purchase)))
  expect(new Set(answers.map(({ order }) => order.id)).size).toBe(1)
  expect(answers.flatMap(codes)).toEqual([])
  const captured = Math.round(Number(purchase.cart.total.amount) * 100)
  expect(await at.chargedFor(purchase.input.checkoutId)).toEqual({ authorizations: 1, captured })
})

test('fifty keys at once on one cart: one order, one authorisation, one capture', { timeout: MINUTES }, async () => {
  const [{ buyer, cart, input }] = (await purchases(1, () => [[MUG, 1]])) as [Purchase]
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => at.complete(buyer, { ...input, idempotencyKey: uuidv7() })),
  )
  expect(answers.filter((answer) => codes(answer).length === 0)).toHaveLength(1)
  for (const code of answers.flatMap(codes)) expect(['CONFLICT', 'STATE_TRANSITION']).toContain(code)
  expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
  const captured = Math.round(Number(cart.total.amount) * 100)
  expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
})

test(
  'a hundred carts of the same goods in opposite order: no deadlock, and nobody is refused',
  { timeout: MINUTES },
  async () => {
    for (const variant of [TEE, BAG]) await at.stock(variant, 100)
    const orders: [string, number][][] = [
      [
        [TEE, 1],
        [BAG, 1],
      ],
      [
        [BAG, 1],
        [TEE, 1],
      ],
    ]
    const all = await purchases(100, (index) => orders[index % 2]!)
    const answers = await Promise.all(all.map(completed))
    expect(answers.flatMap(codes)).toEqual([])
    expect(answers.filter(({ checkout }) => checkout.status === 'COMPLETED')).toHaveLength(100)
  },
)
