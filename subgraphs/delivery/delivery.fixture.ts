import { expect } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Guest, User, Viewer } from '#platform/viewer.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { aCustomer, aService, staffWith } from '../../tests/setup/viewers.ts'
import { OrderReadyToShip } from '../orders/events.ts'
import { prepareShipments } from './dispatch.ts'
import { couriers } from './tables.ts'

export const shop = await openParts(['delivery', 'inventory'])
for (const name of ['inventory', 'delivery'] as const)
  await shop.part(name).subgraph.seed!(shop.part(name).ownContext())
export const dispatcher = staffWith('delivery:dispatch')
export const home = { latitude: 52.5296, longitude: 13.4014 }

export const context = () => shop.part('delivery').ownContext()

/** Sends every courier home, so that a shipment waits until a test assigns it. */
export async function sendHome(): Promise<void> {
  await context().db.update(couriers).set({ isOnDuty: false })
}

export const delivery = (viewer: Viewer, query: string, variables?: Record<string, unknown>) =>
  shop.ask('delivery', viewer, query, variables)

/** A courier on duty, where the last one was. */
export async function aCourier() {
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

export const endDuty = (user: User) =>
  delivery(user, 'mutation { courierDutySet(input: { onDuty: false }) { userErrors { code } } }')

/** Takes the units of an order out of what can be sold, as a checkout does. */
export async function sell(orderId: string) {
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
export async function aShipment(owner: Guest | User = aCustomer(), location: typeof home | null = home) {
  const orderId = uuidv7()
  const event = readyToShip(orderId, owner, location)
  await prepareShipments(context(), event)
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

export async function shipmentsOf(viewer: Viewer, orderId: string): Promise<{ id: string; status: string }[] | null[]> {
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
export const read = async (viewer: Viewer, id: string) => (await delivery(viewer, SHIPMENT, { id })).shipment

export const setStatus = async (viewer: Viewer, shipmentId: string, status: string) =>
  (
    await delivery(
      viewer,
      `mutation ($input: ShipmentStatusUpdateInput!) { shipmentStatusUpdate(input: $input) {
        shipment { status } userErrors { code field ... on StateTransitionError { fromState allowed } } } }`,
      { input: { shipmentId, status } },
    )
  ).shipmentStatusUpdate

export const assign = async (viewer: Viewer, shipmentId: string, courierId: string, idempotencyKey = uuidv7()) =>
  (
    await delivery(
      viewer,
      `mutation ($input: ShipmentAssignInput!) { shipmentAssign(input: $input) {
        shipment { status courier { id } } isReplay userErrors { code field } } }`,
      { input: { shipmentId, courierId, idempotencyKey } },
    )
  ).shipmentAssign

export const report = async (
  viewer: Viewer,
  points: readonly { latitude: number; longitude: number }[],
  secondsAgo = 0,
) => {
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
export const follow = (viewer: Viewer, shipmentId: string, afterSequence?: number) =>
  shop.watch('delivery', viewer, FOLLOW, { shipmentId, afterSequence })

type Update = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- what the test asked for

export async function takeUntil(
  events: ReturnType<typeof follow>,
  isLast: (update: Update) => boolean,
): Promise<Update[]> {
  const taken: Update[] = []
  do {
    const { value } = await events.next()
    taken.push(Object.values(value.data)[0] as Update)
  } while (!isLast(taken.at(-1)!))
  return taken
}

/** A shipment that its courier has with them. */
export async function underWay(owner: Guest | User = aCustomer(), location: typeof home | null = home) {
  const shipment = await aShipment(owner, location)
  const courier = await aCourier()
  await assign(dispatcher, shipment.id, courier.id)
  await sell(shipment.orderId)
  expect((await setStatus(courier.user, shipment.id, 'PICKED_UP')).userErrors).toEqual([])
  return { ...shipment, courier: courier.user }
}
