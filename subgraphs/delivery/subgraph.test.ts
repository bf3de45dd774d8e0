import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, aService } from '../../tests/setup/viewers.ts'
import { claimShipments, prepareShipments } from './dispatch.ts'
import {
  aCourier,
  aShipment,
  assign,
  context,
  delivery,
  dispatcher,
  endDuty,
  follow,
  read,
  sendHome,
  setStatus,
  shipmentsOf,
  shop,
  underWay,
} from './delivery.fixture.ts'

beforeEach(sendHome)
afterAll(() => shop[Symbol.asyncDispose]())

describe('an order that is ready to ship', () => {
  test('becomes a shipment, once, however often it is told', async () => {
    const { id, orderId, owner, event } = await aShipment()
    await Promise.all([1, 2, 3].map(() => prepareShipments(context(), event)))
    await prepareShipments(context(), { ...event, eventId: uuidv7() })
    expect(await shipmentsOf(owner, orderId)).toEqual([
      { id, status: 'PENDING', lines: [{ title: 'Stoneware Mug – Grey', quantity: 2 }], courier: null },
    ])
  })

  test('is given to the courier on duty who has least to do', async () => {
    const { user, id } = await aCourier()
    const { id: shipmentId, owner } = await aShipment()
    expect((await read(owner, shipmentId)).status).toBe('ASSIGNED')
    const [row] = (await delivery(dispatcher, '{ couriers(onDutyOnly: true) { nodes { id activeShipments { id } } } }'))
      .couriers.nodes
    expect(row).toEqual({ id, activeShipments: [{ id: shipmentId }] })
    expect((await endDuty(user)).courierDutySet.userErrors).toEqual([{ code: 'STATE_TRANSITION' }])
  })
})

describe('somebody else', () => {
  test('sees neither the shipment, nor its order’s shipments, nor its updates', async () => {
    const { id, orderId } = await underWay()
    const otherCourier = (await aCourier()).user
    for (const viewer of [aCustomer(), aGuest(), { kind: 'anonymous' } as const, aService('orders'), otherCourier]) {
      expect(await read(viewer, id)).toBeNull()
      expect(await shipmentsOf(viewer, orderId)).toEqual([])
      const { value } = await follow(viewer, id, 0).next()
      expect(value.errors[0].extensions.code).toBe('NOT_FOUND')
    }
    expect((await setStatus(otherCourier, id, 'IN_TRANSIT')).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await read(aCustomer(), 'not-an-id')).toBeNull()
  })

  test('a courier sees address and titles of their shipment, and not its order', async () => {
    const { id, courier } = await underWay()
    expect(await read(courier, id)).toMatchObject({
      order: null,
      lines: [{ title: expect.any(String) }],
      destination: { line1: 'Torstr. 1' },
    })
  })

  test('cannot dispatch', async () => {
    const { errors } = await shop.answer('delivery', aCustomer(), '{ shipments { nodes { id } } }')
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
  })
})

test('what a guest bought is the account’s after it is claimed', async () => {
  const guest = aGuest()
  const user = aCustomer()
  const { id } = await aShipment(guest)
  expect(await read(guest, id)).not.toBeNull()
  await claimShipments(context(), guest.id, user.id)
  expect(await read(guest, id)).toBeNull()
  expect(await read(user, id)).not.toBeNull()
})

test('a key assigns a shipment once', async () => {
  const { id } = await aShipment()
  const courier = await aCourier()
  const key = uuidv7()
  expect(await assign(dispatcher, id, courier.id, key)).toMatchObject({
    isReplay: false,
    shipment: { status: 'ASSIGNED' },
  })
  expect(await assign(dispatcher, id, courier.id, key)).toMatchObject({ isReplay: true })
  expect((await assign(dispatcher, id, uuidv7())).userErrors).toEqual([
    { code: 'NOT_FOUND', field: ['input', 'courierId'] },
  ])
})
