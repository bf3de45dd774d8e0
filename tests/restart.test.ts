import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './setup/until.ts'
import { DECLINED, goods, openCheckout, payment, readyCart, type Line } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { freePorts, startProgram } from './system/program.ts'
import { execute, OPENING_MS, oneProcess, type OneProcess } from './system/topology.ts'

// Each start takes seconds on a busy machine, and a test makes up to three.
const TIMEOUT_MS = 150_000

let shop: OneProcess
let router: string
let plenty: Line[]
beforeAll(async () => {
  shop = await oneProcess({ CHECKOUT_LEASE_SECONDS: '1' })
  router = shop.routers[0]!
  plenty = await goods(new Visitor(router))
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

describe('a second `npm start`', { timeout: TIMEOUT_MS }, () => {
  const second = async (env: Record<string, string>) => {
    await using program = startProgram(['main.ts'], { DATA_DIR: shop.dataDir, PORT: `${shop.port}`, ...env })
    expect(await program.ended).toBe(1)
    return program.output()
  }

  test('on the same port says that the port is taken', async () => {
    expect(await second({})).toContain(`Port ${shop.port} is taken`)
  })

  test('on another port says who uses the data folder, and how to go on', async () => {
    const [port] = await freePorts(1)
    const said = await second({ PORT: `${port}` })
    expect(said).toContain(`Process ${shop.program.pid} is already running on the data in ${shop.dataDir}`)
    expect(said).toContain('DATA_DIR')
  })

  test('leaves the first one undisturbed', async () => {
    expect((await fetch(`${router}/health/ready`)).status).toBe(200)
  })
})

describe('a shop that was killed', { timeout: TIMEOUT_MS }, () => {
  test('starts again on the database that was left behind, and says so', async () => {
    const alice = await signedIn(router, 'alice')
    shop.program.signal('SIGKILL')
    expect(await shop.program.ended).toBe('SIGKILL')
    const { output } = await shop.restart()
    expect(output()).toContain('Stopped the PostgreSQL that a killed process had left behind')
    // Sessions and orders are as they were, and nothing is seeded twice.
    expect((await alice.ask('my-orders')).viewer.orders.nodes).toHaveLength(2)
  })
})

describe('a purchase during which the shop is killed', { timeout: TIMEOUT_MS }, () => {
  test('is finished after the restart, even when that is killed too: one order, one charge, nothing held', async () => {
    await shop.program[Symbol.asyncDispose]()
    await shop.restart({ FAILPOINT: 'AUTHORIZE_PAYMENT:effect' })
    const guest = await guestAt(router)
    const before = await books()
    const { cartId, total } = await readyCart(guest, [plenty[0]!], 'crash@example.com')
    const checkoutId = await openCheckout(guest, cartId)
    const input = await payment(guest, checkoutId, total)
    await expect(guest.ask('checkout-complete', input)).rejects.toThrow()
    expect(await shop.program.ended).toBe('SIGKILL')

    await shop.restart({ FAILPOINT: 'CAPTURE_PAYMENT:effect' }).catch(() => {})
    expect(await shop.program.ended).toBe('SIGKILL')
    await shop.restart()

    const order = await until(async () => {
      const { checkoutComplete } = await guest.ask('checkout-complete', input)
      return checkoutComplete.checkout.status === 'COMPLETED' && checkoutComplete.order
    })
    expect(order.total).toEqual(total)
    expect((await guest.ask('order', { id: order.id })).order).toMatchObject({ financialStatus: 'PAID' })
    expect(await books()).toEqual({ ...before, orders: before.orders + 1, captured: before.captured + 1 })
  })

  test('is undone after the restart when its card was declined, and can be paid with another', async () => {
    await shop.program[Symbol.asyncDispose]()
    await shop.restart({ FAILPOINT: 'undo:RESERVE_STOCK:effect' })
    const guest = await guestAt(router)
    const before = await books()
    const { cartId, total } = await readyCart(guest, [plenty[0]!], 'crash@example.com')
    const checkoutId = await openCheckout(guest, cartId)
    const input = await payment(guest, checkoutId, total, DECLINED)
    await expect(guest.ask('checkout-complete', input)).rejects.toThrow()
    await shop.program.ended
    await shop.restart()

    const { checkout, order } = await until(async () => {
      const { checkoutComplete } = await guest.ask('checkout-complete', input)
      return checkoutComplete.checkout.status === 'OPEN' && checkoutComplete
    })
    expect([order, checkout.failure.code]).toEqual([null, 'PAYMENT_DECLINED'])
    expect((await guest.ask('cart')).cart.status).toBe('ACTIVE')
    expect(await books()).toEqual(before)
    const again = (await guest.ask('checkout-complete', await payment(guest, checkoutId, total))).checkoutComplete
    expect(again).toMatchObject({ userErrors: [], checkout: { status: 'COMPLETED' } })
  })
})

/** What a crash must not leave behind: goods held, money reserved, carts frozen; and what was sold and taken. */
async function books() {
  const [row] = await execute(
    shop,
    `select
      (select count(*)::int from orders.orders) as orders,
      (select count(*)::int from payments.sandbox_authorizations where captured_minor > 0) as captured,
      (select count(*)::int from payments.sandbox_authorizations
        where captured_minor + released_minor < amount_minor) as "authorized",
      (select sum(reserved)::int from inventory.stock_levels) as reserved,
      (select count(*)::int from inventory.reservations where status = 'HELD') as held,
      (select count(*)::int from cart.carts where status = 'FROZEN') as frozen`,
  )
  return row as Record<'orders' | 'captured' | 'authorized' | 'reserved' | 'held' | 'frozen', number>
}
