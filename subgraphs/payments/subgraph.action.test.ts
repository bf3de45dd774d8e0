import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Guest, User } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { answerChallenge } from './challenge.ts'
import { codes, kinds, payingAt, staff } from './paying.fixture.ts'
import { askAfterBuyers, resolveMovements } from './recovery.ts'
import { planFault } from './sandbox.ts'
import { sendWebhook } from './sandbox-webhooks.ts'

const SECURE = '4000002500003155'
let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

const begun = async (buyer: User | Guest = aGuest()) => {
  const buy = await paying.purchase(buyer, SECURE)
  const { payment } = await paying.authorize(buy)
  const { action } = await actionSeen(buyer, payment.id)
  return { buy, buyer, id: payment.id as string, url: action.url as string }
}
const actionSeen = async (viewer: Parameters<Parts['ask']>[1], id: string) => {
  const query = 'query($id: ID!) { payment(id: $id) { status nextAction { kind url clientSecret } } }'
  const { payment } = await shop.ask('payments', viewer, query, { id })
  return { status: payment?.status, action: payment?.nextAction }
}
const confirm = (viewer: User | Guest, paymentId: string) =>
  paying.call(viewer, 'paymentActionConfirm', { paymentId }, 'payment { id status }')
const resolved = ({ buy }: { buy: { checkoutId: string } }, status: string) => [
  ['PaymentResolved', { checkoutId: buy.checkoutId, status }],
]

describe('a card that wants the buyer to confirm', () => {
  test('reserves nothing yet, and tells the buyer alone where to', async () => {
    const { buy, buyer, id, url } = await begun()
    expect(await paying.authorize(buy)).toMatchObject({ payment: { status: 'REQUIRES_ACTION' }, isReplay: true })
    expect(await actionSeen(buyer, id)).toEqual({
      status: 'REQUIRES_ACTION',
      action: { kind: 'REDIRECT', url, clientSecret: null },
    })
    expect(url).toMatch(/^http:\/\/localhost:4000\/dev\/3ds\/.{20,}$/)
    expect(await actionSeen(staff, id)).toEqual({ status: 'REQUIRES_ACTION', action: null })
    expect(await paying.atProcessor(buy)).toEqual([])
    expect(kinds(await paying.transactionsOf(id))).toEqual(['AUTHORIZE PENDING'])
  })

  test('goes on when the buyer approves: told once, by webhook and confirmation together', async () => {
    const paid = await begun()
    expect((await paying.decide(paid.url, 'approve')).status).toBe(200)
    await Promise.all([confirm(paid.buyer, paid.id), confirm(paid.buyer, paid.id), sendAgain(paid.id)])
    expect(await confirm(paid.buyer, paid.id)).toEqual({
      payment: { id: paid.id, status: 'AUTHORIZED' },
      userErrors: [],
    })
    expect(await paying.facts(paid.id)).toEqual(resolved(paid, 'AUTHORIZED'))
    expect(await paying.authorize(paid.buy)).toMatchObject({ payment: { status: 'AUTHORIZED', nextAction: null } })
    expect((await paying.capture(paid.buy)).payment.status).toBe('CAPTURED')
    expect(await paying.atProcessor(paid.buy)).toEqual([{ amount: 5880, captured: 5880, released: 0, refunded: 0 }])
  })

  test('is declined when the buyer declines; the first decision stays', async () => {
    const paid = await begun()
    await paying.decide(paid.url, 'decline')
    await paying.decide(paid.url, 'approve')
    expect((await confirm(paid.buyer, paid.id)).userErrors).toMatchObject([
      { code: 'PAYMENT_DECLINED', declineCode: 'authentication_failed', isRetryable: false },
    ])
    expect((await paying.authorize(paid.buy)).userErrors).toMatchObject([{ code: 'PAYMENT_DECLINED' }])
    expect(await paying.facts(paid.id)).toEqual(resolved(paid, 'DECLINED'))
    expect(await paying.atProcessor(paid.buy)).toEqual([])
  })

  test('waits on when the buyer says so too early', async () => {
    const { buyer, id } = await begun()
    expect(await confirm(buyer, id)).toEqual({ payment: { id, status: 'REQUIRES_ACTION' }, userErrors: [] })
    expect(await paying.facts(id)).toEqual([])
  })

  test('is nobody else’s to confirm', async () => {
    const { id } = await begun()
    for (const stranger of [aCustomer(), aGuest(), staff]) {
      expect(codes(await confirm(stranger, id))).toEqual([['NOT_FOUND', 'input.paymentId']])
    }
    expect(codes(await confirm(aGuest(), 'no-id'))).toEqual([['NOT_FOUND', 'input.paymentId']])
  })

  test('whose webhook is lost is found by the confirmation, or by the job', async () => {
    for (const find of [confirm, () => askAfterBuyers(paying.own())]) {
      const paid = await begun()
      await planFault(paying.own(), 'webhook', 'lost-request')
      await paying.decide(paid.url, 'approve')
      expect((await actionSeen(paid.buyer, paid.id)).status).toBe('REQUIRES_ACTION')
      await find(paid.buyer, paid.id)
      expect((await actionSeen(paid.buyer, paid.id)).status).toBe('AUTHORIZED')
      expect(await paying.facts(paid.id)).toEqual(resolved(paid, 'AUTHORIZED'))
    }
  })

  test('is told once by a webhook that comes twice, and again when all is over', async () => {
    const paid = await begun()
    await planFault(paying.own(), 'webhook', 'duplicate')
    await paying.decide(paid.url, 'approve')
    await paying.capture(paid.buy)
    await sendAgain(paid.id)
    expect(await paying.facts(paid.id)).toEqual(resolved(paid, 'AUTHORIZED'))
    expect((await actionSeen(paid.buyer, paid.id)).status).toBe('CAPTURED')
  })

  const sendAgain = async (paymentId: string) => {
    const { db } = paying.own()
    const [row] = await db.execute<{ id: string }>(
      sql`select id from payments.payment_transactions where payment_id = ${paymentId} and kind = 'AUTHORIZE'`,
    )
    await sendWebhook(paying.own(), row!.id)
  }
})

describe('undoing a payment that waits for the buyer', () => {
  test('ends it: what the buyer decides later reserves nothing', async () => {
    const { buy, buyer, id, url } = await begun()
    expect((await paying.compensate(buy)).payment).toMatchObject({ status: 'FAILED', nextAction: null })
    await paying.decide(url, 'approve')
    expect(codes(await confirm(buyer, id))).toEqual([['STATE_TRANSITION', null]])
    expect(await paying.atProcessor(buy)).toEqual([])
    expect(await paying.facts(id)).toEqual([])
  })

  test('releases what the buyer has approved without anybody having heard', async () => {
    const { buy, url } = await begun()
    await planFault(paying.own(), 'webhook', 'lost-request')
    await paying.decide(url, 'approve')
    expect((await paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
  })

  test('at the same time as the buyer approves leaves nothing reserved', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => begun()))
    await Promise.all(all.flatMap(({ buy, url }) => [paying.compensate(buy), paying.decide(url, 'approve')]))
    await resolveMovements(paying.own())
    for (const { buy } of all) {
      const held = (await paying.atProcessor(buy)).map(({ amount, released }) => amount - released)
      expect(held.every((minor) => minor === 0)).toBe(true)
    }
  })
})

describe('the page of the bank', () => {
  const shown = async (url: string) => {
    const response = await answerChallenge(paying.own(), new Request(url))
    return [response.status, await response.text()] as const
  }

  test('shows the amount and both choices, then what was decided', async () => {
    const { url } = await begun()
    const [status, html] = await shown(url)
    expect(status).toBe(200)
    expect(html).toContain('58.80 EUR')
    expect(html.match(/<button name="result" value="\w+">/g)).toHaveLength(2)
    await paying.decide(url, 'approve')
    expect((await shown(url))[1]).toContain('Payment approved')
  })

  test('knows no other payment, and no other decision', async () => {
    const { url, buyer, id } = await begun()
    expect((await shown(`${url}x`))[0]).toBe(404)
    expect((await paying.decide(url, 'steal')).status).toBe(400)
    expect((await actionSeen(buyer, id)).status).toBe('REQUIRES_ACTION')
  })
})
