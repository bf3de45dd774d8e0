import postgres from 'postgres'
import { afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { MUG, UNCAPTURABLE } from './buying.fixture.ts'
import { cancelSteps } from './cancellations.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at, our } = await shopForTests()
const staff = staffWith('orders:read', 'orders:manage', 'payments:manage')

afterEach(async () => {
  holdAtFailpoints(async () => {})
  expect(await at.broken()).toEqual([])
})

const orderOf = async (checkoutId: string): Promise<string> =>
  (await at.sql<{ id: string }>('select id from orders.orders where checkout_id = $1', checkoutId))[0]!.id
const readyFacts = async (orderId: string) =>
  (await at.factsOf(orderId)).filter(({ name }) => name === 'OrderReadyToShip')
const kindsOf = async (orderId: string): Promise<string[]> =>
  (await our.read(staff, orderId)).timeline.nodes.map(({ kind }: { kind: string }) => kind)
describe('money that staff take in payments while the checkout is about to', () => {
  const takenBefore = async (point: string, ...faults: string[]) => {
    const purchase = await at.checkoutOf(aGuest())
    holdAtFailpoints(async (reached, id) => {
      if (reached !== point || id !== purchase.input.checkoutId) return
      holdAtFailpoints(async () => {})
      await at.planFaults(...faults)
      const { id: paymentId } = await at.paymentOf(purchase.buyer, id)
      await at.mutate('payments', staff, 'paymentCapture', { paymentId, idempotencyKey: uuidv7() }, 'isReplay')
    })
    await at.complete(purchase.buyer, purchase.input)
    const captured = Math.round(Number(purchase.cart.total.amount) * 100)
    return { ...purchase, captured, orderId: await orderOf(purchase.input.checkoutId) }
  }

  test('is taken: the order goes on', async () => {
    const { input, captured, orderId } = await takenBefore('CAPTURE_PAYMENT:before')
    expect(await our.read(staff, orderId)).toMatchObject({ status: 'CONFIRMED' })
    expect(await kindsOf(orderId)).toEqual(['PAID', 'PLACED'])
    expect(await readyFacts(orderId)).toHaveLength(1)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
  })

  test('is waited for when the bank has not answered them yet', async () => {
    const { buyer, input, captured, orderId } = await takenBefore(
      'CAPTURE_PAYMENT:before',
      'capture lost-request',
      'lookup lost-request',
    )
    expect(await our.read(staff, orderId)).toMatchObject({ status: 'CONFIRMED' })
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'PROCESSING' })
    const resolve = shop.part('payments').subgraph.jobs!.find(({ name }) => name.includes('movements'))!
    await resolve.run(at.later(10, 'payments'))
    await recoverCheckouts(at.later(10))
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    expect(await our.read(staff, orderId)).toMatchObject({ status: 'CONFIRMED' })
    expect(await readyFacts(orderId)).toHaveLength(1)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
  })
})

test('money that the bank no longer gives: staff decide, and may have it asked for anew', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  const book = (released: string) =>
    at.sql(
      `update payments.sandbox_authorizations a set released_minor = ${released} from payments.payments p
       where p.provider_reference = a.reference and p.checkout_id = $1`,
      input.checkoutId,
    )
  holdAtFailpoints(async (reached) => void (reached === 'CAPTURE_PAYMENT:before' && (await book('a.amount_minor'))))
  const { order } = await at.complete(buyer, input)
  expect(order).toMatchObject({ status: 'ON_HOLD' })
  expect(await kindsOf(order.id)).toEqual(['PAYMENT_FAILED', 'PLACED'])
  await book('0')
  expect(await our.moveByHand(order.id, 'CONFIRMED')).toMatchObject({ order: { status: 'CONFIRMED' }, userErrors: [] })
  expect(await readyFacts(order.id)).toHaveLength(1)
})

describe('an order that staff hold before its money is taken', () => {
  test('does not leave before they let it go, and then once', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    holdAtFailpoints(async (reached, id) => {
      if (reached === 'CAPTURE_PAYMENT:before') await our.moveByHand(await orderOf(id), 'ON_HOLD')
    })
    const { order } = await at.complete(buyer, input)
    expect(order).toMatchObject({ status: 'ON_HOLD' })
    expect(await readyFacts(order.id)).toEqual([])
    for (const status of ['CONFIRMED', 'ON_HOLD', 'CONFIRMED']) {
      expect(await our.moveByHand(order.id, status)).toMatchObject({ order: { status }, userErrors: [] })
    }
    expect(await readyFacts(order.id)).toMatchObject([{ data: { allocations: [{ variantId: MUG, quantity: 1 }] } }])
  })
})

test('an order that staff hold and let go before its money is taken leaves when it is paid, and once', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  holdAtFailpoints(async (reached, id) => {
    if (reached !== 'CAPTURE_PAYMENT:before') return
    const orderId = await orderOf(id)
    for (const status of ['ON_HOLD', 'CONFIRMED']) await our.moveByHand(orderId, status)
    expect(await readyFacts(orderId)).toEqual([])
  })
  const { order } = await at.complete(buyer, input)
  expect(order).toMatchObject({ status: 'CONFIRMED' })
  expect(await readyFacts(order.id)).toHaveLength(1)
})

describe('an order that is cancelled while its money is taken', () => {
  const cancelPoints = Object.keys(cancelSteps).flatMap((name) =>
    ['before', 'effect'].map((when) => `CANCEL:${name}:${when}`),
  )
  // How far the cancellation is when the money is asked for, and when the answer is recorded.
  const places = Array.from({ length: cancelPoints.length + 1 }, (_, place) => place)
  const interleavings = places.flatMap((asked) => places.slice(asked).map((recorded) => [asked, recorded] as const))

  /** Runs both in turns, so that the cancellation has come past so many of its points at each of the checkout's. */
  async function interleave(asked: number, recorded: number, card?: string) {
    const { buyer, input } = await at.checkoutOf(aGuest(), undefined, card)
    const held = new Map<string, () => void>()
    const atPoint = new Set<string>()
    holdAtFailpoints(async (point) => {
      if (!cancelPoints.includes(point) && point !== 'CAPTURE_PAYMENT:before' && point !== 'CAPTURE_PAYMENT:effect') {
        return
      }
      atPoint.add(point)
      await new Promise<void>((resolve) => held.set(point, resolve))
    })
    const reached = (point: string) => until(async () => atPoint.has(point))
    const completed = at.complete(buyer, input)
    await reached('CAPTURE_PAYMENT:before')
    const orderId = await orderOf(input.checkoutId)
    const cancelled = our.cancel(buyer, orderId)
    const cancelUpTo = async (from: number, to: number) => {
      for (const point of cancelPoints.slice(from, to)) {
        await reached(point)
        held.get(point)!()
      }
      const next = cancelPoints[to]
      if (next) await reached(next)
      else await cancelled
    }
    await cancelUpTo(0, asked)
    held.get('CAPTURE_PAYMENT:before')!()
    await reached('CAPTURE_PAYMENT:effect')
    await cancelUpTo(asked, recorded)
    held.get('CAPTURE_PAYMENT:effect')!()
    await completed
    await cancelUpTo(recorded, cancelPoints.length)
    return { checkoutId: input.checkoutId, orderId, buyer, isCancelledFirst: recorded > 1 }
  }

  test.each(interleavings)(
    '%i steps in when it is asked for, %i when that is recorded: nothing leaves, all is given back',
    async (asked, recorded) => {
      const before = await our.stockOf(MUG)
      const { checkoutId, orderId, buyer, isCancelledFirst } = await interleave(asked, recorded)
      holdAtFailpoints(async () => {})
      await recoverCheckouts(at.later(60))
      await our.recover()
      expect(await at.read(buyer, checkoutId)).toMatchObject({ status: 'COMPLETED' })
      expect(await our.read(buyer, orderId)).toMatchObject({ status: 'CANCELLED' })
      if (isCancelledFirst) expect(await readyFacts(orderId)).toEqual([])
      for (const _ of await readyFacts(orderId)) await our.release(orderId)
      const shipments = `select id from delivery.shipments where order_id = $1 and status <> 'CANCELLED'`
      expect(await at.sql(shipments, orderId)).toEqual([])
      expect(await at.chargedFor(checkoutId)).toMatchObject({ captured: 0 })
      expect(await our.stockOf(MUG)).toEqual(before)
      expect(await our.errandsOf(orderId)).toMatchObject([{ kind: 'CANCEL', status: 'DONE' }])
    },
  )

  test.each([
    [0, 0],
    [0, 2],
    [1, 3],
    [3, 4],
  ])('also when it is refused: %i, %i', async (asked, recorded) => {
    const { checkoutId, orderId, buyer } = await interleave(asked, recorded, UNCAPTURABLE)
    holdAtFailpoints(async () => {})
    await recoverCheckouts(at.later(60))
    await our.recover()
    expect(await at.read(buyer, checkoutId)).toMatchObject({ status: 'COMPLETED' })
    expect(await our.read(buyer, orderId)).toMatchObject({ status: 'CANCELLED' })
    expect(await at.heldFor(checkoutId)).toMatchObject({ holds: [], money: [] })
    expect(await readyFacts(orderId)).toEqual([])
  })

  test('at the very moment in which that is recorded does not leave', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    const admin = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
    let cancelling: Promise<unknown> | undefined
    let commit = () => {}
    holdAtFailpoints(async (reached, id) => {
      if (reached !== 'CAPTURE_PAYMENT:effect') return
      await new Promise<void>((isLocked) => {
        cancelling = admin.begin(async (tx) => {
          await tx`update orders.orders set status = 'CANCELLED', cancelled_at = now(), cancel_reason = 'OTHER'
            where checkout_id = ${id}`
          isLocked()
          await new Promise<void>((resolve) => (commit = resolve))
        })
      })
    })
    const completed = at.complete(buyer, input)
    await until(async () => (await at.sql(`select 1 from pg_locks where not granted`)).length > 0)
    commit()
    await cancelling
    await completed
    await admin.end()
    const orderId = await orderOf(input.checkoutId)
    expect(await kindsOf(orderId)).toEqual(['PAID', 'PLACED'])
    expect(await readyFacts(orderId)).toEqual([])
  })
})
