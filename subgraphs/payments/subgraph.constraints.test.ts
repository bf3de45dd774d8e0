import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer } from '../../tests/setup/viewers.ts'
import { payingAt, VISA } from './paying.fixture.ts'

let shop: Parts
let admin: Sql
/** A payment that was captured, one that was declined, two cards of one account; each by its id. */
let known: { taken: string; declined: string; first: string; second: string }

beforeAll(async () => {
  shop = await openParts(['payments'])
  admin = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
  const paying = payingAt(shop)
  const ada = aCustomer()
  const buy = await paying.purchase(ada)
  const { payment } = await paying.authorize(buy)
  await paying.capture(buy)
  const refused = await paying.purchase(ada, '4000000000000002')
  await paying.authorize(refused)
  const [declined] = await paying.paymentsOf(ada, refused)
  const save = async () =>
    (await paying.call(ada, 'paymentMethodAdd', { token: await paying.token(VISA) }, 'paymentMethod { id }'))
      .paymentMethod.id as string
  known = { taken: payment.id, declined: declined.id, first: await save(), second: await save() }
})
afterAll(async () => {
  await admin.end()
  await shop[Symbol.asyncDispose]()
})

/** The constraint that a statement breaks; nothing of it is kept. */
async function broken(statement: string): Promise<string | undefined> {
  const done = new Error('done')
  return await admin
    .begin(async (tx) => {
      await tx.unsafe(
        statement.replace(/:(\w+)/g, (text, name: string) => (known as Record<string, string>)[name] ?? text),
      )
      throw done
    })
    .catch((error: Error & { constraint_name?: string }) => {
      if (error !== done && !error.constraint_name) throw error
      return error.constraint_name
    })
}

const payment = (set: string, id = ':taken') => `update payments.payments set ${set} where id = '${id}'`
const card = (set: string, id = ':second') => `update payments.payment_methods set ${set} where id = '${id}'`
const twice = (table: string, columns: string, values: string, where: string) =>
  `insert into payments.${table} (${columns}) select ${values} from payments.${table} where ${where} limit 1`

describe('the database itself refuses', () => {
  test.each([
    ['more reserved than is to be paid', 'payments_authorized', payment('authorizing_minor = 1')],
    ['more taken than is reserved', 'payments_captured', payment('capturing_minor = 1')],
    ['more released than is left', 'payments_captured', payment('releasing_minor = 1')],
    ['more given back than was taken', 'payments_refunded', payment('refunding_minor = captured_minor + 1')],
    ['a sum below nothing', 'payments_none_negative', payment('refunding_minor = -1', ':declined')],
    ['a payment of nothing', 'payments_amount', payment('amount_minor = 0', ':declined')],
    ['a payment that is neither a guest’s nor an account’s', 'payments_owner', payment(`owner_kind = 'service'`)],
    [
      'a second payment of an attempt',
      'payments_checkout_id_attempt_index',
      `update payments.payments p set checkout_id = q.checkout_id, attempt = q.attempt from payments.payments q
       where p.id = ':declined' and q.id = ':taken'`,
    ],
    [
      'a movement of nothing',
      'payment_transactions_amount',
      `update payments.payment_transactions set amount_minor = 0 where payment_id = ':taken'`,
    ],
    [
      'a second movement of a key',
      'payment_transactions_asked_by_idempotency_key_index',
      `update payments.payment_transactions set asked_by = 'orders', idempotency_key = 'same' where payment_id = ':taken'`,
    ],
    [
      'a second mark of an attempt',
      'attempts_checkout_id_attempt_pk',
      twice('attempts', 'checkout_id, attempt', 'checkout_id, attempt', 'true'),
    ],
    [
      'a posting to no account',
      'postings_account',
      twice(
        'postings',
        'transaction_id, account, payment_id, currency, amount_minor',
        `transaction_id, 'elsewhere', payment_id, currency, amount_minor`,
        'true',
      ),
    ],
    [
      'a posting of nothing',
      'postings_amount',
      twice(
        'postings',
        'transaction_id, account, payment_id, currency, amount_minor',
        `transaction_id, 'taken', payment_id, currency, 0`,
        `account = 'buyer'`,
      ),
    ],
    [
      'a movement that is posted twice',
      'postings_transaction_id_account_pk',
      twice(
        'postings',
        'transaction_id, account, payment_id, currency, amount_minor',
        'transaction_id, account, payment_id, currency, amount_minor',
        'true',
      ),
    ],
    ['a deleted card that can be charged', 'payment_methods_deleted', card('deleted_at = now(), is_default = false')],
    [
      'a deleted card that is offered first',
      'payment_methods_deleted',
      card('deleted_at = now(), encrypted_token = null', ':first'),
    ],
    ['more of a card’s number than its end', 'payment_methods_last4', card(`last4 = '4242424242424242'`)],
    ['two cards that are offered first', 'payment_methods_one_default', card('is_default = true')],
    [
      'two cards of a token',
      'payment_methods_source_hash_index',
      card(`source_hash = (select source_hash from payments.payment_methods where id = ':first')`),
    ],
    [
      'that the processor takes more than it holds',
      'sandbox_authorizations_captured',
      'update payments.sandbox_authorizations set captured_minor = amount_minor, released_minor = 1',
    ],
    [
      'that the processor gives back more than it took',
      'sandbox_authorizations_refunded',
      'update payments.sandbox_authorizations set refunded_minor = captured_minor + 1',
    ],
    [
      'two answers of the processor to a key',
      'sandbox_operations_pkey',
      twice('sandbox_operations', 'key, operation, status, at', 'key, operation, status, at', 'true'),
    ],
    [
      'two authorisations of a reference',
      'sandbox_authorizations_pkey',
      twice(
        'sandbox_authorizations',
        'reference, behaviour, currency, amount_minor',
        'reference, behaviour, currency, amount_minor',
        'true',
      ),
    ],
    [
      'two cards of a token at the processor',
      'sandbox_tokens_pkey',
      twice(
        'sandbox_tokens',
        'hash, behaviour, last4, expiry_month, expiry_year, fingerprint',
        'hash, behaviour, last4, expiry_month, expiry_year, fingerprint',
        'true',
      ),
    ],
    [
      'two payments at an address of the bank’s page',
      'sandbox_operations_challenge_unique',
      `insert into payments.sandbox_operations (key, operation, status, challenge, at)
       values ('a', 'authorize', 'REQUIRES_ACTION', 'same', now()), ('b', 'authorize', 'REQUIRES_ACTION', 'same', now())`,
    ],
  ])('%s', async (_, constraint, statement) => {
    expect(await broken(statement)).toBe(constraint)
  })

  test('nothing else: the row as it is may be written again', async () => {
    expect(await broken(payment('version = version + 1'))).toBeUndefined()
  })
})
