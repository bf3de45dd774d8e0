import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Guest, User, Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { OrderReadyToShip } from '../orders/events.ts'
import { claimShipments, prepareShipments } from './dispatch.ts'
import { couriers } from './tables.ts'

let shop: Parts
const dispatcher = staffWith('delivery:dispatch')
const home = { latitude: 52.5296, longitude: 13.4014 }

beforeAll(async () => {
  shop = await openParts(['delivery', 'inventory'])
  await shop.part('inventory').subgraph.seed!(shop.part('inventory').ownContext())
  await shop.part('delivery').subgraph.seed!(shop.part('delivery').ownContext())
})
beforeEach(async () => {
  await shop.part('delivery').ownContext().db.update(couriers).set({ isOnDuty: false })
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const delivery = (viewer: Viewer, query: string, variables?: Record<string, unknown>) =>
  shop.ask('delivery', viewer, query, variables)

/** A courier on duty, where the last one was. */
async function aCourier() {
  const user = { ...aCustomer(), roles: ['COURIER'], scopes: ['delivery:courier'] }
  const input = { userId: user.id, displayName: 'Carl', vehicle: 'van' }
  const { courierUpsert } = await delivery(
    dispatcher,
    'mutation ($input: CourierUpsertInput!) { courierUpsert(input: $input) { courier { id } userErrors { code } } }',
    { input },
  )
  await delivery(user, 'mutation { courierDutySet(input: { onDuty: true }) { courier { isOnDuty } } }')
  return { user, id: String(courierUpsert.courier.id) }
}

const endDuty = (user: User) =>
  delivery(user, 'mutation { courierDutySet(input: { onDuty: false }) { userErrors { code } } }')

/** Takes the units of an order out of what can be sold, as a checkout does. */
async function sell(orderId: string) {
  const orders = aService('orders')
  const checkoutId = uuidv7()
  const hold = {
    checkoutId,
    attempt: 1,
    idempotencyKey: uuidv7(),
    lines: [{ variantId: demoId('variant/MUG-STONE-GRY'), quantity: 2 }],
  }
  await shop.ask(
    'inventory',
    orders,
    'mutation ($input: StockReserveInput!) { stockReserve(input: $input) { isReplay } }',
    { input: hold },
  )
  const { stockCommit } = await shop.ask(
    'inventory',
    orders,
    `mutation ($input: StockCommitInput!) { stockCommit(input: $input) { stockReservation { lines { location { id } } } userErrors { code } } }`,
    { input: { checkoutId, orderId, idempotencyKey: uuidv7() } },
  )
  expect(stockCommit.userErrors).toEqual([])
}

/** An order that is ready to ship, handled once. */
async function aShipment(owner: Guest | User = aCustomer(), location: typeof home | null = home) {
  const orderId = uuidv7()
  const event = readyToShip(orderId, owner, location)
  await prepareShipments(shop.part('delivery').ownContext(), event)
  const [shipment] = await shipmentsOf(owner, orderId)
  return { id: String(shipment!.id), orderId, owner, event }
}

function readyToShip(orderId: string, owner: Guest | User, location: typeof home | null) {
  const address = {
    name: null,
    company: null,
    line1: 'Torstr. 1',
    line2: null,
    city: 'Berlin',
    region: null,
    postalCode: '10119',
    countryCode: 'DE',
    phone: null,
    location,
  }
  const allocations = [
    {
      orderLineId: uuidv7(),
      title: 'Stoneware Mug – Grey',
      variantId: demoId('variant/MUG-STONE-GRY'),
      locationId: demoId('location/berlin'),
      quantity: 2,
    },
  ]
  return {
    eventId: uuidv7(),
    name: 'OrderReadyToShip',
    version: 1,
    occurredAt: new Date().toISOString(),
    entityId: orderId,
    entityVersion: 1,
    owner: { kind: owner.kind, id: owner.id },
    requestId: uuidv7(),
    data: OrderReadyToShip.data.parse({
      number: '10099',
      address,
      deliveryName: 'Standard',
      promisedFrom: '2026-12-01T10:00:00.000Z',
      promisedTo: '2026-12-03T10:00:00.000Z',
      allocations,
    }),
  }
}

async function shipmentsOf(viewer: Viewer, orderId: string): Promise<{ id: string; status: string }[] | null[]> {
  const { _entities } = await delivery(
    viewer,
    `query ($id: ID!) { _entities(representations: [{ __typename: "Order", id: $id }]) {
      ... on Order { shipments { id status lines { title quantity } courier { displayName } } fulfillmentStatus } } }`,
    { id: orderId },
  )
  return _entities[0].shipments
}

const SHIPMENT = `query ($id: ID!) { shipment(id: $id) {
  id status order { id } lines { title } destination { line1 } eta { remainingMeters } currentPosition { point { latitude } }
  events { status } lastSequence path { recordedAt } } }`
const read = async (viewer: Viewer, id: string) => (await delivery(viewer, SHIPMENT, { id })).shipment

const setStatus = async (viewer: Viewer, shipmentId: string, status: string) =>
  (
    await delivery(
      viewer,
      `mutation ($input: ShipmentStatusUpdateInput!) { shipmentStatusUpdate(input: $input) {
        shipment { status } userErrors { code field ... on StateTransitionError { fromState allowed } } } }`,
      { input: { shipmentId, status } },
    )
  ).shipmentStatusUpdate

const assign = async (viewer: Viewer, shipmentId: string, courierId: string, idempotencyKey = uuidv7()) =>
  (
    await delivery(
      viewer,
      `mutation ($input: ShipmentAssignInput!) { shipmentAssign(input: $input) {
        shipment { status courier { id } } isReplay userErrors { code field } } }`,
      { input: { shipmentId, courierId, idempotencyKey } },
    )
  ).shipmentAssign

const report = async (viewer: Viewer, points: readonly { latitude: number; longitude: number }[], secondsAgo = 0) => {
  const now = Date.now() - secondsAgo * 1000
  const positions = points.map((point, index) => ({
    point,
    recordedAt: new Date(now - (points.length - 1 - index) * 1000).toISOString(),
  }))
  return (
    await delivery(
      viewer,
      `mutation ($positions: [PositionInput!]!) { courierPositionsReport(input: { positions: $positions }) {
        acceptedCount userErrors { code field } } }`,
      { positions },
    )
  ).courierPositionsReport
}

const FOLLOW = `subscription ($shipmentId: ID!, $afterSequence: Int) {
  deliveryTracking(shipmentId: $shipmentId, afterSequence: $afterSequence) {
    __typename
    ... on PositionUpdated { sequence position { point { latitude longitude } } shipment { status } }
    ... on EtaUpdated { sequence eta { remainingMeters } }
    ... on ShipmentStatusChanged { sequence event { status sequence } shipment { status order { id } } }
  } }`
const follow = (viewer: Viewer, shipmentId: string, afterSequence?: number) =>
  shop.watch('delivery', viewer, FOLLOW, { shipmentId, afterSequence })

type Update = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- what the test asked for

async function takeUntil(events: ReturnType<typeof follow>, isLast: (update: Update) => boolean): Promise<Update[]> {
  const taken: Update[] = []
  do {
    const { value } = await events.next()
    taken.push(Object.values(value.data)[0] as Update)
  } while (!isLast(taken.at(-1)!))
  return taken
}

/** A shipment that its courier has with them. */
async function underWay(owner: Guest | User = aCustomer(), location: typeof home | null = home) {
  const shipment = await aShipment(owner, location)
  const courier = await aCourier()
  await assign(dispatcher, shipment.id, courier.id)
  await sell(shipment.orderId)
  expect((await setStatus(courier.user, shipment.id, 'PICKED_UP')).userErrors).toEqual([])
  return { ...shipment, courier: courier.user }
}

describe('an order that is ready to ship', () => {
  test('becomes a shipment, once, however often it is told', async () => {
    const { id, orderId, owner, event } = await aShipment()
    await Promise.all([1, 2, 3].map(() => prepareShipments(shop.part('delivery').ownContext(), event)))
    await prepareShipments(shop.part('delivery').ownContext(), { ...event, eventId: uuidv7() })
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

describe('a shipment on its way', () => {
  test('goes from state to state and tells each of them to whoever follows it', async () => {
    const { id, owner, courier } = await underWay()
    const events = follow(owner, id, 0)
    await report(courier, [{ latitude: 52.52, longitude: 13.3873 }], 50)
    await report(courier, [home])
    await setStatus(courier, id, 'DELIVERED')
    const seen = await takeUntil(events, ({ event }) => event?.status === 'DELIVERED')
    const statuses = seen.flatMap(({ event }) => (event ? [event.status] : []))
    expect(statuses).toEqual(['PENDING', 'ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'ARRIVING', 'DELIVERED'])
    const sequences = seen.map(({ sequence }) => Number(sequence))
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
    expect(await read(owner, id)).toMatchObject({ status: 'DELIVERED', eta: null, currentPosition: null })
    await events.return?.()
  })

  test('books its goods out of the stock when it is picked up', async () => {
    const stock = async () =>
      (
        await shop.ask(
          'inventory',
          staffWith('inventory:read'),
          '{ productVariant(sku: "MUG-STONE-GRY") { stock { onHand committed } } }',
        )
      ).productVariant.stock
    const { id, orderId } = await aShipment()
    const courier = await aCourier()
    await assign(dispatcher, id, courier.id)
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toMatchObject([{ code: expect.any(String) }])
    expect((await read(dispatcher, id)).status).toBe('ASSIGNED')
    await sell(orderId)
    const before = await stock()
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toEqual([])
    expect(await stock()).toEqual({ onHand: before.onHand - 2, committed: before.committed - 2 })
    // A retry books nothing out again.
    expect((await setStatus(courier.user, id, 'PICKED_UP')).shipment).toEqual({ status: 'PICKED_UP' })
    expect((await stock()).onHand).toBe(before.onHand - 2)
  })

  test('is shown at its newest position to whoever begins to follow it, and resumed after a sequence', async () => {
    const { id, owner, courier } = await underWay()
    await report(courier, [
      { latitude: 52.51, longitude: 13.39 },
      { latitude: 52.5101, longitude: 13.39 },
      { latitude: 52.5102, longitude: 13.39 },
    ])
    const [first, second] = await takeUntil(follow(owner, id), ({ __typename }) => __typename === 'PositionUpdated')
    expect(first).toMatchObject({ event: { status: 'IN_TRANSIT' } })
    expect(second).toMatchObject({ position: { point: { latitude: 52.5102 } }, shipment: { status: 'IN_TRANSIT' } })
    const { lastSequence } = await read(owner, id)
    const events = follow(owner, id, lastSequence)
    const next = takeUntil(events, ({ __typename }) => __typename === 'PositionUpdated')
    await report(courier, [{ latitude: 52.51021, longitude: 13.39 }])
    expect(await next).toMatchObject([{ sequence: lastSequence + 1, position: { point: { latitude: 52.51021 } } }])
    await events.return?.()
  })

  test('counts only positions that can be believed', async () => {
    const { courier, id, owner } = await underWay()
    expect(
      await report(courier, [
        { latitude: 52.51, longitude: 13.39 },
        { latitude: 48.1, longitude: 11.5 },
      ]),
    ).toEqual({
      acceptedCount: 1,
      userErrors: [],
    })
    expect((await read(owner, id)).path).toHaveLength(1)
  })

  test('arrives by hand where its place on the map is not known', async () => {
    const { id, courier, owner } = await underWay(aCustomer(), null)
    await report(courier, [home])
    expect(await read(owner, id)).toMatchObject({ status: 'IN_TRANSIT', eta: { remainingMeters: null } })
    expect((await setStatus(courier, id, 'ARRIVING')).shipment).toEqual({ status: 'ARRIVING' })
  })

  test('does not skip a state', async () => {
    const { id, courier } = await underWay()
    expect((await setStatus(courier, id, 'DELIVERED')).userErrors).toEqual([
      { code: 'STATE_TRANSITION', field: ['input', 'status'], fromState: 'PICKED_UP', allowed: ['IN_TRANSIT'] },
    ])
  })

  test('takes reports that come at the same time one after the other', async () => {
    const { id, courier, owner } = await underWay()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        report(courier, [{ latitude: 52.51 + index * 0.00001, longitude: 13.39 }]),
      ),
    )
    const accepted = answers.reduce((sum, { acceptedCount }) => sum + acceptedCount, 0)
    expect((await read(owner, id)).path).toHaveLength(accepted)
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
      expect(value.errors[0].extensions.code).toBe('BAD_USER_INPUT')
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

describe('a tracking link', () => {
  const byToken = `query ($token: String!) { trackingByToken(token: $token) {
    status order { id } lines { title } destination { line1 } instructions proof { signedBy } events { status } } }`
  const share = async (viewer: Viewer, shipmentId: string, more: object = {}) =>
    (
      await delivery(
        viewer,
        'mutation ($input: TrackingShareCreateInput!) { trackingShareCreate(input: $input) { token url userErrors { code field } } }',
        { input: { shipmentId, ...more } },
      )
    ).trackingShareCreate

  test('shows how far it is, and nothing private, until it is revoked', async () => {
    const { id, owner } = await underWay()
    const { token, url } = await share(owner, id)
    expect(url).toContain(token)
    expect((await delivery({ kind: 'anonymous' }, byToken, { token })).trackingByToken).toEqual({
      status: 'PICKED_UP',
      order: null,
      lines: [],
      destination: null,
      instructions: null,
      proof: null,
      events: [{ status: 'PENDING' }, { status: 'ASSIGNED' }, { status: 'PICKED_UP' }],
    })
    await delivery(owner, `mutation { trackingShareRevoke(input: { shipmentId: "${id}" }) { ok } }`)
    expect((await delivery({ kind: 'anonymous' }, byToken, { token })).trackingByToken).toBeNull()
  })

  test('is made by the buyer alone, for at most 30 days', async () => {
    const { id, owner, courier } = await underWay()
    expect((await share(courier, id)).userErrors).toEqual([{ code: 'NOT_FOUND', field: ['input', 'shipmentId'] }])
    const expiresAt = new Date(Date.now() + 31 * 86_400_000).toISOString()
    expect((await share(owner, id, { expiresAt })).userErrors).toEqual([
      { code: 'INVALID', field: ['input', 'expiresAt'] },
    ])
  })

  test('opens a page in a browser', async () => {
    const { id, owner } = await underWay()
    const { url } = await share(owner, id)
    const [route] = shop.part('delivery').subgraph.routes!
    const page = await route!.handle(shop.part('delivery').ownContext(), new Request(url))
    expect(await page.text()).toContain('The courier has your goods.')
    expect((await route!.handle(shop.part('delivery').ownContext(), new Request(`${url}x`))).status).toBe(404)
  })
})

test('what a guest bought is the account’s after it is claimed', async () => {
  const guest = aGuest()
  const user = aCustomer()
  const { id } = await aShipment(guest)
  expect(await read(guest, id)).not.toBeNull()
  await claimShipments(shop.part('delivery').ownContext(), guest.id, user.id)
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

test('whoever follows a link is let go when it is revoked', async () => {
  const { id, owner } = await underWay()
  const input = { shipmentId: id }
  const { trackingShareCreate } = await delivery(
    owner,
    'mutation ($input: TrackingShareCreateInput!) { trackingShareCreate(input: $input) { token } }',
    { input },
  )
  const events = shop.watch(
    'delivery',
    { kind: 'anonymous' },
    'subscription ($token: String!) { deliveryTrackingByToken(token: $token) { ... on EtaUpdated { eta { remainingMeters } } ... on ShipmentStatusChanged { event { status } shipment { order { id } lines { title } } } } }',
    { token: trackingShareCreate.token },
  )
  expect((await events.next()).value.data.deliveryTrackingByToken).toEqual({ eta: { remainingMeters: null } })
  expect((await events.next()).value.data.deliveryTrackingByToken).toEqual({
    event: { status: 'PICKED_UP' },
    shipment: { order: null, lines: [] },
  })
  const end = events.next()
  await delivery(owner, 'mutation ($input: TrackingShareRevokeInput!) { trackingShareRevoke(input: $input) { ok } }', {
    input,
  })
  expect((await end).done).toBe(true)
})

describe('delivery options of a cart', () => {
  const options = async (shippingAddress: object | null, subtotal = '10.00', totalWeightGrams = 500) =>
    (
      await delivery(
        aGuest(),
        `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Cart { deliveryOptions { name price { amount } } } } }`,
        {
          r: [
            {
              __typename: 'Cart',
              id: uuidv7(),
              totalWeightGrams,
              subtotal: { amount: subtotal, currencyCode: 'EUR' },
              shippingAddress,
            },
          ],
        },
      )
    )._entities[0].deliveryOptions

  test('are the methods of its country, cheapest first', async () => {
    expect(await options({ countryCode: 'DE', postalCode: '10119' })).toEqual([
      { name: 'Standard', price: { amount: '4.90' } },
      { name: 'Express', price: { amount: '9.90' } },
    ])
    expect(await options({ countryCode: 'DE' }, '75.00')).toMatchObject([
      { name: 'Standard', price: { amount: '0.00' } },
      {},
    ])
    expect(await options({ countryCode: 'FR' }, '10.00', 1500)).toMatchObject([{ price: { amount: '12.90' } }, {}])
  })

  test('are none where the shop does not deliver, and unknown without an address', async () => {
    expect(await options({ countryCode: 'AQ' })).toEqual([])
    expect(await options(null)).toBeNull()
  })

  test('of many carts are read in one statement', async () => {
    const r = ['DE', 'FR', 'US'].map((countryCode) => ({
      __typename: 'Cart',
      id: uuidv7(),
      totalWeightGrams: 1,
      subtotal: { amount: '1.00', currencyCode: 'EUR' },
      shippingAddress: { countryCode },
    }))
    const statements = await shop.statements(() =>
      delivery(
        aGuest(),
        'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Cart { deliveryOptions { id } } } }',
        { r },
      ),
    )
    expect(statements).toHaveLength(1)
  })
})
