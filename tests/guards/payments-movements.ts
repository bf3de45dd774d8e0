import type { Guard } from './guard.ts'
import { inFile } from './payments-file.ts'

const authorizing = inFile('authorizations')
const moving = inFile('movements')
const recording = inFile('ledger')
const undoing = inFile('undoing')
const settling = inFile('settling')
const telling = inFile('webhooks')
const passing = inFile('passes')
const recovering = inFile('recovery')

const wrapped = (name: string) => `export const ${name} = (ctx, ...rest) =>
  ctx.db.transaction((db) => cutOff({ ...ctx, db }, ...rest))
async function cutOff(`

// Not here: that a settled movement is not asked for again. It spares the provider a question; what was recorded stays.
export const paymentsMovementGuards: readonly Guard[] = [
  authorizing(
    'money is reserved for an attempt that was undone',
    'opened.undone_at is null and',
    '',
    'subgraph.settle',
    'comes late',
  ),
  authorizing(
    'an undone attempt is answered as if it were not',
    'if (row!.undone) refuseUndone()',
    '',
    'subgraph.settle',
    'comes late',
  ),
  authorizing(
    'what a bank says after the undoing stays',
    `  if (isUndone) {
    await undo(ctx, payment.id)
    refuseUndone()
  }
`,
    '',
    'subgraph.settle',
    'while the bank is being asked',
  ),
  authorizing(
    'an attempt is opened without waiting for its undoing',
    'do update set attempt = excluded.attempt',
    'do nothing',
    'subgraph.authorize',
    'asked for again with its key',
  ),
  authorizing(
    'a key pays for another checkout',
    'and not exists (select from earlier) and ${hasCard}',
    'and ${hasCard}',
    'subgraph.authorize',
    'another checkout',
  ),
  authorizing(
    'a key is taken for the same request though it is another',
    "if (transaction) requireSame(transaction, { kind: 'AUTHORIZE', requestHash })",
    '',
    'subgraph.authorize',
    'refuses its key',
  ),
  authorizing(
    'a second key gets an error instead of a refusal',
    `      on conflict (checkout_id, attempt) do nothing
`,
    '',
    'subgraph.authorize',
    'refuses its key',
  ),
  authorizing(
    'somebody else’s card is charged',
    'and user_id = ${customerId}::uuid ',
    '',
    'subgraph.authorize',
    'customer’s own',
  ),
  authorizing('a deleted card is charged', ' and deleted_at is null', '', 'subgraph.authorize', 'customer’s own'),
  authorizing('a payment is made with no card', 'and ${hasCard}', '', 'subgraph.authorize', 'customer’s own'),
  authorizing(
    'an expired card is charged',
    "if (isExpired(method, now())) return { declineCode: 'expired_card' }",
    '',
    'subgraph.authorize',
    'has expired',
  ),
  authorizing(
    'a payment of a guest who has signed in stays the guest’s',
    'coalesce(${customerId}::uuid, guest.user_id, ${guestId}::uuid)',
    'coalesce(${customerId}::uuid, ${guestId}::uuid)',
    'subgraph.staff',
    'guest’s payment',
  ),
  authorizing(
    'a payment is made while its guest signs in',
    'on conflict (guest_id) do update set guest_id = excluded.guest_id',
    'on conflict (guest_id) do nothing',
    'subgraph.staff',
    'guest’s payment',
  ),
  authorizing(
    'the bank is asked before the payment is kept',
    'export async function authorizePayment(',
    wrapped('authorizePayment'),
    'subgraph.settle',
    'while the bank is being asked',
  ),
  moving(
    'the bank is asked before the movement is kept',
    'export async function moveIfLeft(',
    wrapped('moveIfLeft'),
    'subgraph.flight',
    'is kept before',
  ),
  moving(
    'more is asked for than is left',
    'and coalesce(${amountMinor}::bigint, ${remaining}) between 1 and ${remaining}',
    '',
    'subgraph.settle',
    'with different keys',
  ),
  moving(
    'a known key claims money again',
    'where p.id = (${newest}) and not exists (select from earlier)',
    'where p.id = (${newest})',
    'subgraph.staff',
    'give money back, with',
  ),
  moving(
    'a key is taken for the same movement though it is another',
    'if (kind === request.kind && requestHash === request.requestHash) return',
    'return',
    'subgraph.settle',
    'is refunded once',
  ),
  moving(
    'twins with a key get an error',
    "if (!isTaken(error, 'payment_transactions_asked_by_idempotency_key_index')) throw error",
    'throw error',
    'subgraph.flight',
    'with its key meet',
  ),
  moving(
    'a capture under way is taken again',
    'reserved = sql`(p.authorized_minor - p.captured_minor - p.capturing_minor',
    'reserved = sql`(p.authorized_minor - p.captured_minor',
    'subgraph.flight',
    'under way',
  ),
  moving(
    'what is being released is taken',
    'reserved = sql`(p.authorized_minor - p.captured_minor - p.capturing_minor - p.released_minor - p.releasing_minor)`',
    'reserved = sql`(p.authorized_minor - p.captured_minor - p.capturing_minor - p.released_minor)`',
    'subgraph.flight',
    'under way',
  ),
  moving(
    'what is being given back is given back again',
    'REFUND: sql`(p.captured_minor - p.refunded_minor - p.refunding_minor)`',
    'REFUND: sql`(p.captured_minor - p.refunded_minor)`',
    'subgraph.flight',
    'under way',
  ),
  moving(
    'the rest is released after a part was taken',
    'case when p.captured_minor + p.capturing_minor > 0 then 0 else',
    'case when false then 0 else',
    'subgraph.flight',
    'after a part',
  ),
  recording(
    'an answer is recorded twice',
    `      where id = \${id} and \${unsettled}
      returning *`,
    `      where id = \${id}
      returning *`,
    'subgraph.settle',
    'takes the money once',
  ),
  recording(
    'what may still come gives up its claim',
    'isUnsettled({ status, errorCode }) ? sql`0` : sql`moved.amount_minor`',
    'sql`moved.amount_minor`',
    'subgraph.flight',
    'under way',
  ),
  recording(
    'what was refused is posted',
    "  where moved.status = 'SUCCEEDED'`",
    '`',
    'subgraph.ledger',
    'hold after all of this|refunds never',
  ),
  recording(
    'a fact is told of what was recorded before',
    'if (written) await tell',
    'await tell',
    'subgraph.stripe',
    'however it comes',
  ),
  undoing(
    'an undoing leaves no mark on an attempt that was opened',
    'set undone_at = excluded.undone_at, undo_key',
    'set undo_key',
    'subgraph.settle',
    'undoing an attempt',
  ),
  undoing(
    'an undoing leaves no mark where nothing was begun',
    'select ${checkoutId}::uuid, ${attempt}::int, ${ctx.now().toISOString()}::timestamptz, ${key}, ${reason}',
    'select ${checkoutId}::uuid, ${attempt}::int, null::timestamptz, ${key}, ${reason}',
    'subgraph.settle',
    'comes late',
  ),
  undoing(
    'a key undoes another attempt',
    'if (earlier && !earlier.same) {',
    'if (earlier && earlier.same === undefined) {',
    'subgraph.flight',
    'undoes no other',
  ),
  undoing(
    'many undoings at once make a movement each',
    ':${tries.filter((each) => each === kind).length}`',
    ':${Math.random()}`',
    'subgraph.flight',
    'many undoings',
  ),
  undoing(
    'what a refused undoing left is never tried again',
    ':${tries.filter((each) => each === kind).length}`',
    '`',
    'subgraph.recovery',
    'tried once each time',
  ),
  undoing(
    'what is about to be taken is not undone',
    ' + payment.capturingMinor === 0',
    ' === 0',
    'subgraph.flight',
    'undone too',
  ),
  settling(
    'a buyer who was quicker is taken for cancelled',
    "ended.status === 'SUCCEEDED'\n",
    'true\n',
    'subgraph.endings',
    'refuses to cancel',
  ),
  telling(
    'a webhook of one provider is taken for another’s',
    'and(asked, eq(payments.provider, name))',
    'asked',
    'subgraph.webhooks',
    'another provider',
  ),
  telling(
    'an authorisation that comes after its undoing stays',
    'return isLate ? { ...settled, payment: await undo(ctx, payment.id) } : settled',
    'return settled',
    'subgraph.settle',
    'by a webhook',
  ),
  passing(
    'two processes look at one movement at once',
    ".for('update', { skipLocked: true })",
    '',
    'subgraph.recovery',
    'are left to the process',
  ),
  recovering(
    'a request under way is given up',
    '    lt(at, new Date(now().getTime() - PATIENCE_MS)),\n',
    '',
    'subgraph.authorize',
    'is found by the job',
  ),
  recovering(
    'the job tries again and again what was refused',
    '    not(isStuck),\n',
    '',
    'subgraph.recovery',
    'is seen by staff',
  ),
]
