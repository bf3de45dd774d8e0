import { eq } from 'drizzle-orm'
import { openDatabase } from '#platform/database.ts'
import { outbox } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import type { Guest, User, Viewer } from '#platform/viewer.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { answerChallenge } from './challenge.ts'
import type { PaymentAuthorizeInput, PaymentCompensateInput } from './schema.generated.ts'
import { payments, sandboxAuthorizations } from './tables.ts'

export const VISA = '4242424242424242'
export const staff = staffWith('payments:read', 'payments:manage')
const orders = aService('orders')

const errors = `userErrors {
  __typename code field ... on PaymentDeclinedError { declineCode isRetryable } ... on StateTransitionError { fromState }
}`
const shown =
  'id status nextAction { kind url clientSecret } authorized { amount } captured { amount } refunded { amount } refundable { amount }'

/** Codes and field paths of a payload's errors. */
export const codes = (payload: { userErrors: { code: string; field: string[] | null }[] }) =>
  payload.userErrors.map(({ code, field }) => [code, field?.join('.') ?? null])

export const kinds = (rows: { kind: string; status: string }[]) => rows.map(({ kind, status }) => `${kind} ${status}`)

/** What tests of payments do and look at, in the words of the subgraph's callers. */
export function payingAt(shop: Parts) {
  const own = () => shop.part('payments').ownContext()

  const call = async (viewer: Viewer, name: string, input: object, selection = `payment { ${shown} } isReplay`) => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`
    const mutation = `mutation($input: ${type}!) { ${name}(input: $input) { ${selection} ${errors} } }`
    return (await shop.ask('payments', viewer, mutation, { input }))[name]
  }

  const entity = async (viewer: Viewer, reference: { __typename: string; id: string }, selection: string) => {
    const query = `query($of: [_Any!]!) { _entities(representations: $of) { ... on ${reference.__typename} { ${selection} } } }`
    return (await shop.ask('payments', viewer, query, { of: [reference] }))._entities[0]
  }

  const token = async (cardNumber: string): Promise<string> => {
    const card = { cardNumber, expiryMonth: 12, expiryYear: new Date().getUTCFullYear() + 1, cvc: '123' }
    return (await call(aGuest(), 'cardTokenize', { card }, 'token')).token
  }

  const undo = (input: PaymentCompensateInput) => call(orders, 'paymentCompensate', input)

  return {
    own,
    call,
    entity,
    token,

    /** Runs with the clock set forward. */
    async later<T>(minutes: number, run: () => Promise<T>): Promise<T> {
      shop.clock.now = new Date(Date.now() + minutes * 60_000)
      return await run().finally(() => (shop.clock.now = null))
    },

    /** 58.80 EUR in a checkout's first attempt. */
    async purchase(buyer: User | Guest, cardNumber = VISA): Promise<PaymentAuthorizeInput> {
      const checkoutId = uuidv7()
      return {
        checkoutId,
        attempt: 1,
        orderId: uuidv7(),
        ...(buyer.kind === 'user' ? { customerId: buyer.id } : { guestId: buyer.id }),
        amount: { amount: '58.80', currencyCode: 'EUR' },
        paymentToken: await token(cardNumber),
        idempotencyKey: `ck:${checkoutId}:authorize:1`,
      }
    },

    authorize: (input: PaymentAuthorizeInput) => call(orders, 'paymentAuthorize', input),

    /** The buyer's decision on the 3-D Secure page. */
    async decide(url: string, result: string): Promise<Response> {
      const body = new URLSearchParams({ result })
      return await answerChallenge(own(), new Request(url, { method: 'POST', body }))
    },

    capture: ({ orderId }: PaymentAuthorizeInput, idempotencyKey = `ord:${orderId}:capture:1`) =>
      call(orders, 'paymentCaptureForOrder', { orderId, idempotencyKey }),

    undo,

    compensate: ({ checkoutId, attempt }: PaymentAuthorizeInput) =>
      undo({ checkoutId, attempt, reason: 'sold out', idempotencyKey: `ck:${checkoutId}:undo:${attempt}` }),

    paymentsOf: async (viewer: Viewer, { checkoutId }: PaymentAuthorizeInput) =>
      (await entity(viewer, { __typename: 'Checkout', id: checkoutId }, 'payments { id status }')).payments,

    orderOf(viewer: Viewer, { orderId: id }: PaymentAuthorizeInput) {
      const order = { __typename: 'Order', id, total: { amount: '58.80', currencyCode: 'EUR' } }
      const selection =
        'financialStatus outstanding { amount } payments { status } refunds { status amount { amount } reason }'
      return entity(viewer, order, selection)
    },

    async transactionsOf(id: string) {
      const query = 'query($id: ID!) { payment(id: $id) { transactions { kind status amount { amount } errorCode } } }'
      return (await shop.ask('payments', staff, query, { id })).payment.transactions
    },

    /** What the processor holds for a purchase, in minor units. */
    atProcessor: ({ orderId }: PaymentAuthorizeInput) =>
      own()
        .db.select({
          amount: sandboxAuthorizations.amountMinor,
          captured: sandboxAuthorizations.capturedMinor,
          released: sandboxAuthorizations.releasedMinor,
          refunded: sandboxAuthorizations.refundedMinor,
        })
        .from(sandboxAuthorizations)
        .innerJoin(payments, eq(payments.providerReference, sandboxAuthorizations.reference))
        .where(eq(payments.orderId, orderId)),

    /** Facts announced about a payment. The subgraph's own role may not read the outbox. */
    async facts(paymentId: string) {
      await using database = openDatabase(shop.config.DATABASE_URL!, { name: 'test', max: 1 })
      const rows = await database.db.select().from(outbox).orderBy(outbox.eventId)
      return rows.filter(({ event }) => event.entityId === paymentId).map(({ name, event }) => [name, event.data])
    },
  }
}
