// What happens to orders after they are bought, as apps see it: through the router, over all parts.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { until } from './setup/until.ts'
import { buy, goods } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let shop: Shop
let router: string
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

const key = () => randomUUID()
const orderPage = async (visitor: Visitor, id: string) => (await visitor.ask('order', { id })).order

test('a guest calls an order off: the money is back, its shipment is cancelled, and it can be bought again', async () => {
  const guest = await guestAt(router)
  const wanted = await goods(guest)
  const { id } = await buy(guest, wanted, 'nora@example.com')
  await until(async () => (await orderPage(guest, id)).shipments.length > 0)
  const cancel = { orderId: id, reason: 'CUSTOMER', idempotencyKey: key() }
  const { orderCancel } = await guest.ask('order-cancel', cancel)
  expect(orderCancel.userErrors).toEqual([])
  const { order } = orderCancel
  expect(order).toMatchObject({ status: 'CANCELLED', cancelReason: 'CUSTOMER', financialStatus: 'REFUNDED' })
  const page = await until(async () => {
    const now = await orderPage(guest, id)
    return now.timeline.nodes.some(({ kind }: { kind: string }) => kind === 'REFUNDED') && now
  })
  expect(page.shipments).toMatchObject([{ status: 'CANCELLED' }])
  expect((await guest.ask('order-cancel', cancel)).orderCancel).toMatchObject({ isReplay: true, userErrors: [] })

  const { orderReorder } = await guest.ask('order-reorder', { orderId: id })
  expect(orderReorder.userErrors).toEqual([])
  const again = orderReorder.cart.lines.map((line: { variant: { id: string }; quantity: number }) => ({
    variantId: line.variant.id,
    quantity: line.quantity,
  }))
  expect(again).toEqual(wanted)
})

test('nobody else can call it off', async () => {
  const guest = await guestAt(router)
  const { id } = await buy(guest, (await goods(guest)).slice(0, 1), 'nora@example.com')
  const cancel = { orderId: id, reason: 'CUSTOMER', idempotencyKey: key() }
  for (const other of [await guestAt(router), await signedIn(router, 'bob')]) {
    expect((await other.ask('order-cancel', cancel)).orderCancel.userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
  }
  expect(await orderPage(guest, id)).toMatchObject({ status: 'CONFIRMED' })
})

test('goods are sent back: staff approve, receive them, and the money goes to the buyer', async () => {
  const alice = await signedIn(router, 'alice')
  const orderId = demoId('order/alice-delivered')
  const lines = [{ lineId: demoId('order-line/alice-delivered-2'), quantity: 1 }]
  const { returnCreate } = await alice.ask('return-create', {
    orderId,
    lines,
    reason: 'DAMAGED',
    idempotencyKey: key(),
  })
  expect(returnCreate).toMatchObject({ returnRequest: { status: 'REQUESTED' }, userErrors: [] })
  const { id } = returnCreate.returnRequest

  const { errors } = await alice.answer('return-approve', { id, idempotencyKey: key() })
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  const admin = await signedIn(router, 'admin')
  expect((await admin.ask('return-approve', { id, idempotencyKey: key() })).returnApprove).toMatchObject({
    returnRequest: { status: 'APPROVED', order: { customer: { displayName: expect.stringMatching(/Alice/) } } },
    userErrors: [],
  })
  const receipt = { id, locationId: demoId('location/berlin'), lines, restock: false, refund: true }
  const { returnReceive } = await admin.ask('return-receive', { ...receipt, idempotencyKey: key() })
  expect(returnReceive).toMatchObject({
    returnRequest: {
      status: 'REFUNDED',
      refundAmount: { amount: '14.50', currencyCode: 'EUR' },
      order: { status: 'PARTIALLY_RETURNED' },
    },
    userErrors: [],
  })
  expect(await orderPage(alice, orderId)).toMatchObject({ financialStatus: 'PARTIALLY_REFUNDED' })
})

test('an administrator sees the figures of all that', async () => {
  const admin = await signedIn(router, 'admin')
  const period = { from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() }
  const { adminDashboard } = await admin.ask('dashboard', period)
  expect(adminDashboard.users.active).toBeGreaterThan(0)
  expect(adminDashboard.orders).toMatchObject({
    byStatus: expect.arrayContaining([{ status: 'CANCELLED', count: 1 }]),
    needsAttention: 0,
  })
  const { errors } = await (await signedIn(router, 'bob')).answer('dashboard', period)
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
})
