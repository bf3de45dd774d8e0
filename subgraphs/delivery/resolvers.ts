import type { Context } from '#platform/context.ts'
import type { LiveMessage } from '#platform/live.ts'
import { payload } from '#platform/user-errors.ts'
import { requireService } from '#platform/viewer.ts'
import { unlessLink } from './access.ts'
import { callOffShipments } from './calling-off.ts'
import {
  allCouriers,
  courierIn,
  courierProfile,
  readCourier,
  reportPositions,
  setDuty,
  shipmentIn,
  unlessOthers,
  upsertCourier,
  watchAssignments,
  watchFleet,
} from './couriers.ts'
import { assignShipment } from './dispatch.ts'
import { attemptsOf, courierById, eventsOf, linesOf, proofOf, zoneById } from './loaders.ts'
import { allMethods, allZones, optionsForCart, optionsForGoods, type CartRepresentation } from './options.ts'
import type { Resolvers } from './schema.generated.ts'
import { STALE_MS, underWay } from './shipment.ts'
import {
  activeShipments,
  allShipments,
  findShipment,
  fulfillmentFor,
  pathOf,
  recordAttempt,
  setInstructions,
  shipmentsFor,
  submitProof,
  updateStatus,
} from './shipments.ts'
import { shipmentOf, trackByToken, trackShipment, type TrackingUpdate } from './tracking.ts'
import { createLink, linkedShipment, revokeLinks } from './tracking-links.ts'

const itself = (update: TrackingUpdate) => update
const money = (amountMinor: number, currency: string) => ({ amountMinor, currency })

export const resolvers: Resolvers = {
  Query: {
    shipment: (_, args, ctx) => findShipment(ctx, args),
    trackingByToken: (_, { token }, ctx) => linkedShipment(ctx, token),
    deliveryOptions: (_, args, ctx) => optionsForGoods(ctx, args),
    shipments: (_, args, ctx) => allShipments(ctx, args),
    couriers: (_, args, ctx) => allCouriers(ctx, args),
    deliveryZones: (_, _args, ctx) => allZones(ctx),
    shippingMethods: (_, _args, ctx) => allMethods(ctx),
  },
  Mutation: {
    deliveryInstructionsSet: (_, { input }, ctx) => payload(() => setInstructions(ctx, input)),
    trackingShareCreate: (_, { input }, ctx) => payload(() => createLink(ctx, input)),
    trackingShareRevoke: (_, { input }, ctx) => payload(() => revokeLinks(ctx, input), { ok: false }),
    courierDutySet: (_, { input }, ctx) => payload(() => setDuty(ctx, input.onDuty)),
    courierPositionsReport: (_, { input }, ctx) => payload(() => reportPositions(ctx, input)),
    shipmentStatusUpdate: (_, { input }, ctx) => payload(() => updateStatus(ctx, input)),
    deliveryAttemptRecord: (_, { input }, ctx) => payload(() => recordAttempt(ctx, input)),
    proofOfDeliverySubmit: (_, { input }, ctx) => payload(() => submitProof(ctx, input)),
    shipmentAssign: (_, { input }, ctx) => payload(() => assignShipment(ctx, input), { isReplay: false }),
    courierUpsert: (_, { input }, ctx) => payload(() => upsertCourier(ctx, input)),
    shipmentsCancelForOrder: (_, { input }, ctx) =>
      payload(() => callOffShipments(ctx, requireService(ctx.viewer), input), { isReplay: false }),
  },
  Subscription: {
    deliveryTracking: { subscribe: (_, args, ctx) => trackShipment(ctx, args), resolve: itself },
    deliveryTrackingByToken: { subscribe: (_, args, ctx) => trackByToken(ctx, args), resolve: itself },
    courierShipmentsChanged: {
      subscribe: (_, _args, ctx) => watchAssignments(ctx),
      resolve: (hint: LiveMessage, _: unknown, ctx: Context) => shipmentIn(ctx, hint),
    },
    fleetPositions: {
      subscribe: (_, _args, ctx) => watchFleet(ctx),
      resolve: (hint: LiveMessage, _: unknown, ctx: Context) => courierIn(ctx, hint),
    },
  },
  Shipment: {
    __resolveReference: (reference, ctx) => findShipment(ctx, reference),
    order: ({ seenAs, orderId }) =>
      seenAs === 'LINK' || seenAs === 'COURIER' ? null : { __typename: 'Order', id: orderId },
    lines: (shipment, _, ctx) => unlessLink(shipment, linesOf(ctx).load(shipment.id), []),
    origin: (shipment) => unlessLink(shipment, { __typename: 'StockLocation' as const, id: shipment.originId }, null),
    destination: (shipment) => unlessLink(shipment, shipment.destination, null),
    courier: ({ courierId }, _, ctx) => (courierId === null ? null : courierById(ctx).load(courierId)),
    currentPosition: ({ status, position }) => (underWay.includes(status) ? position : null),
    path: (shipment, args, ctx) => pathOf(ctx, shipment, args),
    events: ({ id }, _, ctx) => eventsOf(ctx).load(id),
    attempts: ({ id }, _, ctx) => attemptsOf(ctx).load(id),
    proof: (shipment, _, ctx) => unlessLink(shipment, proofOf(ctx).load(shipment.id), null),
    instructions: (shipment) => unlessLink(shipment, shipment.instructions, null),
  },
  ShipmentLine: { line: ({ orderLineId }) => ({ __typename: 'OrderLine', id: orderLineId }) },
  Courier: {
    __resolveReference: ({ id }, ctx) => readCourier(ctx, id),
    user: ({ userId }) => ({ __typename: 'User', id: userId }),
    position: (courier, _, ctx) => unlessOthers(ctx, courier, () => (courier.isOnDuty ? courier.position : null)),
    activeShipments: (courier, _, ctx) => unlessOthers(ctx, courier, () => activeShipments(ctx, courier.id)),
  },
  CourierPosition: {
    point: ({ latitude, longitude }) => ({ latitude, longitude }),
    recordedAt: ({ recordedAt }) => new Date(recordedAt),
    receivedAt: ({ receivedAt }) => new Date(receivedAt),
    isStale: ({ recordedAt }, _, ctx) => ctx.now().getTime() - Date.parse(recordedAt) > STALE_MS,
  },
  Eta: {
    earliest: ({ earliest }) => new Date(earliest),
    latest: ({ latest }) => new Date(latest),
    computedAt: ({ computedAt }) => new Date(computedAt),
  },
  PositionUpdated: { position: ({ position }) => position!, shipment: (update, _, ctx) => shipmentOf(ctx, update) },
  EtaUpdated: { eta: ({ eta }) => eta!, shipment: (update, _, ctx) => shipmentOf(ctx, update) },
  ShipmentStatusChanged: { event: ({ event }) => event!, shipment: (update, _, ctx) => shipmentOf(ctx, update) },
  ShippingMethod: {
    zone: async ({ zoneId }, _, ctx) => (await zoneById(ctx).load(zoneId))!,
    basePrice: ({ basePrice, currency }) => money(basePrice, currency),
    pricePerKg: ({ pricePerKg, currency }) => money(pricePerKg, currency),
    freeAbove: ({ freeAbove, currency }) => (freeAbove === null ? null : money(freeAbove, currency)),
  },
  Order: {
    shipments: ({ id }, _, ctx) => shipmentsFor(ctx, id),
    fulfillmentStatus: ({ id }, _, ctx) => fulfillmentFor(ctx, id),
  },
  Cart: { deliveryOptions: (cart, _, ctx) => optionsForCart(ctx, cart as unknown as CartRepresentation) },
  User: { courierProfile: ({ id }, _, ctx) => courierProfile(ctx, id) },
}
