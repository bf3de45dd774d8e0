import { expect } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Guest, User, Viewer } from '#platform/viewer.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { buyingAt, MUG } from './buying.fixture.ts'
import { recoverErrands } from './errand-recovery.ts'

const ERRORS = `userErrors { __typename code field ... on StateTransitionError { fromState allowed } }`
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

  return { at, bought, release, cancel, stockOf, recover, errandsOf }
}
