import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT, buyingAt, codes, DECLINED, MUG, NOTHING, openShop } from './buying.fixture.ts'

// Another process completes the checkout and is killed in the middle; this one finds it and carries it on.
const LEASE = { CHECKOUT_LEASE_SECONDS: '1' }
let shop: Parts
let at: ReturnType<typeof buyingAt>
beforeAll(async () => {
  shop = await openShop(LEASE)
  at = buyingAt(shop)
  await shop.work()
})
afterAll(() => shop[Symbol.asyncDispose]())

/** Completes a checkout in a process that dies at `failpoint`. Returns the signal that ended it. */
async function completeAndDie(viewer: Viewer, input: object, failpoint: string): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, ['subgraphs/orders/crash.fixture.ts', JSON.stringify({ viewer, input })], {
    env: { ...process.env, ...LEASE, NODE_ENV: 'test', DATABASE_URL: shop.config.DATABASE_URL!, FAILPOINT: failpoint },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return await new Promise((resolve, reject) =>
    child.once('error', reject).once('exit', (_, signal) => resolve(signal)),
  )
}

const ended = (buyer: Viewer, id: string) =>
  until(async () => {
    const checkout = await at.read(buyer, id)
    return ['COMPLETED', 'OPEN', 'CANCELLED', 'FAILED'].includes(checkout.status) && checkout
  })

// Each has a buyer and a checkout of its own, and most of its time is waiting for the lease.
describe.concurrent('killed', () => {
  test.each([
    'FREEZE_CART:effect',
    'RESERVE_STOCK:effect',
    'AUTHORIZE_PAYMENT:effect',
    'COMMIT_STOCK:effect',
    'CREATE_ORDER:recorded',
    'CAPTURE_PAYMENT:effect',
    'CONVERT_CART:effect',
  ])('at %s, the purchase is finished by another process: one order, charged once', async (failpoint) => {
    const { buyer, cart, input } = await at.checkoutOf(aGuest())
    expect(await completeAndDie(buyer, input, failpoint)).toBe('SIGKILL')
    expect(await ended(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    const captured = Math.round(Number(cart.total.amount) * 100)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
    // Whoever sent the key hears of the same order.
    expect(await at.complete(buyer, input)).toMatchObject({
      isReplay: true,
      order: { status: 'CONFIRMED' },
      userErrors: [],
    })
  })

  test.each(['undo:RESERVE_STOCK:before', 'undo:FREEZE_CART:effect'])(
    'at %s of a declined purchase, nothing stays held, and it succeeds with another card',
    async (failpoint) => {
      const { buyer, input } = await at.checkoutOf(aGuest(), [[MUG, 1]], DECLINED)
      expect(await completeAndDie(buyer, input, failpoint)).toBe('SIGKILL')
      expect(await ended(buyer, input.checkoutId)).toMatchObject({
        status: 'OPEN',
        failure: { code: 'PAYMENT_DECLINED' },
      })
      expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
      expect(codes(await at.complete(buyer, input))).toEqual(['PAYMENT_DECLINED'])
      const again = { ...input, paymentToken: await at.token(), idempotencyKey: uuidv7() }
      expect(await at.complete(buyer, again)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
      expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    },
  )

  test('after the card was authorised and called off before anybody took it up, the money is let go', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    expect(await completeAndDie(buyer, input, 'AUTHORIZE_PAYMENT:effect')).toBe('SIGKILL')
    const { checkout } = await at.cancel(buyer, input.checkoutId)
    expect(checkout).toMatchObject({ status: 'CANCELLED' })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    expect(await at.chargedFor(input.checkoutId)).toMatchObject({ captured: 0 })
  })
})
