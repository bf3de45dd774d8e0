import type { Guard } from './guard.ts'
import { inFile } from './payments-file.ts'

const saving = inFile('payment-methods')
const claiming = inFile('claims')
const reconciling = inFile('reconciliation')
const resealing = inFile('resealing')
const confirming = inFile('actions')
const asking = inFile('stripe')
const counting = inFile('stripe-answers')
const booking = inFile('sandbox-books')

/** Of cards, guests, the two providers and their books. */
export const paymentsCardGuards: readonly Guard[] = [
  saving(
    'a token of one account adds another’s card',
    'method && (method.userId !== userId || method.deletedAt)',
    'method && method.deletedAt',
    'subgraph',
    'nobody else’s once used',
  ),
  saving(
    'a deleted card comes back',
    '(method.userId !== userId || method.deletedAt)',
    '(method.userId !== userId)',
    'subgraph',
    'nobody else’s once used',
  ),
  saving(
    'somebody else’s card is changed',
    'and(eq(paymentMethods.userId, userId), isNull(',
    'and(isNull(',
    'subgraph',
    'owner’s alone',
  ),
  saving(
    'two changes of an account’s cards cross',
    'tx.execute(sql`select pg_advisory_xact_lock(',
    'tx.execute(sql`select abs(',
    'subgraph',
    'have one default|number 20',
  ),
  saving('an account has any number of cards', 'count >= MAX_CARDS', 'count === Infinity', 'subgraph', 'number 20'),
  reconciling(
    'money is told to be unclaimed while its checkout is under way',
    '          lt(payments.createdAt, since(UNCLAIMED_AFTER_MS)),\n',
    '',
    'subgraph.books',
    'nobody claims',
  ),
  reconciling(
    'it is told at every run',
    '          or(isNull(payments.unclaimedAt), lt(payments.unclaimedAt, since(TOLD_AGAIN_AFTER_MS))),\n',
    '',
    'subgraph.books',
    'nobody claims',
  ),
  reconciling(
    'two processes tell it',
    "      .for('update', { skipLocked: true })\n",
    '',
    'subgraph.flight',
    'told by one',
  ),
  claiming(
    'a guest becomes another account’s later',
    'coalesce(${claims.userId}, excluded.user_id)',
    'excluded.user_id',
    'subgraph.flight',
    'first account',
  ),
  claiming(
    'an account’s payment becomes another’s',
    "and(eq(payments.ownerKind, 'guest'), eq(payments.ownerId, guestId))",
    'eq(payments.ownerId, payments.ownerId)',
    'subgraph.flight',
    'takes over nobody',
  ),
  resealing(
    'a deleted card gets its token back',
    'and(eq(paymentMethods.id, id), eq(paymentMethods.encryptedToken, token!))',
    'eq(paymentMethods.id, id)',
    'subgraph.flight',
    'resealed',
  ),
  confirming(
    'somebody else confirms a payment',
    "if (!isMine) reject('NOT_FOUND'",
    "if (!authorization) reject('NOT_FOUND'",
    'subgraph.action',
    'nobody else’s',
  ),
  asking(
    'Stripe reserves twice',
    '...intent }, { idempotencyKey: key })',
    '...intent })',
    'subgraph.stripe',
    'is lost is given again',
  ),
  asking(
    'Stripe takes twice',
    'capture(reference, capture, { idempotencyKey: key })',
    'capture(reference, capture)',
    'subgraph.amounts',
    'ask at once',
  ),
  asking(
    'Stripe gives back twice',
    'refunds.create(refund, { idempotencyKey: key })',
    'refunds.create(refund)',
    'subgraph.amounts',
    'ask at once',
  ),
  asking(
    'a part that was captured is captured again',
    "        if (captureMark(key) in intent.metadata) return { status: 'SUCCEEDED', reference }\n",
    '',
    'subgraph.stripe',
    'of which most',
  ),
  asking(
    'Stripe releases the rest of a part',
    "        if (isPart && !isCapturedAgain(intent)) return { status: 'FAILED', code: CHARGED_ONCE }\n",
    '',
    'subgraph.amounts',
    'refused a part',
  ),
  asking(
    'what failed is paid later',
    'answerToIntent(await ended(api, intent))',
    'answerToIntent(intent)',
    'subgraph.endings',
    'before it counts',
  ),
  asking(
    'a token is used after its time',
    "'expiresAt' in card && card.expiresAt <= now().getTime()",
    "'expiresAt' in card && card.expiresAt <= 0",
    'subgraph.stripe',
    '15 minutes',
  ),
  asking(
    'anybody tells what Stripe did',
    'Stripe.webhooks.signature!.verifyHeader(',
    'void (',
    'subgraph.webhooks',
    'not signed',
  ),
  counting(
    'another amount is charged than was agreed',
    'if (isOdd || !Number.isInteger(amount)) throw new NotChargeable()',
    '',
    'subgraph.amounts',
    'between two',
  ),
  booking(
    'a token pays twice',
    'where hash = ${hash} and (used_by is null or used_by = ${key}) and',
    'where hash = ${hash} and',
    'subgraph.authorize',
    'works once',
  ),
  booking(
    'the processor takes more than is left',
    "when waiting.key is null and coalesce(held.left_minor, 0) < ${amountMinor}::bigint then 'amount_not_available'",
    'when false then null',
    'subgraph.settle',
    'own books',
  ),
  booking(
    'two requests see the same money left',
    'where reference = ${reference} and ${isNew} for update\n    ),\n    waiting',
    'where reference = ${reference} and ${isNew}\n    ),\n    waiting',
    'subgraph.flight',
    'processor',
  ),
  booking(
    'the buyer decides twice',
    "where challenge = ${challenge} and status = 'REQUIRES_ACTION'",
    'where challenge = ${challenge}',
    'subgraph.action',
    'first decision',
  ),
  booking(
    'the buyer decides while it is ended',
    "status = 'REQUIRES_ACTION' and ${isNew} for update",
    "status = 'REQUIRES_ACTION' and ${isNew}",
    'subgraph.flight',
    'while the payment is being undone',
  ),
]
