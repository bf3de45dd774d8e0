import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { until } from './setup/until.ts'
import { goods, openCheckout, payment, readyCart, type Line } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { execute, OPENING_MS, manyProcesses, type ManyProcesses } from './system/topology.ts'

const canSkipRedis = !inject('redisUrl') && !process.env.CI

describe.skipIf(canSkipRedis)('a shop of which a part died (skipped without redis-server on the PATH)', () => {
  let shop: ManyProcesses
  let router: string
  let wanted: Line[]
  beforeAll(async () => {
    shop = await manyProcesses()
    router = shop.routers[0]!
    wanted = await goods(new Visitor(router))
  }, OPENING_MS)
  afterAll(() => shop?.[Symbol.asyncDispose]())

  test('inventory: it shows the rest of every page, sells nothing, and goes on when inventory is back', async () => {
    const guest = await guestAt(router)
    const { cartId, total } = await readyCart(guest, wanted, 'patient@example.com')
    const checkoutId = await openCheckout(guest, cartId)
    const alice = await signedIn(router, 'alice')

    shop.subgraph('inventory').signal('SIGKILL')
    await shop.subgraph('inventory').ended

    const { data, errors } = await alice.answer('order', { id: demoId('order/alice-delivered') })
    expect(data?.order).toMatchObject({
      number: '10001',
      financialStatus: 'PAID',
      shipments: [{ status: 'DELIVERED', courier: { displayName: expect.any(String) } }],
      lines: [
        { sku: 'TEE-LINEN-BLU-M', variant: null },
        { sku: 'MUG-STONE-GRY', variant: null },
      ],
    })
    expect(errors?.map(({ path }) => path)).toEqual([
      ['order', 'lines', 0, 'variant', 'product'],
      ['order', 'lines', 1, 'variant', 'product'],
    ])
    for (const { message, extensions } of errors ?? []) {
      expect(extensions).toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE', requestId: expect.any(String) })
      expect(message).not.toMatch(/127\.0\.0\.1|ECONNREFUSED/)
    }

    const catalogue = await guest.answer('browse')
    expect(catalogue).toMatchObject({
      data: { products: null },
      errors: [{ extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }],
    })
    await until(async () => (await healthOf(router)).inventory === 'down')
    expect(await healthOf(router)).toMatchObject({ inventory: 'down', orders: 'up' })

    const input = await payment(guest, checkoutId, total)
    const { checkoutComplete } = await guest.ask('checkout-complete', input)
    expect(checkoutComplete.order).toBeNull()

    await shop.restart('inventory')
    await until(async () => (await guest.answer('browse')).data?.products)
    const settled = await until(async () => {
      const again = (await guest.ask('checkout-complete', input)).checkoutComplete
      return again.checkout.status === 'OPEN' && again
    }, 30_000)
    expect(settled).toMatchObject({
      order: null,
      checkout: { failure: { code: 'UPSTREAM_UNAVAILABLE', isRetryable: true } },
    })
    const bought = (await guest.ask('checkout-complete', await payment(guest, checkoutId, total))).checkoutComplete
    expect(bought).toMatchObject({ userErrors: [], checkout: { status: 'COMPLETED' } })
  }, 90_000)

  test('payments: what was held for a purchase is let go of once payments is back, and it can be tried again', async () => {
    const guest = await guestAt(router)
    const { cartId, total } = await readyCart(guest, wanted, 'patient@example.com')
    const checkoutId = await openCheckout(guest, cartId)
    const input = await payment(guest, checkoutId, total)

    shop.subgraph('payments').signal('SIGKILL')
    await shop.subgraph('payments').ended
    const { checkoutComplete } = await guest.ask('checkout-complete', input)
    // Nobody knows whether the bank was asked, so nothing may be called undone.
    expect(checkoutComplete).toMatchObject({ order: null, checkout: { status: 'COMPENSATING' } })

    await shop.restart('payments')
    const { checkout } = await until(async () => {
      const again = (await guest.ask('checkout-complete', input)).checkoutComplete
      return again.checkout.status === 'OPEN' && again
    }, 45_000)
    expect(checkout.failure).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', isRetryable: true })
    const [held] = await execute(shop, `select sum(reserved)::int as units from inventory.stock_levels`)
    expect(held).toEqual({ units: 0 })
    const bought = (await guest.ask('checkout-complete', await payment(guest, checkoutId, total))).checkoutComplete
    expect(bought).toMatchObject({ userErrors: [], checkout: { status: 'COMPLETED' } })
  }, 90_000)
})

async function healthOf(router: string): Promise<Record<string, string>> {
  const response = await fetch(`${router}/health/ready`)
  return ((await response.json()) as { subgraphs: Record<string, string> }).subgraphs
}
