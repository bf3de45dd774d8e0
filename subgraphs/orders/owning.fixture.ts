import { expect } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Guest, User, Viewer } from '#platform/viewer.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { buyingAt, MUG } from './buying.fixture.ts'
import { aService, staffWith } from '../../tests/setup/viewers.ts'
import { recoverErrands } from './errand-recovery.ts'

const staff = staffWith('orders:read', 'orders:manage')

export const RETURN = `id status refundAmount { amount } note order { id }
  lines { line { id } quantity receivedQuantity }`
const ORDER = `id status version allowedActions returns { ${RETURN} }
  lines { id quantity returnedQuantity total { amount } } timeline { nodes { kind message actor { id } } }`
const ERRORS = `userErrors { __typename code field message ... on StateTransitionError { fromState allowed } }`
const HOUR_MS = 3_600_000

/** What tests do with orders after they were bought, and look at. */
export function owningAt(shop: Parts) {
  const at = buyingAt(shop)
  const orders = shop.part('orders')

  /** An order that was bought and paid, and its checkout. */
  async function bought(
    buyer: Guest | User,
    lines: [variantId: string, quantity: number][] = [[MUG, 2]],
    card?: string,
  ) {
    const { input, cart } = await at.checkoutOf(buyer, lines, card)
    const { order, userErrors } = await at.complete(buyer, input)
    expect(userErrors).toEqual([])
    return {
      id: order.id as string,
      checkoutId: input.checkoutId,
      totalMinor: Math.round(Number(cart.total.amount) * 100),
    }
  }

  /** Hands the news that it is ready to ship on to delivery. */
  async function release(orderId: string): Promise<void> {
    const facts = await at.factsOf(orderId)
    const ready = facts.find(({ name }) => name === 'OrderReadyToShip')
    const { subgraph, ownContext } = shop.part('delivery')
    await subgraph.reactions!.find(({ fact }) => fact.name === ready!.name)!.handle(ownContext(), ready!)
  }

  const cancel = async (viewer: Viewer, orderId: string, reason = 'CUSTOMER', idempotencyKey = uuidv7()) =>
    await at.mutate(
      'orders',
      viewer,
      'orderCancel',
      { orderId, reason, idempotencyKey },
      `order { id status cancelReason cancelledAt version allowedActions lines { cancelledQuantity }
        timeline { nodes { kind actor { id } } } } isReplay ${ERRORS}`,
    )

  /** Books all that was sold to an order out of its places, as delivery does. */
  async function ship(orderId: string): Promise<void> {
    const sold = await at.sql<{ variantId: string; locationId: string; quantity: number }>(
      `select l.variant_id as "variantId", l.location_id as "locationId", l.quantity
       from inventory.reservation_lines l join inventory.reservations r on r.id = l.reservation_id
       where r.order_id = $1`,
      orderId,
    )
    for (const [locationId, parts] of Map.groupBy(sold, (line) => line.locationId)) {
      const lines = parts.map(({ variantId, quantity }) => ({ variantId, quantity }))
      const input = { orderId, shipmentId: uuidv7(), locationId, lines, idempotencyKey: uuidv7() }
      const { ok } = await at.mutate('inventory', aService('delivery'), 'stockShip', input, 'ok userErrors { code }')
      expect(ok).toBe(true)
    }
  }

  /** An order all of which has arrived, as its couriers would leave it. */
  async function delivered(buyer: Guest | User, lines?: [variantId: string, quantity: number][]) {
    const order = await bought(buyer, lines)
    await ship(order.id)
    const rows = (await read(buyer, order.id)).lines as { id: string; quantity: number; total: { amount: string } }[]
    for (const status of ['PICKED_UP', 'DELIVERED']) {
      const news = rows.map(({ id, quantity }) => ({ orderLineId: id, quantity }))
      await hear('ShipmentStatusChanged', { orderId: order.id, status, lines: news })
    }
    return { ...order, lines: rows }
  }

  /** Moves an order on by hand, as staff who saw it in that version, or just now. */
  async function moveByHand(orderId: string, status: string, version?: number, idempotencyKey = uuidv7()) {
    const expectedVersion = version ?? (await read(staff, orderId)).version
    return await at.mutate(
      'orders',
      staff,
      'orderStatusUpdate',
      { orderId, status, expectedVersion, idempotencyKey },
      `order { ${ORDER} } isReplay ${ERRORS}`,
    )
  }

  const read = async (viewer: Viewer, id: string) =>
    (await shop.ask('orders', viewer, `query ($id: ID!) { order(id: $id) { ${ORDER} } }`, { id })).order

  /** Tells orders, or another part, a fact. */
  async function hear(name: string, data: unknown, eventId = uuidv7(), part: 'orders' | 'payments' = 'orders') {
    const { subgraph, ownContext } = shop.part(part)
    const about = { entityId: uuidv7(), entityVersion: 1, owner: null, requestId: uuidv7() }
    const news = { ...about, eventId, name, version: 1, occurredAt: new Date().toISOString(), data }
    await subgraph.reactions!.find(({ fact }) => fact.name === name)!.handle(ownContext(), news)
  }

  const changeReturn = (viewer: Viewer, field: string, input: object, more = `isReplay`) =>
    at.mutate('orders', viewer, field, input, `returnRequest { ${RETURN} } ${more} ${ERRORS}`)

  type Units = [lineId: string, quantity: number][]
  const linesOf = (units: Units) => units.map(([lineId, quantity]) => ({ lineId, quantity }))

  /** Asks to send units back. */
  const ask = async (viewer: Viewer, orderId: string, units: Units, more: { note?: string } = {}) =>
    await changeReturn(viewer, 'returnCreate', {
      orderId,
      lines: linesOf(units),
      reason: 'CHANGED_MIND',
      idempotencyKey: uuidv7(),
      ...more,
    })

  const cancelReturn = async (viewer: Viewer, id: string) => await changeReturn(viewer, 'returnCancel', { id }, '')

  const approve = async (id: string, viewer: Viewer = staff) =>
    await changeReturn(viewer, 'returnApprove', { id, idempotencyKey: uuidv7() })

  const decline = async (id: string, reason: string, idempotencyKey = uuidv7()) =>
    await changeReturn(staff, 'returnDecline', { id, reason, idempotencyKey })

  /** Books units in: into stock and with their money back, unless told otherwise. */
  const receive = async (
    id: string,
    units: Units,
    {
      key = uuidv7(),
      viewer = staff,
      ...more
    }: { key?: string; viewer?: Viewer; restock?: boolean; refund?: boolean; locationId?: string } = {},
  ) =>
    await changeReturn(viewer, 'returnReceive', {
      id,
      locationId: demoId('location/berlin'),
      lines: linesOf(units),
      restock: true,
      refund: true,
      idempotencyKey: key,
      ...more,
    })

  /** What of a variant lies in all places: on hand, sold, held. */
  async function stockOf(variantId: string) {
    const [row] = await at.sql<{ onHand: number; committed: number; reserved: number }>(
      `select sum(on_hand)::int as "onHand", sum(committed)::int as committed, sum(reserved)::int as reserved
       from inventory.stock_levels where variant_id = $1`,
      variantId,
    )
    return row!
  }

  /** What the recovery job of another process does some hours later, when every lease and pause is over. */
  const recover = (hours = 1) =>
    recoverErrands({ ...orders.ownContext(), now: () => new Date(Date.now() + hours * HOUR_MS) })

  const errandsOf = async (orderId: string) =>
    await at.sql<{ kind: string; status: string; step: number; setbacks: number }>(
      `select kind, status, step, setbacks from orders.errands where order_id = $1 order by created_at`,
      orderId,
    )

  return {
    at,
    staff,
    bought,
    delivered,
    moveByHand,
    read,
    hear,
    release,
    cancel,
    ask,
    cancelReturn,
    approve,
    decline,
    receive,
    stockOf,
    recover,
    errandsOf,
  }
}
