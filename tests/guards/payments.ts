import type { Guard } from './guard.ts'
import { paymentsCardGuards } from './payments-cards.ts'
import { paymentsMovementGuards } from './payments-movements.ts'

const INIT = 'drizzle/payments/0000_change.sql'
const SECURE = 'drizzle/payments/0001_three-d-secure.sql'
const LEDGER = 'drizzle/payments/0003_double-entry.sql'

const inDatabase = (forbids: string, file: string, text: string, without: string): Guard => ({
  forbids,
  file,
  text,
  without,
  redIn: { file: 'subgraphs/payments/subgraph.constraints.test.ts' },
})

const check = (file: string, name: string, forbids: string): Guard =>
  inDatabase(forbids, file, `CONSTRAINT "${name}" CHECK (`, `CONSTRAINT "${name}" CHECK (true or `)

const key = (file: string, name: string, columns: string, forbids: string): Guard =>
  inDatabase(forbids, file, `CONSTRAINT "${name}" PRIMARY KEY(${columns})`, `CONSTRAINT "${name}" CHECK (true)`)

const unique = (name: string, forbids: string): Guard =>
  inDatabase(forbids, INIT, `CREATE UNIQUE INDEX "${name}"`, `CREATE INDEX "${name}"`)

/** One that a purchase's statement names: without it none is made. */
const named = (guard: Guard): Guard => ({
  ...guard,
  redIn: { file: 'subgraphs/payments/subgraph.authorize.test.ts', name: 'asked for again with its key' },
})

// The keys of rows that are made with a new id each are not on the list: nothing asks for such an id twice.
export const paymentsGuards: readonly Guard[] = [
  check(INIT, 'payments_owner', 'a payment is neither a guest’s nor an account’s'),
  check(INIT, 'payments_amount', 'a payment is of nothing'),
  check(INIT, 'payments_none_negative', 'more is given back, or recorded, than there was'),
  check(INIT, 'payments_authorized', 'more is reserved than is to be paid'),
  check(INIT, 'payments_captured', 'more is taken and released than is reserved'),
  check(INIT, 'payments_refunded', 'more is given back than was taken'),
  check(INIT, 'payment_transactions_amount', 'a movement is of nothing'),
  check(INIT, 'payment_methods_deleted', 'a deleted card is charged'),
  check(INIT, 'payment_methods_last4', 'more of a card’s number is kept than its end'),
  check(INIT, 'sandbox_authorizations_captured', 'the processor takes more than it holds'),
  check(INIT, 'sandbox_authorizations_refunded', 'the processor gives back more than it took'),
  check(LEDGER, 'postings_account', 'money is posted to no account'),
  check(LEDGER, 'postings_amount', 'nothing is posted'),
  named(key(INIT, 'attempts_checkout_id_attempt_pk', '"checkout_id","attempt"', 'an attempt has two marks')),
  key(LEDGER, 'postings_transaction_id_account_pk', '"transaction_id","account"', 'a movement is posted twice'),
  named(unique('payments_checkout_id_attempt_index', 'an attempt has two payments')),
  unique('payment_transactions_asked_by_idempotency_key_index', 'a key moves money twice'),
  unique('payment_methods_source_hash_index', 'a token adds two cards'),
  unique('payment_methods_one_default', 'two cards are offered first'),
  named(
    inDatabase(
      'a guest becomes two accounts’',
      INIT,
      '"guest_id" uuid PRIMARY KEY NOT NULL',
      '"guest_id" uuid NOT NULL',
    ),
  ),
  named(
    inDatabase(
      'the processor answers a key in two ways',
      INIT,
      'TABLE "payments"."sandbox_operations" (\n\t"key" text PRIMARY KEY NOT NULL',
      'TABLE "payments"."sandbox_operations" (\n\t"key" text NOT NULL',
    ),
  ),
  inDatabase(
    'the processor holds two amounts for a reference',
    INIT,
    '"reference" text PRIMARY KEY NOT NULL',
    '"reference" text NOT NULL',
  ),
  inDatabase(
    'the processor has two cards for a token',
    INIT,
    '"hash" text PRIMARY KEY NOT NULL',
    '"hash" text NOT NULL',
  ),
  inDatabase(
    'a page of the bank’s is about two payments',
    SECURE,
    'CONSTRAINT "sandbox_operations_challenge_unique" UNIQUE("challenge")',
    'CONSTRAINT "sandbox_operations_challenge_unique" CHECK (true)',
  ),
  {
    forbids: 'what is posted does not add up to nothing',
    file: LEDGER,
    text: 'HAVING sum(amount_minor) <> 0',
    without: 'HAVING false',
    redIn: { file: 'subgraphs/payments/subgraph.ledger.test.ts', name: 'what is posted' },
  },
  {
    forbids: 'what is posted is changed',
    file: LEDGER,
    text: `RAISE EXCEPTION 'What is posted stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'postings_stay';`,
    without: 'RETURN NULL;',
    redIn: { file: 'subgraphs/payments/subgraph.ledger.test.ts', name: 'what is posted' },
  },
  ...paymentsMovementGuards,
  ...paymentsCardGuards,
]
