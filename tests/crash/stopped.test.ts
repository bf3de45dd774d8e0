// A process that stands still past its lease, as under a debugger or on an overcommitted machine, while another finishes
// or undoes what it was doing; then it goes on where it stood, with calls that come too late.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stepNames } from '../../subgraphs/orders/checkout.ts'
import { bought, CrashShop, type Ending } from './shop.ts'
import { NOTHING } from '../../subgraphs/orders/buying.fixture.ts'
import { Victim } from './victim.ts'

let shop: CrashShop
let victim: Victim
let count = 0
beforeAll(async () => {
  shop = await CrashShop.open()
  victim = await Victim.start(shop.databaseUrl)
})
afterAll(async () => {
  await victim[Symbol.asyncDispose]()
  await shop[Symbol.asyncDispose]()
  console.log(`${count} processes that stood still made no difference`)
})

/** Stops the process at a failpoint, lets `meanwhile` happen, and lets it go on to its end. */
async function standStill(point: string, meanwhile: (checkoutId: string) => Promise<unknown>) {
  const purchase = await shop.purchase()
  const { checkoutId } = purchase.input
  expect(await victim.complete({ ...purchase, points: [point] })).toBe(point)
  victim.stop()
  await meanwhile(checkoutId)
  const then = await shop.versionOf(checkoutId)
  victim.wake()
  expect(await victim.goOn(checkoutId)).toBe('answer')
  // Whatever it still did, it did not move the checkout.
  expect(await shop.versionOf(checkoutId)).toBe(then)
  count += 1
  return purchase
}

const points = stepNames.flatMap((name) => ['before', 'effect'].map((when) => `${name}:${when}`))
const undoable = points.slice(0, points.indexOf('CREATE_ORDER:effect') + 1)

describe('a process that stood still while another finished its checkout', () => {
  test.each(points)('at %s makes no difference', async (point) => {
    const purchase = await standStill(point, (id) => shop.recover(id))
    await shop.expectEnd(purchase, bought)
  })
})

describe('a process that stood still while its checkout was called off', () => {
  const calledOff: Ending = { status: 'CANCELLED', held: NOTHING }

  test.each(undoable)('at %s takes nothing, and holds nothing', async (point) => {
    const purchase = await standStill(point, async (id) => {
      await shop.at.sql(`update orders.checkouts set cancel_requested = true where id = $1`, id)
      await shop.recover(id)
    })
    await shop.expectEnd(purchase, calledOff)
  })
})
