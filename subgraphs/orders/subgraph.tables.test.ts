// What the database itself refuses, whatever a process would write.
import { beforeAll, expect, test } from 'vitest'
import { aGuest } from '../../tests/setup/viewers.ts'
import { MUG } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { at, our } = await shopForTests()

let id: string
beforeAll(async () => {
  const buyer = aGuest()
  const { id: orderId, lines } = await our.delivered(buyer, [[MUG, 2]])
  const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 1]])
  await our.approve(returnRequest.id)
  await our.receive(returnRequest.id, [[lines[0]!.id, 1]])
  await at.open(buyer, (await at.cartOf(buyer)).id)
  id = orderId
})

const again = (table: string, set: Record<string, string>, where = 'order_id = $1') =>
  `insert into orders.${table} select (jsonb_populate_record(t, ${JSON.stringify(set)
    .replaceAll("'", "''")
    .replace(/^/, "'")
    .replace(/$/, "'")})).* from orders.${table} t where ${where} limit 1`
const order = 'id = $1'
const NEW = 'a0000000-0000-4000-8000-000000000001'
const errand = (kind: string, status: string) => `
  insert into orders.errands (id, created_at, updated_at, order_id, kind, return_id, status, data, lease_until)
  select gen_random_uuid(), now(), now(), r.order_id, '${kind}', ${kind === 'RECEIVE' ? 'r.id' : 'null'}, '${status}', '{}',
    ${status === 'RUNNING' ? 'now()' : 'null'}
  from orders.returns r, generate_series(1, 2) where r.order_id = $1`

test.each([
  ['orders_number_unique', again('orders', { id: NEW, checkout_id: NEW }, order)],
  ['orders_checkoutId_unique', again('orders', { id: NEW, number: 'X' }, order)],
  ['orders_amounts', 'update orders.orders set tax_minor = -1 where id = $1'],
  ['orders_cancelled', `update orders.orders set status = 'CANCELLED' where id = $1`],
  ['orders_ready', 'update orders.orders set paid_at = null where id = $1'],
  ['order_lines_orderId_position_unique', again('order_lines', { id: NEW })],
  ['order_lines_bought', 'update orders.order_lines set quantity = 0 where order_id = $1'],
  ['order_lines_moved', 'update orders.order_lines set returned_quantity = quantity + 1 where order_id = $1'],
  ['order_lines_moved', 'update orders.order_lines set shipped_quantity = -1 where order_id = $1'],
  ['checkouts_total', `update orders.checkouts set total_minor = -1 where status = 'OPEN' and $1 <> ''`],
  ['checkouts_placed', `update orders.checkouts set status = 'FAILED' where order_id = $1`],
  ['checkouts_completed', `update orders.checkouts set placed_at = null where order_id = $1`],
  [
    'checkouts_awaiting',
    `update orders.checkouts set status = 'AWAITING_PAYMENT_ACTION' where status = 'OPEN' and $1 <> ''`,
  ],
  ['checkouts_one_live_per_cart', again('checkouts', { id: NEW }, `status = 'OPEN' and $1 <> ''`)],
  ['return_lines_counted', `update orders.return_lines set received_quantity = quantity + 1 where $1 <> ''`],
  ['return_lines_counted', `update orders.return_lines set refunded_quantity = received_quantity + 1 where $1 <> ''`],
  ['return_lines_return_id_order_line_id_pk', again('return_lines', {}, `$1 <> ''`)],
  ['returns_refund', `update orders.returns set status = 'APPROVED' where order_id = $1`],
  ['returns_declined', `update orders.returns set status = 'DECLINED', refund_minor = null where order_id = $1`],
  ['errands_one_cancel', errand('CANCEL', 'RUNNING')],
  ['errands_one_receipt', errand('RECEIVE', 'NEEDS_ATTENTION')],
  ['errands_one_collection', errand('COLLECT', 'RUNNING')],
  ['errands_return', `update orders.errands set return_id = null where order_id = $1`],
  ['errands_lease', `update orders.errands set status = 'RUNNING' where order_id = $1`],
])('%s', async (constraint_name, statement) => {
  await expect(at.sql(statement.replaceAll("$1 <> ''", '$1::text is not null'), id)).rejects.toMatchObject({
    constraint_name,
  })
})
