import { expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { Victim } from '../../tests/crash/victim.ts'
import { aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { MUG } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, our } = await shopForTests()

/** Runs a mutation in a process of its own that dies at `failpoint`. */
async function askAndDie(viewer: Viewer, query: string, input: object, failpoint: string) {
  await using victim = await Victim.start(shop.config.DATABASE_URL!)
  expect(await victim.ask(viewer, query, input, [failpoint])).toBe(failpoint)
}

const CANCEL = 'mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { isReplay } }'

test.each([
  ['CANCEL:CALL_OFF_SHIPMENTS:before', 'CONFIRMED'],
  ['CANCEL:CALL_OFF_SHIPMENTS:effect', 'CONFIRMED'],
  ['CANCEL:CALL_OFF_SHIPMENTS:recorded', 'CANCELLED'],
  ['CANCEL:GIVE_BACK:before', 'CANCELLED'],
  ['CANCEL:GIVE_BACK:effect', 'CANCELLED'],
  ['CANCEL:GIVE_BACK:recorded', 'CANCELLED'],
])('killed at %s, a cancellation is finished by another process', async (failpoint, statusThen) => {
  const before = await our.stockOf(MUG)
  const buyer = aGuest()
  const { id, checkoutId } = await our.bought(buyer)
  await our.release(id)
  const input = { orderId: id, reason: 'CUSTOMER', idempotencyKey: uuidv7() }
  await askAndDie(buyer, CANCEL, input, failpoint)
  const [row] = await our.at.sql<{ status: string }>(`select status from orders.orders where id = $1`, id)
  expect(row).toEqual({ status: statusThen })
  await our.recover()
  await our.recover(2)
  expect(await our.cancel(buyer, id, 'CUSTOMER', input.idempotencyKey)).toMatchObject({
    order: { status: 'CANCELLED' },
    isReplay: true,
    userErrors: [],
  })
  expect(await our.errandsOf(id)).toMatchObject([{ kind: 'CANCEL', status: 'DONE', setbacks: 0 }])
  expect(await our.at.heldFor(checkoutId)).toMatchObject({ holds: [], money: ['REFUNDED'] })
  expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: 0 })
  expect(await our.stockOf(MUG)).toEqual(before)
  const told = (await our.at.factsOf(id)).map(({ name, data }) => [name, data.to])
  expect(told.filter(([name, to]) => name === 'OrderCancelled' || to === 'CANCELLED')).toEqual([
    ['OrderStatusChanged', 'CANCELLED'],
    ['OrderCancelled', undefined],
  ])
  expect(await our.at.broken()).toEqual([])
})

const RECEIVE = 'mutation ($input: ReturnReceiveInput!) { returnReceive(input: $input) { isReplay } }'

test.each([
  'RECEIVE:TAKE_GOODS:before',
  'RECEIVE:TAKE_GOODS:effect',
  'RECEIVE:TAKE_GOODS:recorded',
  'RECEIVE:GIVE_MONEY_BACK:effect',
])('killed at %s, the receipt of a return is finished by another process', async (failpoint) => {
  const buyer = aGuest()
  const { id, checkoutId, totalMinor, lines } = await our.delivered(buyer, [[MUG, 2]])
  const { returnRequest } = await our.ask(buyer, id, [[lines[0]!.id, 2]])
  await our.approve(returnRequest.id)
  const before = await our.stockOf(MUG)
  const input = {
    id: returnRequest.id,
    locationId: demoId('location/berlin'),
    lines: [{ lineId: lines[0]!.id, quantity: 2 }],
    restock: true,
    refund: true,
    idempotencyKey: uuidv7(),
  }
  await askAndDie(staffWith('orders:read', 'orders:manage'), RECEIVE, input, failpoint)
  await our.recover()
  await our.recover(2)
  expect(await our.errandsOf(id)).toMatchObject([{ kind: 'RECEIVE', status: 'DONE', setbacks: 0 }])
  const paid = Math.round(Number(lines[0]!.total.amount) * 100)
  expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor - paid })
  expect(await our.stockOf(MUG)).toEqual({ ...before, onHand: before.onHand + 2 })
  expect(await our.read(buyer, id)).toMatchObject({
    status: 'RETURNED',
    returns: [{ status: 'REFUNDED', lines: [{ receivedQuantity: 2 }], refundAmount: lines[0]!.total }],
  })
  expect(await our.at.broken()).toEqual([])
})
