import type { Guard } from './guard.ts'
import { test } from './orders-places.ts'

/** Checks and indexes, by the migration that makes them: each is put to the test by a statement of its own. */
const tables = (file: string, names: Readonly<Record<string, string>>): Guard[] =>
  Object.entries(names).map(([name, forbids]) => ({
    forbids,
    file: `drizzle/orders/${file}`,
    redIn: test('tables'),
    ...(name.includes('_one_')
      ? { text: `CREATE UNIQUE INDEX "${name}"`, without: `CREATE INDEX "${name}"` }
      : { text: `CONSTRAINT "${name}" CHECK (`, without: `CONSTRAINT "${name}" CHECK (true or ` }),
  }))

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
    redIn: redIn ?? test('tables'),
  }))

export const orderTables: readonly Guard[] = [
  {
    // The statement that opens a checkout needs it.
    forbids: 'a cart has two live checkouts',
    file: 'drizzle/orders/0000_change.sql',
    text: 'CREATE UNIQUE INDEX "checkouts_one_live_per_cart"',
    without: 'CREATE INDEX "checkouts_one_live_per_cart"',
    redIn: test('checkout', 'a cart has one'),
  },
  ...tables('0000_change.sql', {
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
      test('failures', 'declined, then paid'),
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
