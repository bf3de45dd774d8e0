// Every other point at which a process can die: tests/crash.
import { expect, test } from 'vitest'
import type { Viewer } from '#platform/viewer.ts'
import { Victim } from '../../tests/crash/victim.ts'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT, NOTHING } from './buying.fixture.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at } = await shopForTests()

/** Completes a checkout in a process of its own that dies at `failpoint`. */
async function completeAndDie(viewer: Viewer, input: { checkoutId: string }, failpoint: string) {
  await using victim = await Victim.start(shop.config.DATABASE_URL!)
  expect(await victim.complete({ viewer, input, points: [failpoint] })).toBe(failpoint)
}

/** What the recovery job of another process does once the dead one's lease is over. */
const recover = () => recoverCheckouts(at.later(1))

test('killed after the card was authorised and then called off, the money is let go', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  await completeAndDie(buyer, input, 'AUTHORIZE_PAYMENT:effect')
  expect(await at.heldFor(input.checkoutId)).toMatchObject({ money: ['AUTHORIZED'], holds: ['HELD'], cart: 'FROZEN' })
  const calledOff = at.cancel(buyer, input.checkoutId)
  await until(
    async () =>
      (await at.sql(`select 1 from orders.checkouts where id = $1 and cancel_requested`, input.checkoutId)).length > 0,
  )
  await recover()
  expect(await calledOff).toMatchObject({ checkout: { status: 'CANCELLED' }, userErrors: [] })
  expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  expect(await at.chargedFor(input.checkoutId)).toMatchObject({ captured: 0 })
})

test('killed in the middle, it is taken up by itself once the lease is over', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  await shop.work()
  await completeAndDie(buyer, input, 'COMMIT_STOCK:recorded')
  await until(async () => (await at.read(buyer, input.checkoutId)).status === 'COMPLETED')
  expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
})
