import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { until } from './setup/until.ts'
import {
  address,
  APPROVED,
  buy,
  buySecurely,
  card,
  checkoutOf,
  DECLINED,
  goods,
  openCheckout,
  payment,
  type Line,
  type Money,
} from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn, signIn } from './system/people.ts'
import { execute, OPENING_MS, manyProcesses, oneProcess, type Shop } from './system/topology.ts'

const canSkipRedis = !inject('redisUrl') && !process.env.CI
const topologies = [
  { topology: 'the shop in one process', start: oneProcess, isSkipped: false },
  {
    topology: 'the shop in a process per part, with two routers (skipped without redis-server on the PATH)',
    start: manyProcesses,
    isSkipped: canSkipRedis,
  },
]

describe.each(topologies)('$topology', ({ start, isSkipped }) => {
  describe.skipIf(isSkipped)('a journey', () => {
    let shop: Shop
    // Where one side of a conversation is, and where the other is: the same router when there is only one.
    let here: string
    let there: string
    let wanted: Line[]

    beforeAll(async () => {
      shop = await start()
      here = shop.routers[0]!
      there = shop.routers.at(-1)!
      wanted = await goods(new Visitor(here))
    }, OPENING_MS)
    afterAll(() => shop?.[Symbol.asyncDispose]())

    describe('of a guest', () => {
      let guest: Visitor
      let cartId: string
      let checkoutId: string
      let total: Money
      let orderId: string

      test('begins with a cart of two products', async () => {
        guest = await guestAt(here)
        const created = (await guest.ask('cart-create', { lines: [wanted[0]] })).cartCreate
        cartId = created.cart.id
        const added = (await guest.ask('cart-lines-add', { cartId, lines: [wanted[1]] })).cartLinesAdd
        expect(added).toMatchObject({ userErrors: [], cart: { id: cartId, totalQuantity: 3 } })
      })

      test('goes on with an address and one of the ways to deliver there', async () => {
        const addressed = (await guest.ask('cart-address', { cartId, email: 'nora@example.com', address }))
          .cartBuyerUpdate
        expect(addressed.userErrors).toEqual([])
        const options: { id: string; name: string; price: Money }[] = addressed.cart.deliveryOptions
        expect(options.map(({ name }) => name)).toEqual(expect.arrayContaining(['Standard', 'Express']))
        const { id: optionId, price } = options.at(-1)!
        const chosen = (await guest.ask('cart-delivery', { cartId, optionId })).cartDeliveryOptionSelect
        expect(chosen).toMatchObject({ userErrors: [], cart: { shippingTotal: { amount: price.amount } } })
        total = chosen.cart.total

        const page = (await guest.ask('cart')).cart
        expect(page).toMatchObject({ id: cartId, status: 'ACTIVE', problems: [], total })
        const variants = page.lines.map((line: { variant: { id: string } }) => line.variant.id)
        expect(variants.toSorted()).toEqual(wanted.map(({ variantId }) => variantId).toSorted())
      })

      test('meets a mistyped and an expired card, each refused at its field', async () => {
        const mistyped = (await guest.ask('card-tokenize', { card: card('15346781053311236') })).cardTokenize
        const field = ['input', 'card', 'cardNumber']
        expect(mistyped).toMatchObject({ token: null, userErrors: [{ code: 'INVALID', field }] })
        const expired = (await guest.ask('card-tokenize', { card: card(APPROVED, 2020) })).cardTokenize
        expect(expired.token).toBeNull()
        expect(expired.userErrors[0].field.join('.')).toMatch(/^input\.card\.expiry/)
      })

      test('is declined by the bank: nothing is charged, and cart and checkout stay open', async () => {
        checkoutId = await openCheckout(guest, cartId)
        const input = await payment(guest, checkoutId, total, DECLINED)
        expect((await guest.ask('checkout-complete', input)).checkoutComplete).toMatchObject({
          order: null,
          checkout: { status: 'OPEN', failure: { code: 'PAYMENT_DECLINED', isRetryable: true } },
          // Not with this card: the bank said no.
          userErrors: [{ code: 'PAYMENT_DECLINED', declineCode: expect.any(String), isRetryable: false }],
        })
        expect((await guest.ask('cart')).cart).toMatchObject({ id: cartId, status: 'ACTIVE' })
        expect(await paymentsOf(guest, checkoutId)).toMatchObject([
          { status: 'DECLINED', captured: { amount: '0.00' } },
        ])
      })

      test('completes the same checkout with another card', async () => {
        const input = await payment(guest, checkoutId, total)
        const bought = (await guest.ask('checkout-complete', input)).checkoutComplete
        expect(bought).toMatchObject({
          userErrors: [],
          isReplay: false,
          checkout: { status: 'COMPLETED', failure: null },
          order: { total },
        })
        orderId = bought.order.id
        expect(await paymentsOf(guest, checkoutId)).toMatchObject([
          { status: 'CAPTURED', captured: total },
          { status: 'DECLINED' },
        ])
      })

      test('ends at the order: paid, confirmed by mail, and soon with a shipment', async () => {
        const order = await until(async () => {
          const page = (await guest.ask('order', { id: orderId })).order
          return page.shipments.length > 0 && page
        })
        expect(order).toMatchObject({
          status: 'CONFIRMED',
          financialStatus: 'PAID',
          outstanding: { amount: '0.00' },
          fulfillmentStatus: 'UNFULFILLED',
        })
        expect(order.lines).toHaveLength(2)
        const mail = await until(async () => (await mailsTo(here, 'nora@example.com'))[0])
        expect(mail.text).toContain(order.number)
      })
    })

    test('a buyer whose bank asks confirms there, at any router, and has the order', async () => {
      const buyer = await guestAt(here)
      const { checkoutId, path } = await buySecurely(buyer, [wanted[1]!], 'nils@example.com')
      const body = new URLSearchParams({ result: 'approve' })
      const answer = await fetch(`${there}${path}`, { method: 'POST', body })
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')])
      const checkout = await until(async () => {
        const seen = await checkoutOf(buyer, checkoutId)
        return seen.status === 'COMPLETED' && seen
      })
      expect(checkout).toMatchObject({ failure: null, order: { status: 'CONFIRMED' } })
    })

    test('a product is found by its name', async () => {
      const visitor = new Visitor(there)
      const { nodes } = (await visitor.ask('search', { query: 'linen' })).productSearch.products
      expect(nodes.length).toBeGreaterThan(0)
      expect(nodes[0].name).toMatch(/linen/i)
    })

    test('a new account is confirmed by the link in its mail', async () => {
      const visitor = new Visitor(here)
      const email = `new-${randomUUID()}@example.com`
      const input = { email, password: 'a long enough password', firstName: 'Noah', lastName: 'Nowak' }
      expect((await visitor.ask('register', { input })).userRegister.userErrors).toEqual([])
      const mail = await until(async () => (await mailsTo(here, email))[0])
      const token = mail.links.map((link) => /token=([^&]+)/.exec(link)?.[1]).find(Boolean)
      const verified = (await visitor.ask('email-verify', { token: decodeURIComponent(token!) })).emailVerify
      expect(verified.userErrors).toEqual([])
      visitor.keep(verified.authTokens)
      expect((await visitor.ask('my-orders')).viewer.orders.nodes).toEqual([])
    })

    test('a guest who signs in keeps the cart, buys, and follows the courier to the door', async () => {
      await using alice = await guestAt(here)
      await alice.ask('cart-create', { lines: [wanted[0]] })
      await signIn(alice, 'alice')
      const merged = (await alice.ask('cart')).cart
      expect(merged.lines).toMatchObject([{ quantity: 2, variant: { id: wanted[0]!.variantId } }])

      const { id: orderId } = await buy(alice, [wanted[1]!])
      const { id: shipmentId } = await until(async () => (await alice.ask('order', { id: orderId })).order.shipments[0])
      using watch = await alice.watch('track', { shipmentId, afterSequence: 0 })
      const statuses = () => watch.events.flatMap(({ event }) => (event ? [event.status] : []))
      await until(async () => statuses().includes('ASSIGNED'))

      const courier = await signedIn(there, 'courier')
      const move = (status: string) => courier.ask('shipment-status', { shipmentId, status })
      expect((await move('PICKED_UP')).shipmentStatusUpdate.userErrors).toEqual([])
      await drive(courier, address.location)
      await until(async () => statuses().includes('ARRIVING'))
      expect((await move('DELIVERED')).shipmentStatusUpdate.userErrors).toEqual([])
      await until(async () => statuses().includes('DELIVERED'))

      expect(statuses()).toEqual(['PENDING', 'ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'ARRIVING', 'DELIVERED'])
      const sequences = watch.events.map(({ sequence }) => sequence)
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
      const seen = watch.events.filter(({ __typename }) => __typename === 'PositionUpdated')
      expect(seen.at(-1)).toMatchObject({ position: { point: address.location }, shipment: { id: shipmentId } })
      expect(seen.at(-1)!.shipment.order.number).toMatch(/^\d+$/)
      expect(watch.errors).toEqual([])
      await until(async () => (await alice.ask('order', { id: orderId })).order.status === 'DELIVERED')
    })

    test('a customer and an agent write to each other, and nothing is lost over a break', async () => {
      await using alice = await signedIn(here, 'alice')
      await using agent = await signedIn(there, 'agent')
      const opened = { subject: 'A question', body: 'Is it gift-wrapped?', idempotencyKey: randomUUID() }
      const { ticket } = (await alice.ask('ticket-create', opened)).ticketCreate
      using chat = await alice.watch('chat', { ticketId: ticket.id, afterSequence: ticket.lastSequence })
      const say = async (who: Visitor, body: string) =>
        (await who.ask('message-send', { ticketId: ticket.id, body, clientMessageId: randomUUID() })).messageSend
          .message
      const bodies = (events: readonly Record<string, any>[]) => events.flatMap(({ message }) => message?.body ?? []) // oxlint-disable-line typescript/no-explicit-any -- as the chat brought them

      const answer = await say(agent, 'It can be.')
      await until(async () => bodies(chat.events).includes('It can be.'))
      expect(chat.events.find(({ message }) => message)).toMatchObject({
        sequence: answer.sequence,
        message: { kind: 'AGENT', author: { displayName: expect.any(String) } },
      })
      chat[Symbol.dispose]()

      await say(agent, 'In blue or in green.')
      await say(alice, 'Green, please.')
      using resumed = await alice.watch('chat', { ticketId: ticket.id, afterSequence: answer.sequence })
      await until(async () => bodies(resumed.events).length >= 2)
      await say(agent, 'Done.')
      await until(async () => bodies(resumed.events).length >= 3)
      expect(bodies(resumed.events)).toEqual(['In blue or in green.', 'Green, please.', 'Done.'])
      expect(resumed.errors).toEqual([])
      expect(bodies(chat.events)).toEqual(['It can be.'])
    })

    test('a refresh token that is used twice ends the session everywhere', async () => {
      await using bob = await signedIn(here, 'bob')
      const first = bob.refreshToken
      const ticketId = (await bob.ask('my-tickets')).viewer.tickets.nodes[0].id
      using watch = await bob.watch('chat', { ticketId })
      bob.keep((await bob.ask('session-refresh', { refreshToken: first })).sessionRefresh.authTokens)
      expect(bob.refreshToken).not.toBe(first)

      // Within 20 s it would be taken for a lost answer that is asked for again.
      await execute(shop, `update users.refresh_tokens set used_at = used_at - interval '21 seconds'`)
      const thief = new Visitor(there)
      const stolen = (await thief.ask('session-refresh', { refreshToken: first })).sessionRefresh
      expect(stolen).toMatchObject({ authTokens: null, userErrors: [{ code: 'TOKEN_INVALID' }] })
      for (const router of shop.routers) {
        await until(async () => (await bob.at(router).answer('my-orders')).status === 401)
      }
      await watch.ended
      expect(watch.errors[0]?.extensions?.code).toBe('SUBSCRIPTION_JWT_EXPIRED')
    })

    test('who signed out is not let in any more', async () => {
      const bob = await signedIn(here, 'bob')
      expect((await bob.ask('sign-out')).sessionRevoke).toEqual({ ok: true, userErrors: [] })
      const { errors } = await until(async () => {
        const answer = await bob.answer('my-orders')
        return answer.status === 401 && answer
      })
      expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED')
    })
  })
})

const paymentsOf = async (visitor: Visitor, checkoutId: string) =>
  (
    await visitor.query(
      'query ($id: ID!) { checkout(id: $id) { payments { status captured { amount currencyCode } } } }',
      {
        id: checkoutId,
      },
    )
  ).checkout.payments

interface Mail {
  text: string
  links: string[]
}

const mailsTo = async (router: string, email: string): Promise<Mail[]> =>
  (await (await fetch(`${router}/dev/mail.json?to=${encodeURIComponent(email)}`)).json()) as Mail[]

interface Place {
  latitude: number
  longitude: number
}

/** Reports a ride from where the courier is, all of it believable, as if its last part were yet to come. */
async function drive(courier: Visitor, to: Place): Promise<void> {
  const { position } = (
    await courier.query('{ viewer { courierProfile { position { point { latitude longitude } } } } }')
  ).viewer.courierProfile
  const from: Place = position.point
  const steps = 5
  for (let step = 1; step <= steps; step += 1) {
    const part = step / steps
    const point = {
      latitude: from.latitude + (to.latitude - from.latitude) * part,
      longitude: from.longitude + (to.longitude - from.longitude) * part,
    }
    const recordedAt = new Date(Date.now() + step * 10_000).toISOString()
    const { courierPositionsReport } = await courier.ask('courier-positions', { positions: [{ point, recordedAt }] })
    expect(courierPositionsReport).toEqual({ acceptedCount: 1, userErrors: [] })
  }
}
