import { sql } from 'drizzle-orm'
import { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { internalTokens } from '#platform/internal-token.ts'
import { uuidv7 } from '#platform/ids.ts'
import { createLogger } from '#platform/log.ts'
import { serveSubgraph } from '#platform/subgraph-server.ts'
import { openStripeShop } from './stripe-shop.fixture.ts'

let at: Awaited<ReturnType<typeof openStripeShop>>
beforeAll(async () => {
  at = await openStripeShop()
})
afterAll(() => at[Symbol.asyncDispose]())

const intent = { id: 'pi_1', object: 'payment_intent', metadata: {} }
const about = (options: object) => at.stripe.webhook('payment_intent.succeeded', intent, options)

describe('a webhook', () => {
  test('is heard when Stripe has signed it within five minutes', async () => {
    expect((await at.hear(about({}))).status).toBe(200)
    expect((await at.hear(about({ secondsAgo: 290 }))).status).toBe(200)
    expect((await at.hear(about({ secondsAgo: 301 }))).status).toBe(400)
  })

  test('that is not signed by Stripe, or was changed since, is refused', async () => {
    expect((await at.hear(about({ secret: 'whsec_of_another' }))).status).toBe(400)
    for (const signature of ['', 'nonsense', 't=1,v1=', 'v1=0']) {
      const headers = { 'stripe-signature': signature }
      const unsigned = new Request('http://localhost/webhooks/stripe', { method: 'POST', body: '{}', headers })
      expect((await at.hear(unsigned)).status).toBe(400)
    }
    const changed = about({})
    const body = (await changed.clone().text()).replace('pi_1', 'pi_2')
    expect((await at.hear(new Request(changed, { body }))).status).toBe(400)
  })

  test('is heard while its secret is being replaced: Stripe signs with both, and either is known here', async () => {
    const other = about({ secret: 'whsec_that_comes_next' }).headers.get('stripe-signature')!
    const known = about({})
    const signatureOf = (header: string) => header.split(',').find((part) => part.startsWith('v1='))!
    const [time, mine] = known.headers.get('stripe-signature')!.split(',')
    for (const both of [`${time},${signatureOf(other)},${mine}`, `${time},${mine},${signatureOf(other)}`]) {
      const twice = known.clone()
      twice.headers.set('stripe-signature', both)
      expect((await at.hear(twice)).status).toBe(200)
    }
  })

  test('that is signed and says nothing that is understood is heard and forgotten', async () => {
    const key = uuidv7()
    for (const object of [
      { id: 'pi_unknown', object: 'payment_intent', metadata: {} },
      { id: 'pi_unknown', object: 'payment_intent', metadata: { key } },
      { id: 'pi_unknown', object: 'payment_intent', metadata: { key: 'of another shop' } },
      { id: 're_unknown', object: 'refund', metadata: null },
      { id: 're_unknown', object: 'refund', metadata: { key } },
      { id: 'prod_1', object: 'product', metadata: {} },
      {},
    ]) {
      expect((await at.hear(at.stripe.webhook('something.happened', object))).status).toBe(200)
    }
  })

  test('about a payment at another provider is none of Stripe’s', async () => {
    const { db } = at.paying.own()
    const [made] = await db.execute<{ id: string }>(sql`
      with paid as (
        insert into payments.payments (id, created_at, updated_at, owner_kind, owner_id, provider, "authorization",
          currency, amount_minor, authorizing_minor)
        select uuidv7(), now(), now(), 'guest', uuidv7(), 'sandbox', 'UNKNOWN', 'EUR', 100, 100
        returning *
      )
      insert into payments.payment_transactions
        (id, payment_id, kind, status, currency, amount_minor, asked_by, idempotency_key, request_hash, at)
      select uuidv7(), id, 'AUTHORIZE', 'UNKNOWN', 'EUR', 100, 'orders', 'k', '', now() from paid
      returning id`)
    const told = at.stripe.webhook('payment_intent.succeeded', { ...intent, metadata: { key: made!.id } })
    expect((await at.hear(told)).status).toBe(200)
    const [after] = await db.execute(sql`select status from payments.payment_transactions where id = ${made!.id}`)
    expect(after).toEqual({ status: 'UNKNOWN' })
  })

  test.each([
    ['no JSON', 400],
    ['null', 200],
    ['{"object":"v2.core.event","type":"v2.of.another.kind"}', 200],
    ['{"data":{}}', 200],
    ['{"data":{"object":{"object":"payment_intent"}}}', 200],
  ])('that is signed and is none of the events that are understood, %s, is answered %i', async (payload, status) => {
    const secret = at.stripe.env.STRIPE_WEBHOOK_SECRET
    const header = Stripe.webhooks.generateTestHeaderString({ payload, secret })
    const headers = { 'stripe-signature': header }
    const request = new Request('http://localhost/webhooks/stripe', { method: 'POST', body: payload, headers })
    expect((await at.hear(request)).status).toBe(status)
  })

  test('of more than 1 MiB is not read to its end', async () => {
    const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
    await using server = await serveSubgraph({
      part: at.shop.part('payments'),
      tokens: internalTokens(at.shop.config.INTERNAL_TOKEN_SECRET),
      log,
      isDevelopment: false,
      port: 0,
      host: '127.0.0.1',
    })
    const url = `http://127.0.0.1:${server.port}/webhooks/stripe`
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(1_048_577) })).status).toBe(413)
    const heard = about({})
    const again = { method: 'POST', body: await heard.clone().text(), headers: Object.fromEntries(heard.headers) }
    expect((await fetch(url, again)).status).toBe(200)
  })
})
