// Every other point at which a process can die: tests/crash.
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '#platform/viewer.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT, buyingAt, NOTHING, openShop } from './buying.fixture.ts'
import { recoverCheckouts } from './recovery.ts'

let shop: Parts
let at: ReturnType<typeof buyingAt>
beforeAll(async () => {
  shop = await openShop()
  at = buyingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

/** Completes a checkout in a process of its own that dies at `failpoint`. Returns the signal that ended it. */
async function completeAndDie(viewer: Viewer, input: object, failpoint: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['subgraphs/orders/crash.fixture.ts', JSON.stringify({ viewer, input })], {
    env: { ...process.env, NODE_ENV: 'test', DATABASE_URL: shop.config.DATABASE_URL!, FAILPOINT: failpoint, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject).once('exit', (_, signal) => resolve(signal))
  })
}

/** What the recovery job of another process does once the dead one's lease is over. */
const recover = () =>
  recoverCheckouts({ ...shop.part('orders').ownContext(), now: () => new Date(Date.now() + 60_000) })

test('killed after the card was authorised and then called off, the money is let go', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  expect(await completeAndDie(buyer, input, 'AUTHORIZE_PAYMENT:effect')).toBe('SIGKILL')
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
  const lease = { CHECKOUT_LEASE_SECONDS: '3' }
  expect(await completeAndDie(buyer, input, 'COMMIT_STOCK:recorded', lease)).toBe('SIGKILL')
  await until(async () => (await at.read(buyer, input.checkoutId)).status === 'COMPLETED')
  expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
})
