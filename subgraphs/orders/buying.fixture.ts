import postgres from 'postgres'
import type { Announced } from '#platform/facts.ts'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Guest, User, Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { checkInvariants } from '../invariants.ts'
import { payingAt } from '../payments/paying.fixture.ts'

export const VISA = '4242424242424242'
export const DECLINED = '4000000000000002'
export const UNCAPTURABLE = '4000000000000341'
/** Its bank asks the buyer to confirm. */
export const SECURE = '4000002500003155'
export const MUG = demoId('variant/MUG-STONE-GRY')
export const BAG = demoId('variant/BAG-CANVAS-NAT')
export const TEE = demoId('variant/TEE-LINEN-BLU-M')

const berlin = demoId('location/berlin')
const clerk = staffWith('orders:read', 'orders:manage')
const manager = staffWith('inventory:manage', 'inventory:read')
const address = { line1: 'Kastanienallee 12', city: 'Berlin', postalCode: '10435', countryCode: 'DE' }

const CHECKOUT = `id status version total { amount currencyCode } cart { id }
  steps { name status attempts } failure { code message isRetryable } order { id number status }`
const ERRORS = `userErrors { __typename code field message
  ... on InsufficientStockError { variant { id } requested available }
  ... on PaymentDeclinedError { declineCode } ... on StateTransitionError { fromState toState } }`

export const codes = ({ userErrors }: { userErrors: { code: string }[] }): string[] =>
  userErrors.map(({ code }) => code)

/** The parts that a purchase goes through, with the demo catalogue and ways of delivery. */
export async function openShop(env: Record<string, string> = {}): Promise<Parts> {
  const shop = await openParts(['inventory', 'cart', 'orders', 'payments', 'delivery'], env)
  for (const name of ['inventory', 'cart', 'delivery'] as const) {
    await shop.part(name).subgraph.seed?.(shop.part(name).ownContext())
  }
  return shop
}

type Buyer = Guest | User

/** What tests of buying do and look at. */
export function buyingAt(shop: Parts) {
  const mutate = async (
    part: 'cart' | 'orders' | 'payments' | 'inventory',
    viewer: Viewer,
    field: string,
    input: object,
    selection: string,
  ) => {
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
    const document = `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} } }`
    return (await shop.ask(part, viewer, document, { input }))[field]
  }

  const token = async (cardNumber = VISA): Promise<string> => {
    const card = { cardNumber, expiryMonth: 12, expiryYear: new Date().getUTCFullYear() + 1, cvc: '123' }
    return (await mutate('payments', aGuest(), 'cardTokenize', { card }, 'token')).token
  }

  /** A cart ready to be bought. */
  const cartOf = async (buyer: Buyer, lines: [variantId: string, quantity: number][] = [[MUG, 1]]) => {
    const given = { lines: lines.map(([variantId, quantity]) => ({ variantId, quantity })) }
    const { cart } = await mutate('cart', buyer, 'cartCreate', given, 'cart { id } userErrors { code message }')
    const who = { cartId: cart.id, email: 'buyer@example.com', shippingAddress: address }
    await mutate('cart', buyer, 'cartBuyerUpdate', who, 'userErrors { code }')
    const chosen = { cartId: cart.id, optionId: await optionFor(buyer, cart.id) }
    const { cart: ready } = await mutate(
      'cart',
      buyer,
      'cartDeliveryOptionSelect',
      chosen,
      'cart { id total { amount } } userErrors { code }',
    )
    return ready as { id: string; total: { amount: string } }
  }

  // Delivery is asked as the router asks: with the cart as an entity.
  const optionFor = async (buyer: Buyer, id: string): Promise<string> => {
    const cart =
      'query ($id: ID) { cart(id: $id) { totalWeightGrams subtotal { amount currencyCode } shippingAddress { countryCode postalCode } } }'
    const representation = { __typename: 'Cart', id, ...(await shop.ask('cart', buyer, cart, { id })).cart }
    const options =
      'query ($of: [_Any!]!) { _entities(representations: $of) { ... on Cart { deliveryOptions { id } } } }'
    const {
      _entities: [found],
    } = await shop.ask('delivery', buyer, options, { of: [representation] })
    return found.deliveryOptions[0].id
  }

  const open = async (buyer: Buyer, cartId: string) =>
    await mutate('orders', buyer, 'checkoutCreate', { cartId }, `checkout { ${CHECKOUT} } ${ERRORS}`)

  const sql = async <T extends object>(text: string, ...values: string[]): Promise<T[]> => {
    const admin = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
    try {
      return await admin.unsafe<T[]>(text, values)
    } finally {
      await admin.end()
    }
  }

  /** What does not hold that has to, with the rows that show it; see `npm run check:invariants`. */
  const broken = async () => {
    const admin = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
    try {
      const checked = await checkInvariants(admin)
      return checked.flatMap(({ part, name, offending }) => offending.map((row) => ({ part, name, ...row })))
    } finally {
      await admin.end()
    }
  }

  /** The buyer's payment of a checkout, the last one. */
  const paymentOf = async (buyer: Viewer, checkoutId: string) => {
    const query = `query ($of: [_Any!]!) {
      _entities(representations: $of) { ... on Checkout { payments { id status nextAction { url } } } } }`
    const of = [{ __typename: 'Checkout', id: checkoutId }]
    const [{ payments }] = (await shop.ask('payments', buyer, query, { of }))._entities
    return payments.at(-1) as { id: string; status: string; nextAction: { url: string } | null }
  }

  return {
    mutate,
    broken,
    token,
    cartOf,
    open,
    sql,
    paymentOf,

    /** What the buyer says on the page of the bank that asks. */
    async decide(buyer: Viewer, checkoutId: string, result: 'approve' | 'decline') {
      const { nextAction } = await paymentOf(buyer, checkoutId)
      await payingAt(shop).decide(nextAction!.url, result)
    },

    /** Has the card processor take the money of a checkout after all that it refused. */
    openUp: (checkoutId: string) =>
      sql(
        `update payments.sandbox_authorizations s set behaviour = 'approve' from payments.payments p
         where s.reference = p.provider_reference and p.checkout_id = $1`,
        checkoutId,
      ),

    /** A part as one of its processes is some time later. */
    later: (minutes: number, part: 'orders' | 'inventory' | 'payments' = 'orders') => ({
      ...shop.part(part).ownContext(),
      now: () => new Date(Date.now() + minutes * 60_000),
    }),

    /** A checkout of a cart of its own, and what its buyer completes it with. */
    async checkoutOf(buyer: Buyer, lines?: [variantId: string, quantity: number][], cardNumber?: string) {
      const cart = await cartOf(buyer, lines)
      const { checkout } = await open(buyer, cart.id)
      const input = {
        checkoutId: checkout.id as string,
        paymentToken: await token(cardNumber),
        expectedTotal: { amount: cart.total.amount, currencyCode: 'EUR' },
        idempotencyKey: uuidv7(),
      }
      return { buyer, cart, input }
    },

    complete: async (buyer: Viewer, input: object) =>
      await mutate(
        'orders',
        buyer,
        'checkoutComplete',
        input,
        `checkout { ${CHECKOUT} } order { id number status } isReplay ${ERRORS}`,
      ),

    cancel: async (buyer: Viewer, checkoutId: string) =>
      await mutate('orders', buyer, 'checkoutCancel', { checkoutId }, `checkout { ${CHECKOUT} } ${ERRORS}`),

    /** What staff see of checkouts in need. */
    inNeed: async () =>
      (await shop.ask('orders', clerk, '{ checkoutsNeedingAttention { nodes { id status version } totalCount } }'))
        .checkoutsNeedingAttention,

    recover: async (checkoutId: string, idempotencyKey = uuidv7()) =>
      await mutate(
        'orders',
        clerk,
        'checkoutRecover',
        { checkoutId, idempotencyKey },
        `checkout { ${CHECKOUT} } isReplay ${ERRORS}`,
      ),

    read: async (buyer: Viewer, id: string) =>
      (await shop.ask('orders', buyer, `query ($id: ID!) { checkout(id: $id) { ${CHECKOUT} } }`, { id })).checkout,

    /** Sets what can be bought of a variant. */
    async stock(variantId: string, units: number) {
      const query = 'query ($ids: [ID!]!) { variantsForCart(ids: $ids) { stock { available } } }'
      const { variantsForCart } = await shop.ask('inventory', aService('cart'), query, { ids: [variantId] })
      const rows = await sql<{ location: string; free: number }>(
        `select location_id as location, on_hand - committed - reserved as free from inventory.stock_levels where variant_id = $1`,
        variantId,
      )
      const changes = rows.flatMap(({ location, free }) => {
        const delta = (location === berlin ? units : 0) - free
        return delta === 0 ? [] : [{ variantId, locationId: location, delta }]
      })
      if (variantsForCart[0].stock.available === units && changes.length === 0) return
      const input = { changes, reason: 'counted', idempotencyKey: uuidv7() }
      await mutate('inventory', manager, 'stockAdjust', input, 'userErrors { code }')
    },

    /** Lets the next calls of the card processor go wrong: `['authorize lost-answer', 'lookup lost-request']`. */
    async planFaults(...faults: string[]) {
      for (const each of faults) {
        const [operation, fault] = each.split(' ') as [string, string]
        // uuidv7: they are taken in the order of their ids.
        await sql(
          `insert into payments.sandbox_faults (id, operation, fault) values ($1, $2, $3)`,
          uuidv7(),
          operation,
          fault,
        )
      }
    },

    /** What is held or was taken for a checkout, wherever. */
    async heldFor(checkoutId: string) {
      const [row] = await sql<{ holds: string[]; money: string[]; orders: number; cart: string }>(
        `select
          array(select status from inventory.reservations where checkout_id = $1 and status in ('HELD', 'COMMITTED')) as holds,
          array(select status from payments.payments where checkout_id = $1 and status not in ('DECLINED', 'FAILED', 'VOIDED')) as money,
          (select count(*)::int from orders.orders where checkout_id = $1) as orders,
          (select c.status from cart.carts c join orders.checkouts o on o.cart_id = c.id where o.id = $1) as cart`,
        checkoutId,
      )
      return row!
    },

    /** Facts that orders announced of an order, oldest first. */
    async factsOf(orderId: string) {
      const of = `select event from events.outbox where event->>'entityId' = $1 order by event_id`
      return (await sql<{ event: Announced<Record<string, unknown>> }>(of, orderId)).map(({ event }) => event)
    },

    /** Movements of money that the processor carried out for a checkout: authorisations, and minor units taken. */
    async chargedFor(checkoutId: string) {
      const [row] = await sql<{ authorizations: number; captured: number }>(
        `select count(*)::int as authorizations, coalesce(sum(s.captured_minor - s.refunded_minor), 0)::int as captured
         from payments.payments p join payments.sandbox_authorizations s on s.reference = p.provider_reference
         where p.checkout_id = $1`,
        checkoutId,
      )
      return row!
    },
  }
}

export const NOTHING = { holds: [], money: [], orders: 0, cart: 'ACTIVE' }
export const BOUGHT = { holds: ['COMMITTED'], money: ['CAPTURED'], orders: 1, cart: 'CONVERTED' }
