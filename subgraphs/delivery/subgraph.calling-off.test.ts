import { eq } from 'drizzle-orm'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { aCustomer, aService, staffWith } from '../../tests/setup/viewers.ts'
import { until } from '../../tests/setup/until.ts'
import {
  aCourier,
  aShipment,
  assign,
  context,
  delivery,
  dispatcher,
  sell,
  sendHome,
  setStatus,
  shipmentsOf,
  shop,
  underWay,
} from './delivery.fixture.ts'
import { callOffShipments } from './calling-off.ts'
import { prepareShipments } from './dispatch.ts'
import { shipments } from './tables.ts'

beforeAll(sendHome)
afterAll(() => shop[Symbol.asyncDispose]())

const MUG = demoId('variant/MUG-STONE-GRY')
const STOCK = 'query ($id: ID!) { productVariant(id: $id) { stock { onHand committed } } }'
const orders = aService('orders')
const waiting = (sql: Sql) =>
  sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
const CALL_OFF = /* GraphQL */ `
  mutation ($input: ShipmentsCancelForOrderInput!) {
    shipmentsCancelForOrder(input: $input) {
      shipments {
        id
        status
      }
      isReplay
      userErrors {
        code
        field
        ... on StateTransitionError {
          fromState
        }
      }
    }
  }
`
const callOff = async (orderId: string, idempotencyKey = uuidv7()) =>
  (await delivery(orders, CALL_OFF, { input: { orderId, reason: 'CUSTOMER', idempotencyKey } })).shipmentsCancelForOrder

describe('an order that is called off', () => {
  test('has its shipments cancelled, once per key, and its courier is free again', async () => {
    const { id, orderId, owner } = await aShipment()
    const courier = await aCourier()
    await assign(dispatcher, id, courier.id)
    const key = uuidv7()
    const shipment = { id, status: 'CANCELLED' }
    expect(await callOff(orderId, key)).toEqual({ shipments: [shipment], isReplay: false, userErrors: [] })
    expect(await callOff(orderId, key)).toEqual({ shipments: [shipment], isReplay: true, userErrors: [] })
    expect(await callOff(orderId)).toMatchObject({ isReplay: false, userErrors: [] })
    expect(await shipmentsOf(owner, orderId)).toMatchObject([{ status: 'CANCELLED' }])
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    await sendHome()
  })

  test('gets no shipment from news that it is ready to ship that comes late', async () => {
    const { orderId, owner, event } = await aShipment()
    const late = { ...event, eventId: uuidv7(), entityId: uuidv7() }
    expect(await callOff(late.entityId)).toEqual({ shipments: [], isReplay: false, userErrors: [] })
    await prepareShipments(context(), late)
    expect(await shipmentsOf(owner, late.entityId)).toEqual([])
    expect(await shipmentsOf(owner, orderId)).toHaveLength(1)
  })

  test('while that news is handled, has either no shipment or a cancelled one', async () => {
    const { event, owner } = await aShipment()
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const news = { ...event, eventId: uuidv7(), entityId: uuidv7() }
        await Promise.all([prepareShipments(context(), news), callOff(news.entityId)])
        const left = (await shipmentsOf(owner, news.entityId)).map((shipment) => shipment!.status)
        expect(left.filter((status) => status !== 'CANCELLED')).toEqual([])
      }),
    )
  })
})

describe('an order that was picked up', () => {
  test('cannot be called off, and keeps what could have been', async () => {
    const { id, orderId, owner, event } = await underWay()
    const [allocation] = event.data.allocations
    const elsewhere = { ...allocation!, locationId: uuidv7() }
    await prepareShipments(context(), {
      ...event,
      eventId: uuidv7(),
      data: { ...event.data, allocations: [elsewhere] },
    })
    expect(await callOff(orderId)).toEqual({
      shipments: null,
      isReplay: false,
      userErrors: [{ code: 'STATE_TRANSITION', field: ['input', 'orderId'], fromState: 'PICKED_UP' }],
    })
    const left = await shipmentsOf(owner, orderId)
    expect(left.find((shipment) => shipment!.id !== id)).toMatchObject({
      status: expect.stringMatching(/PENDING|ASSIGNED/),
    })
    // Nothing was noted either: what is ready to ship later is prepared.
    await prepareShipments(context(), {
      ...event,
      eventId: uuidv7(),
      data: { ...event.data, allocations: [{ ...allocation!, locationId: uuidv7() }] },
    })
    expect(await shipmentsOf(owner, orderId)).toHaveLength(3)
  })

  test('cannot be called off as long as nobody knows whether its goods were booked out', async () => {
    const { id, orderId } = await aShipment()
    const courier = await aCourier()
    await assign(dispatcher, id, courier.id)
    await sell(orderId)
    await context().db.update(shipments).set({ leavingAt: new Date() }).where(eq(shipments.id, id))
    expect(await callOff(orderId)).toMatchObject({ userErrors: [{ code: 'STATE_TRANSITION', fromState: 'ASSIGNED' }] })
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toEqual([])
  })

  test('but whose goods cannot be booked out can still be called off', async () => {
    const { id, orderId } = await aShipment()
    const courier = await aCourier()
    await assign(dispatcher, id, courier.id)
    // Nothing was sold to it.
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await callOff(orderId)).toMatchObject({ shipments: [{ status: 'CANCELLED' }], userErrors: [] })
  })

  test('cannot be called off while its goods are booked out', async () => {
    const { id, orderId } = await aShipment()
    const courier = await aCourier()
    await assign(dispatcher, id, courier.id)
    await sell(orderId)
    const sql = postgres(shop.config.DATABASE_URL!, { max: 2, onnotice: () => {} })
    const { picking, calledOff } = await sql.begin(async (tx) => {
      await tx`select from inventory.reservations where order_id = ${orderId} for update`
      const begun = { picking: setStatus(courier.user, id, 'PICKED_UP') }
      await until(async () => (await waiting(sql)).length > 0)
      return { ...begun, calledOff: await callOff(orderId) }
    })
    await sql.end()
    expect(calledOff.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'ASSIGNED' }])
    expect(await picking).toMatchObject({ shipment: { status: 'PICKED_UP' }, userErrors: [] })
  })
})

test('a shipment that cannot be handed over goes back into stock, once', async () => {
  const { id, orderId, courier } = await underWay()
  const stock = () => shop.ask('inventory', staffWith('inventory:read'), STOCK, { id: MUG })
  const before = (await stock()).productVariant.stock
  await setStatus(courier, id, 'IN_TRANSIT')
  expect((await setStatus(courier, id, 'RETURNED')).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
  const attempt = `mutation ($input: DeliveryAttemptRecordInput!) {
    deliveryAttemptRecord(input: $input) { userErrors { code } } }`
  await delivery(courier, attempt, { input: { shipmentId: id, outcome: 'REFUSED' } })
  for (let time = 0; time < 2; time++) {
    expect(await setStatus(courier, id, 'RETURNED')).toMatchObject({ shipment: { status: 'RETURNED' }, userErrors: [] })
  }
  expect((await stock()).productVariant.stock).toEqual({ ...before, onHand: before.onHand + 2 })
  expect((await callOff(orderId)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'RETURNED' }])
})

test('it is for our own parts', async () => {
  const { orderId } = await aShipment()
  for (const viewer of [aCustomer(), staffWith('orders:manage', 'delivery:dispatch')]) {
    const input = { orderId, reason: 'CUSTOMER', idempotencyKey: uuidv7() }
    const { errors } = await shop.answer('delivery', viewer, CALL_OFF, { input })
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  }
  const input = { orderId: 'no id', reason: 'CUSTOMER', idempotencyKey: uuidv7() }
  await expect(callOffShipments(context(), orders, input)).rejects.toMatchObject({ errors: [{ code: 'INVALID' }] })
})
