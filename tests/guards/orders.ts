import type { Guard } from './guard.ts'

const of = (name: string) => `subgraphs/orders/${name}.ts`
const test = (spec: string, name?: string): Guard['redIn'] => ({
  file: of(`subgraph.${spec}.test`),
  ...(name ? { name } : {}),
})

/** Constraints, by the migration that makes them: each is put to the test by a statement of its own. */
const tables = (file: string, names: Readonly<Record<string, string>>): Guard[] =>
  Object.entries(names).map(([name, forbids]) => {
    const isCheck = !/_(unique|pk)$/.test(name)
    const isIndex = name.includes('_one_')
    return {
      forbids,
      file: `drizzle/orders/${file}`,
      text: isIndex ? `CREATE UNIQUE INDEX "${name}"` : `CONSTRAINT "${name}" ${isCheck ? 'CHECK (' : ''}`,
      without: isIndex ? `CREATE INDEX "${name}"` : `CONSTRAINT "${name}" CHECK (true or `,
      redIn: test('tables', name),
    }
  })

// A key of several columns: its text ends with them.
const uniques = (
  file: string,
  keys: Readonly<Record<string, [key: string, forbids: string, redIn?: Guard['redIn']]>>,
) =>
  Object.entries(keys).map(([name, [key, forbids, redIn]]): Guard => ({
    forbids,
    file: `drizzle/orders/${file}`,
    text: `CONSTRAINT "${name}" ${key}`,
    without: `CONSTRAINT "${name}" CHECK (true)`,
    redIn: redIn ?? test('tables', name),
  }))

const constraints: readonly Guard[] = [
  ...tables('0000_change.sql', {
    checkouts_one_live_per_cart: 'a cart has two live checkouts',
    checkouts_total: 'a checkout costs less than nothing',
    checkouts_placed: 'a checkout with an order fails or is called off',
    checkouts_completed: 'a checkout is completed without an order',
    orders_amounts: 'an order has a negative amount',
    order_lines_bought: 'an order has a line of no units',
    order_lines_moved: 'more units leave, arrive or come back than were bought',
  }),
  ...tables('0001_payment-action.sql', {
    checkouts_awaiting: 'a checkout waits for its buyer with a lease or for ever',
  }),
  ...tables('0002_errands.sql', {
    errands_one_cancel: 'an order is called off twice',
    errands_lease: 'an errand is under way that nobody would take up, or at rest and taken up',
    orders_cancelled: 'an order is called off without a reason, or has one and is not',
  }),
  ...tables('0003_returns-and-refunds.sql', {
    return_lines_counted: 'a return takes in more than it asked for, or pays for more than came in',
    returns_refund: 'money is given back for a return whose goods are not in',
    returns_declined: 'a return is turned down without a reason',
    errands_one_receipt: 'two parcels of a return are booked in at once',
    errands_one_collection: 'the money of an order is taken by two errands at once',
    errands_return: 'goods are received of no return',
  }),
  ...tables('0004_paid-and-buyer.sql', { orders_ready: 'goods leave that are not paid' }),
  ...uniques('0000_change.sql', {
    checkout_steps_checkout_id_attempt_name_pk: [
      'PRIMARY KEY("checkout_id","attempt","name")',
      'a step of an attempt is noted twice',
      test('checkout', 'makes an order of the cart'),
    ],
    idempotency_keys_scope_key_pk: [
      'PRIMARY KEY("scope","key")',
      'a key is good for two attempts',
      test('checkout', 'with one key ten times'),
    ],
    inbox_reaction_event_id_pk: [
      'PRIMARY KEY("reaction","event_id")',
      'an event is handled twice',
      test('changes', 'of its shipments'),
    ],
    orders_number_unique: ['UNIQUE("number")', 'two orders have one number'],
    orders_checkoutId_unique: ['UNIQUE("checkout_id")', 'a checkout has two orders'],
    order_lines_orderId_position_unique: ['UNIQUE("order_id","position")', 'an order has a line twice'],
  }),
  ...uniques('0003_returns-and-refunds.sql', {
    return_lines_return_id_order_line_id_pk: ['PRIMARY KEY("return_id","order_line_id")', 'a return has a line twice'],
  }),
]

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
    redIn: test('outage', 'make one order and one charge'),
  },
  {
    forbids: 'a recovery takes a checkout from a live process',
    file: of('recovery'),
    text: ', lte(checkouts.leaseUntil, now()))!',
    without: ')!',
    redIn: test('locks', 'by no recovery: a checkout'),
  },
  {
    forbids: 'a recovery waits for another, and the rest with it',
    file: of('recovery'),
    text: ".for('update', { skipLocked: true })",
    without: ".for('update')",
    redIn: test('locks', 'the next checkout'),
  },
  {
    forbids: 'a process that lost its lease moves an errand',
    file: of('errands'),
    text: 'eq(errands.leaseToken, token), ',
    redIn: test('locks', 'records nothing'),
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
    redIn: test('locks', 'records nothing'),
  },
  {
    forbids: 'a recovery takes an errand from a live process',
    file: of('errand-recovery'),
    text: ', lte(errands.leaseUntil, ctx.now()))',
    without: ')',
    redIn: test('locks', 'by no recovery: an errand'),
  },
  {
    forbids: 'a recovery of errands waits for another, and the rest with it',
    file: of('errand-recovery'),
    text: ".for('update', { skipLocked: true })",
    without: ".for('update')",
    redIn: test('locks', 'the next errand'),
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

const ordering: readonly Guard[] = [
  {
    forbids: 'an order is created by a process that lost its lease',
    file: of('placement'),
    text: 'insertFrom(orders, [order], sql`moved`, numbered)',
    without:
      'insertFrom(orders, [order], sql`(select moved.* from (select) one left join moved on true) as moved`, numbered)',
    redIn: { file: 'tests/crash/stopped.test.ts', name: 'finished its checkout at CREATE_ORDER' },
  },
  {
    forbids: 'an order is created for the guest who is an account by then',
    file: of('placement'),
    text: "'owner_kind', moved.owner_kind, 'owner_id', moved.owner_id)`",
    without: "'note', null)`",
    redIn: test('claims', 'just before the order is created'),
  },
  {
    forbids: 'a process that lost its lease notes once more that the money was taken',
    file: of('placement'),
    text: 'where id = ${orderId} and exists (select from moved) returning *`',
    without: 'where id = ${orderId} returning *`',
    redIn: { file: 'tests/crash/stopped.test.ts', name: 'finished its checkout at CAPTURE_PAYMENT' },
  },
  {
    forbids: 'goods leave of an order that is held or called off',
    file: of('placement'),
    text: "ready_at = case when status = 'CONFIRMED' then ${at}::timestamptz end",
    without: 'ready_at = ${at}::timestamptz',
    redIn: test('capture', 'an order that'),
  },
  {
    forbids: 'an order that was called off is held for its money',
    file: of('placement'),
    text: "where id = ${orderId} and status in ('CONFIRMED', 'ON_HOLD') and exists (select from moved)",
    without: 'where id = ${orderId} and exists (select from moved)',
    redIn: test('capture', 'also when it is refused'),
  },
  {
    forbids: 'goods leave twice',
    file: of('collections'),
    text: 'if (!paidAt || readyAt || ',
    without: 'if (!paidAt || ',
    redIn: test('capture', 'and then once'),
  },
  {
    forbids: 'goods leave before they are paid',
    file: of('collections'),
    text: 'if (!paidAt || readyAt || ',
    without: 'if (readyAt || ',
    redIn: test('capture', 'and then once'),
  },
  {
    forbids: 'an order is held that staff took the money of',
    file: of('captures'),
    text: 'if (from.some((state) => taken.has(state))) return []',
    redIn: test('capture', 'is taken: the order goes on'),
  },
  {
    forbids: 'an order is held whose money staff are just taking',
    file: of('captures'),
    text: ' || from.some((state) => moving.has(state))',
    redIn: test('capture', 'is waited for'),
  },
  {
    forbids: 'money that was refused once is never asked for again',
    file: of('captures'),
    text: '`ord:${orderId}:capture:${number}`',
    without: '`ord:${orderId}:capture:1`',
    redIn: test('unpaid', 'goes on once its money is taken'),
  },
  {
    forbids: 'one try to take money is two for the bank',
    file: of('captures'),
    text: '`ord:${orderId}:capture:${number}`',
    without: '`ord:${orderId}:capture:${number}:${Math.random()}`',
    redIn: test('outage', 'the money is taken later'),
  },
  {
    forbids: 'an order goes on that is not paid',
    file: of('orders'),
    text: "if (order.status === 'ON_HOLD' && (await isUnpaid(tx, order))) {",
    without: "if (order.status === 'ON_HOLD' && orderId === '') {",
    redIn: test('unpaid', 'goes on once its money is taken'),
  },
  {
    forbids: 'staff change an order that they saw otherwise',
    file: of('orders'),
    text: 'if (order.version !== expectedVersion) rejectStale(order.version)',
    redIn: test('changes', 'refuses what follows'),
  },
  {
    forbids: 'staff move an order where only shipments and returns do',
    file: of('orders'),
    text: "if (!allowed.includes(to)) rejectTransition({ from: order.status, to, allowed }, ['status'])",
    redIn: test('changes', 'refuses what follows'),
  },
  {
    forbids: 'an order is judged by what it was',
    file: of('orders'),
    text: "select().from(orders).where(known).for('update')",
    without: 'select().from(orders).where(known)',
    redIn: test('locks', 'what they did not see is stale'),
  },
  {
    forbids: 'the sign-in of a guest misses an order that is being created',
    file: of('reactions'),
    text: 'of [checkouts, orders])',
    without: 'of [orders, checkouts])',
    redIn: test('locks', 'though it is just being created'),
  },
  {
    forbids: 'old orders are closed that are being changed',
    file: of('moving'),
    text: ".limit(BATCH)\n      .for('update', { skipLocked: true })",
    without: '.limit(BATCH)',
    redIn: test('locks', 'by the closing'),
  },
  {
    forbids: 'an order is closed whose goods are awaited back',
    file: of('moving'),
    text: 'notExists(awaited),',
    redIn: test('later', 'waits for a return'),
  },
]

const after: readonly Guard[] = [
  {
    forbids: 'a shipment is counted twice',
    file: of('reactions'),
    text: "once(ctx, inbox, 'shipment', event, (tx) => recordShipment(tx, ctx, event))",
    without: 'ctx.db.transaction((tx) => recordShipment(tx, ctx, event))',
    redIn: test('changes', 'of its shipments'),
  },
  {
    forbids: 'a refund is counted twice',
    file: of('reactions'),
    text: "once(ctx, inbox, 'refund', event, (tx) => recordRefund(tx, ctx, event))",
    without: 'ctx.db.transaction((tx) => recordRefund(tx, ctx, event))',
    redIn: test('later', 'each refund once'),
  },
  {
    forbids: 'a shipment moves the lines of another order',
    file: of('shipping'),
    text: 'and(eq(orderLines.id, orderLineId), eq(orderLines.orderId, orderId))',
    without: 'eq(orderLines.id, orderLineId)',
    redIn: test('changes', 'of some other order'),
  },
  {
    forbids: 'an order is judged by some of its shipments',
    file: of('shipping'),
    text: "select().from(orders).where(eq(orders.id, orderId)).for('update')",
    without: 'select().from(orders).where(eq(orders.id, orderId))',
    redIn: test('locks', 'by news of a shipment'),
  },
  {
    forbids: 'two begin to call an order off',
    file: of('cancellations'),
    text: "if (earlier?.status === 'RUNNING') return { errandId: earlier.id, token: null }",
    redIn: test('cancel', 'by many at once'),
  },
  {
    forbids: 'what has left is called off',
    file: of('cancellations'),
    text: "if (!canBecome(order.status, 'CANCELLED')) refuseFrom(order.status)",
    redIn: test('cancel', 'because it is delivered'),
  },
  {
    forbids: 'what left meanwhile is called off',
    file: of('cancellations'),
    text: "from(orders).where(eq(orders.id, orderId)).for('update')",
    without: 'from(orders).where(eq(orders.id, orderId))',
    redIn: test('locks', 'what left meanwhile'),
  },
  {
    forbids: 'an order that delivery has seen leave is called off',
    file: of('cancellations'),
    text: "if (errors.some(({ code }) => code === 'STATE_TRANSITION')) throw new Refused([await itLeft(ctx, orderId)])",
    redIn: test('cancel', 'because it left'),
  },
  {
    forbids: 'the money of an order is taken by two at once',
    file: of('collections'),
    text: 'if (running) return { errandId: running.id, token: null }',
    redIn: test('unpaid', 'two let go at once'),
  },
  {
    forbids: 'an order goes on that was called off while its money was taken',
    file: of('collections'),
    text: "select().from(orders).where(eq(orders.id, orderId)).for('update')",
    without: 'select().from(orders).where(eq(orders.id, orderId))',
    redIn: test('locks', 'what was called off meanwhile'),
  },
  {
    forbids: 'more is asked back than arrived',
    file: of('loaders'),
    text: "where rl.order_line_id = ${orderLines.id} and r.status not in ('DECLINED', 'CANCELLED')), 0)::int`",
    without: "where rl.order_line_id = ${orderLines.id} and r.status = ''), 0)::int`",
    redIn: test('returns', 'never more than arrived'),
  },
  {
    forbids: 'a return is decided on that was called off meanwhile',
    file: of('returns'),
    text: "from(returns).where(eq(returns.id, id)).for('update')",
    without: 'from(returns).where(eq(returns.id, id))',
    redIn: test('locks', 'whoever decides on a return'),
  },
  {
    forbids: 'a return is called off whose goods are being booked in',
    file: of('returns'),
    text: "if (await isArriving(tx, id)) rejectTransition({ from, to: 'CANCELLED', allowed: ['RECEIVED'] }, ['id'])",
    redIn: test('receipts', 'can no longer be called off'),
  },
  {
    forbids: 'a return moves where it cannot',
    file: of('returns'),
    text: "if (!canBecome(from, to)) rejectTransition({ from, to, allowed: nextStatuses[from] }, ['id'])",
    redIn: test('returns', 'can be called off until'),
  },
  {
    forbids: 'more comes in than was asked for',
    file: of('receipts'),
    text: 'if (found && quantity <= left) return',
    without: 'if (found) return',
    redIn: test('returns', 'not beyond what was asked for'),
  },
  {
    forbids: 'two parcels of a return are booked in at once',
    file: of('receipts'),
    text: "if (stuck?.status === 'RUNNING') {",
    without: "if (stuck?.status === 'DONE') {",
    redIn: test('receipts', 'takes no others before'),
  },
  {
    forbids: 'goods are taken for others that got stuck',
    file: of('receipts'),
    text: 'if (differing.length > 0) {',
    without: 'if (differing.length > 9) {',
    redIn: test('receipts', 'told otherwise'),
  },
  {
    forbids: 'goods come back into stock twice',
    file: of('receipts'),
    text: '`${keyOf(errand)}:stock`',
    without: '`${keyOf(errand)}:stock:${Math.random()}`',
    redIn: test('errands-crash', 'RECEIVE:TAKE_GOODS:effect'),
  },
  {
    forbids: 'the money of one parcel is given back twice',
    file: of('receipts'),
    text: '`ret:${errand.returnId}:${receiptOf(errand).number}`',
    without: '`ret:${errand.returnId}:${Math.random()}`',
    redIn: test('errands-crash', 'RECEIVE:GIVE_MONEY_BACK:effect'),
  },
  {
    forbids: 'the money of a second parcel is taken for that of the first',
    file: of('receipts'),
    text: '`ret:${errand.returnId}:${receiptOf(errand).number}`',
    without: '`ret:${errand.returnId}:1`',
    redIn: test('returns', 'exactly what was paid'),
  },
  {
    forbids: 'a unit is paid back twice',
    file: of('receipts'),
    text: '.set({ refundedQuantity: mine.receivedQuantity })',
    without: '.set({ refundedQuantity: 0 })',
    redIn: test('returns', 'exactly what was paid'),
  },
  {
    forbids: 'an order is judged by some of what came back',
    file: of('receipts'),
    text: "select().from(orders).where(eq(orders.id, orderId)).for('update')",
    without: 'select().from(orders).where(eq(orders.id, orderId))',
    redIn: test('locks', 'by goods that came back'),
  },
]

export const ordersGuards: readonly Guard[] = [
  ...constraints,
  ...accepting,
  ...leases,
  ...goingOn,
  ...ordering,
  ...after,
]
