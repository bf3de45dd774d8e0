import fc from 'fast-check'
import { expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { expireReservations } from '../inventory/reservations.ts'
import { BOUGHT, codes, DECLINED, NOTHING, TEE, VISA } from './buying.fixture.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const RUNS = 6
const COMMANDS = 14

const { at } = await shopForTests()

/** What a shop with one article and some purchases of it comes to, whatever goes on inside. */
interface Model {
  free: number
  purchases: { units: number; status: 'OPEN' | 'COMPLETED' | 'CANCELLED' }[]
}

/** The purchases as they really are, in the same order. */
type Real = { purchase: Awaited<ReturnType<typeof at.checkoutOf>>; lastInput: object | null; orderId: string | null }[]
type Command = fc.AsyncCommand<Model, Real>

const recover = async () => {
  for (const minutes of [10, 20, 30]) {
    await recoverCheckouts(at.later(minutes))
  }
  await at.sql('delete from payments.sandbox_faults')
}

async function check(model: Model, real: Real): Promise<void> {
  for (const [index, { status }] of model.purchases.entries()) {
    const { buyer, input } = real[index]!.purchase
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status })
    const held = await at.heldFor(input.checkoutId)
    expect(held).toEqual(status === 'COMPLETED' ? BOUGHT : NOTHING)
  }
  const [row] = await at.sql<{ free: number }>(
    `select sum(on_hand - committed - reserved)::int as free from inventory.stock_levels where variant_id = $1`,
    TEE,
  )
  expect(row!.free).toBe(model.free)
  expect(await at.broken()).toEqual([])
}

/** A command on one of the purchases there are. */
const onOne = (
  name: string,
  pick: number,
  act: (model: Model, real: Real, index: number) => Promise<void>,
): Command => ({
  check: ({ purchases }) => purchases.length > 0,
  async run(model, real) {
    await act(model, real, pick % model.purchases.length)
    await check(model, real)
  },
  toString: () => `${name} ${pick}`,
})

const begin = (units: number): Command => ({
  check: ({ free }) => free >= units,
  async run(model, real) {
    const purchase = await at.checkoutOf(aGuest(), [[TEE, units]])
    model.purchases.push({ units, status: 'OPEN' })
    real.push({ purchase, lastInput: null, orderId: null })
  },
  toString: () => `begin ${units}`,
})

const count = (units: number): Command => ({
  check: () => true,
  async run(model, real) {
    await at.stock(TEE, units)
    model.free = units
    await check(model, real)
  },
  toString: () => `count ${units}`,
})

const attempt = async (each: Real[number], cardNumber: string) => {
  const { buyer, input } = each.purchase
  each.lastInput = { ...input, paymentToken: await at.token(cardNumber), idempotencyKey: uuidv7() }
  return await at.complete(buyer, each.lastInput)
}

const complete = (pick: number, cardNumber: string, faults: readonly string[]): Command =>
  onOne(`complete ${cardNumber} ${faults.join()}`, pick, async (model, real, index) => {
    const [expected, each] = [model.purchases[index]!, real[index]!]
    await at.planFaults(...faults)
    const before = expected.status
    const answer = await attempt(each, cardNumber)
    await recover()
    if (before !== 'OPEN') {
      expect(codes(answer)).toEqual(['STATE_TRANSITION'])
      expect(answer.order?.id ?? null).toBe(each.orderId)
    } else if (cardNumber === DECLINED || model.free < expected.units) {
      expect(answer.order).toBeNull()
    } else {
      expected.status = 'COMPLETED'
      model.free -= expected.units
      const { buyer, input } = each.purchase
      each.orderId = (await at.read(buyer, input.checkoutId)).order.id
    }
  })

const sendAgain = (pick: number): Command =>
  onOne('send the last key again', pick, async (model, real, index) => {
    const { purchase, lastInput, orderId } = real[index]!
    if (!lastInput) return
    const { order, isReplay } = await at.complete(purchase.buyer, lastInput)
    if (model.purchases[index]!.status === 'COMPLETED' && isReplay) expect(order?.id ?? orderId).toBe(orderId)
  })

const cancel = (pick: number): Command =>
  onOne('cancel', pick, async (model, real, index) => {
    const expected = model.purchases[index]!
    const { buyer, input } = real[index]!.purchase
    const answer = await at.cancel(buyer, input.checkoutId)
    expect(codes(answer)).toEqual(expected.status === 'COMPLETED' ? ['STATE_TRANSITION'] : [])
    if (expected.status === 'OPEN') expected.status = 'CANCELLED'
  })

/** All that are open at once: as many are bought as there are goods for, and no more. */
const rush = (): Command => ({
  check: ({ purchases }) => purchases.filter(({ status }) => status === 'OPEN').length > 1,
  async run(model, real) {
    const open = model.purchases.flatMap((purchase, index) => (purchase.status === 'OPEN' ? [{ purchase, index }] : []))
    const answers = await Promise.all(open.map(({ index }) => attempt(real[index]!, VISA)))
    const left = model.free
    for (const [place, { purchase, index }] of open.entries()) {
      const { order } = answers[place]!
      if (!order) continue
      purchase.status = 'COMPLETED'
      real[index]!.orderId = order.id
      model.free -= purchase.units
    }
    expect(model.free).toBeGreaterThanOrEqual(0)
    const smallest = Math.min(...open.map(({ purchase }) => purchase.units))
    if (left >= smallest) expect(model.free).toBeLessThan(left)
    await check(model, real)
  },
  toString: () => 'rush',
})

const sweep = (): Command => ({
  check: () => true,
  async run(model, real) {
    await expireReservations(at.later(60, 'inventory'))
    await recover()
    await check(model, real)
  },
  toString: () => 'sweep and recover',
})

const pick = fc.nat({ max: 20 })
const lost = fc.constantFrom<string[]>(
  [],
  [],
  ['authorize lost-answer'],
  ['authorize lost-request', 'lookup lost-request'],
  ['capture lost-answer', 'lookup lost-answer'],
)

test(
  'any purchases, refusals, losses and sweeps come to what a shop of one shelf comes to',
  { timeout: 300_000 },
  async () => {
    const commands = fc.commands(
      [
        fc.integer({ min: 1, max: 2 }).map(begin),
        fc.integer({ min: 1, max: 2 }).map(begin),
        fc.integer({ min: 0, max: 5 }).map(count),
        fc.tuple(pick, fc.constantFrom(VISA, VISA, DECLINED), lost).map((args) => complete(...args)),
        pick.map(sendAgain),
        pick.map(cancel),
        fc.constant(null).map(rush),
        fc.constant(null).map(sweep),
      ],
      { maxCommands: COMMANDS, size: 'max' },
    )
    const property = fc.asyncProperty(commands, async (chosen) => {
      await at.stock(TEE, 4)
      await fc.asyncModelRun(() => ({ model: { free: 4, purchases: [] }, real: [] }), chosen)
    })
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
  },
)
