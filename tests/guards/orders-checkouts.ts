import type { Guard } from './guard.ts'
import { of, test } from './orders-places.ts'

const accepting: readonly Guard[] = [
  {
    forbids: 'a checkout that is being completed, or is over, is completed once more',
    file: of('attempts'),
    text: "eq(checkouts.status, 'OPEN'), gt(checkouts.expiresAt, now)",
    without: 'gt(checkouts.expiresAt, now)',
    redIn: test('checkout', 'with ten keys'),
  },
  {
    forbids: 'a checkout is completed after its time',
    file: of('attempts'),
    text: "eq(checkouts.status, 'OPEN'), gt(checkouts.expiresAt, now)",
    without: "eq(checkouts.status, 'OPEN')",
    redIn: test('checkout', 'expires'),
  },
  {
    forbids: 'somebody completes another’s checkout',
    file: of('attempts'),
    text: 'transition(ctx, and(open, ownedBy(owner, checkouts)), {',
    without: 'transition(ctx, and(open), {',
    redIn: test('checkout', 'of somebody else'),
  },
  {
    forbids: 'a key makes a second attempt',
    file: of('attempts'),
    text: "effects: { claimed: remember(sql`jsonb_build_object('attempt', moved.attempt)`, sql`moved`) },",
    redIn: test('checkout', 'again with the same key'),
  },
  {
    forbids: 'a later attempt meets what an earlier one left with its participants',
    file: of('attempts'),
    text: 'attempt: sql`${checkouts.attempt} + 1`,',
    redIn: test('failures', 'declined, then paid'),
  },
  {
    forbids: 'a key of a failed attempt answers otherwise than it did',
    file: of('completion'),
    text: 'replied: sql`update ${idempotencyKeys} set reply = ${reply}::jsonb',
    without: 'replied: sql`update ${idempotencyKeys} set reply = reply',
    redIn: test('failures', 'declined, then paid'),
  },
  {
    forbids: 'opening a checkout again changes what is being bought',
    file: of('checkouts'),
    text: "setWhere: eq(checkouts.status, 'OPEN'),",
    redIn: test('locks', 'is opened again as it is'),
  },
  {
    forbids: 'a resumed attempt asks for another buyer than it began with',
    file: of('steps'),
    text: "const accountOf = ({ buyer }: CheckoutRow) => (buyer!.kind === 'user' ? buyer!.id : null)",
    without: "const accountOf = (row: CheckoutRow) => (row.ownerKind === 'user' ? row.ownerId : null)",
    redIn: test('claims', 'signs in between'),
  },
  {
    forbids: 'a resumed attempt asks with other keys',
    file: of('steps'),
    text: '`ck:${id}:${step}:${attempt}`',
    without: '`ck:${id}:${step}:${attempt}:${Math.random()}`',
    redIn: test('outage', 'asked with the same key'),
  },
  {
    forbids: 'an attempt asks with the keys of an earlier one',
    file: of('steps'),
    text: '`ck:${id}:${step}:${attempt}`',
    without: '`ck:${id}:${step}:${attempt * 0}`',
    redIn: test('failures', 'declined, then paid'),
  },
]

const leases: readonly Guard[] = [
  {
    forbids: 'a process that lost its lease moves the checkout',
    file: of('lease'),
    text: 'eq(checkouts.leaseToken, leaseToken), guard',
    without: 'guard',
    redIn: test('outage', 'a process that lost its lease'),
  },
  {
    forbids: 'a process whose checkout was taken over records a step of it',
    file: of('lease'),
    text: 'leaseToken: sql`${checkouts.leaseToken} + 1`,',
    redIn: test('leases', 'whose checkout another took over'),
  },
  {
    forbids: 'a recovery takes a checkout from a live process',
    file: of('recovery'),
    text: ', lte(checkouts.leaseUntil, now()))!',
    without: ')!',
    redIn: test('leases', 'by no recovery: a checkout'),
  },
  {
    forbids: 'a recovery waits for another, and the rest with it',
    file: of('recovery'),
    text: ".for('update', { skipLocked: true })",
    without: ".for('update')",
    redIn: test('leases', 'the next checkout'),
  },
  {
    forbids: 'a process that lost its lease moves an errand',
    file: of('errands'),
    text: 'eq(errands.leaseToken, token), ',
    redIn: test('leases', 'whose errand another took over'),
  },
  {
    forbids: 'an errand that is over is carried on',
    file: of('errands'),
    text: ", eq(errands.status, 'RUNNING')))\n    .returning()",
    without: '))\n    .returning()',
    redIn: test('cancel', 'one that lost its lease'),
  },
  {
    forbids: 'a process whose errand was taken over records a step of it',
    file: of('errands'),
    text: 'leaseToken: sql`${errands.leaseToken} + 1`,',
    redIn: test('leases', 'whose errand another took over'),
  },
  {
    forbids: 'a recovery takes an errand from a live process',
    file: of('errand-recovery'),
    text: ', lte(errands.leaseUntil, ctx.now()))',
    without: ')',
    redIn: test('leases', 'by no recovery: an errand'),
  },
  {
    forbids: 'a recovery of errands waits for another, and the rest with it',
    file: of('errand-recovery'),
    text: ".for('update', { skipLocked: true })",
    without: ".for('update')",
    redIn: test('leases', 'the next errand'),
  },
]

const goingOn: readonly Guard[] = [
  {
    forbids: 'the order of a checkout that was called off is created',
    file: of('completion'),
    text: 'name === PIVOT ? sql`not cancel_requested` : undefined',
    without: 'undefined',
    redIn: test('races', 'no order is created'),
  },
  {
    forbids: 'a checkout waits for news that has come',
    file: of('completion'),
    text: 'not is_payment_resolved and not cancel_requested',
    without: 'not cancel_requested',
    redIn: test('action', 'the news comes just before'),
  },
  {
    forbids: 'a checkout that was called off waits for its buyer',
    file: of('completion'),
    text: 'not is_payment_resolved and not cancel_requested',
    without: 'not is_payment_resolved',
    redIn: test('action', 'called off just before it waits'),
  },
  {
    forbids: 'news of a payment gets lost that comes before the checkout waits for it',
    file: of('recovery'),
    text: '{ ...awakened(ctx), isPaymentResolved: true }',
    without: 'awakened(ctx)',
    redIn: test('action', 'the news comes just before'),
  },
  {
    forbids: 'a refused step stays done whose first try comes late',
    file: of('completion'),
    text: 'error.isEffective || step.tries > 1',
    without: 'error.isEffective',
    redIn: test('locks', 'refused the second time'),
  },
  {
    forbids: 'a cart stays held whose price was not the one agreed to',
    file: of('completion'),
    text: 'error.isEffective || step.tries > 1',
    without: 'step.tries > 1',
    redIn: test('failures', 'the price is not the one'),
  },
  {
    forbids: 'a buyer who had no time left buys all the same',
    file: of('steps'),
    text: 'if (actionUntil && actionUntil <= now) throw new Refused(UNCONFIRMED, { isEffective: true })',
    redIn: test('action', 'never answered'),
  },
  {
    forbids: 'a checkout expires that is not open',
    file: of('recovery'),
    text: "and(eq(checkouts.status, 'OPEN'), lte(checkouts.expiresAt, now))",
    without: 'lte(checkouts.expiresAt, now)',
    redIn: test('checkout', 'expires'),
  },
  {
    forbids: 'a checkout expires before its time',
    file: of('recovery'),
    text: "and(eq(checkouts.status, 'OPEN'), lte(checkouts.expiresAt, now))",
    without: "eq(checkouts.status, 'OPEN')",
    redIn: test('checkout', 'expires'),
  },
  {
    forbids: 'a buyer at the bank loses the time there is',
    file: of('recovery'),
    text: "and(eq(checkouts.status, 'AWAITING_PAYMENT_ACTION'), lte(checkouts.actionUntil, now))",
    without: "eq(checkouts.status, 'AWAITING_PAYMENT_ACTION')",
    redIn: test('action', 'never answered'),
  },
  {
    forbids: 'a checkout is called off whose order exists',
    file: of('calling-off'),
    text: 'isNull(checkouts.placedAt),',
    redIn: test('races', 'it is too late'),
  },
  {
    forbids: 'somebody calls off another’s checkout',
    file: of('calling-off'),
    text: 'await requireOwn(ctx, owner, checkoutId)',
    without: 'await requireOwn(ctx, owner, checkoutId).catch(() => ({ attempt: 1 }))',
    redIn: test('failures', 'is for its buyer'),
  },
  {
    forbids: 'staff take up a checkout that needs no attention',
    file: of('attention'),
    text: 'and(eq(checkouts.id, checkoutId), inNeed)',
    without: 'eq(checkouts.id, checkoutId)',
    redIn: test('outage', 'is taken up by staff'),
  },
  {
    forbids: 'a key takes a checkout up twice',
    file: of('attention'),
    text: "effects: { claimed: remember(sql`'{}'::jsonb`, sql`moved`) },",
    redIn: test('outage', 'is taken up by staff'),
  },
  {
    forbids: 'money is given back of an order that stands',
    file: of('unclaimed'),
    text: 'if (attempt >= checkout.attempt && !ended.includes(checkout.status)) return',
    redIn: test('unclaimed'),
  },
]

/** What keeps a checkout right, from its acceptance to its order. */
export const checkoutGuards: readonly Guard[] = [...accepting, ...leases, ...goingOn]
