import type { Invariant } from '../invariants.ts'

// A key is forgotten after 30 days; see platform/forgetting.ts.
const REMEMBERED = `now() - interval '29 days'`

export const invariants: readonly Invariant[] = [
  {
    name: 'a checkout has one order at most, and has it when and only when it was placed',
    sql: `
      select c.id as checkout_id, c.status, c.placed_at, c.order_id, count(o.id) as orders
      from orders.checkouts c left join orders.orders o on o.checkout_id = c.id
      group by c.id
      having count(o.id) <> case when c.placed_at is null then 0 else 1 end or bool_or(o.id <> c.order_id)`,
  },
  {
    name: 'a cart has one live checkout at most, and one order',
    sql: `
      select cart_id, count(*) filter (where status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')) as live,
        count(placed_at) as placed
      from orders.checkouts group by cart_id
      having count(*) filter (where status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')) > 1
        or count(placed_at) > 1`,
  },
  {
    name: 'a checkout that failed, or waits to be completed, holds no goods, no money and no cart',
    sql: `
      select c.id as checkout_id, c.status, r.status as goods, p.status as money, k.status as cart
      from orders.checkouts c
      left join inventory.reservations r on r.checkout_id = c.id and r.status in ('HELD', 'COMMITTED')
      left join payments.payments p on p.checkout_id = c.id
        and p.authorized_minor - p.released_minor - p.refunded_minor > 0
      left join cart.carts k on k.checkout_id = c.id and k.status = 'FROZEN'
      where c.status in ('OPEN', 'FAILED', 'EXPIRED', 'CANCELLED')
        and (r.id is not null or p.id is not null or k.id is not null)`,
  },
  {
    name: 'a checkout that is over has neither lease nor card, and no step under way',
    sql: `
      select c.id as checkout_id, c.status, c.lease_until, c.payment_token is not null as has_card, s.name as step
      from orders.checkouts c
      left join orders.checkout_steps s on s.checkout_id = c.id and s.status = 'RUNNING'
      where c.status in ('OPEN', 'COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')
        and (c.lease_until is not null or c.payment_token is not null or s.name is not null)`,
  },
  {
    name: 'the key that an order was placed with answers with that order',
    sql: `
      select c.id as checkout_id, c.order_id, c.attempt, k.reply
      from orders.checkouts c
      left join orders.idempotency_keys k on k.scope = c.attempt_scope and k.key = c.attempt_key
      where c.placed_at > ${REMEMBERED}
        and (k.key is null or k.reply ? 'failure' or (k.reply ->> 'attempt')::int <> c.attempt)`,
  },
  {
    name: 'the lines of an order add up to it',
    sql: `
      select o.id as order_id, o.subtotal_minor, o.discount_minor, o.shipping_minor, o.total_minor,
        sum(l.quantity * l.unit_price_minor) as lines, sum(l.discount_minor) as discounts
      from orders.orders o join orders.order_lines l on l.order_id = o.id
      where o.checkout_id is not null
      group by o.id
      having sum(l.quantity * l.unit_price_minor) <> o.subtotal_minor or sum(l.discount_minor) <> o.discount_minor`,
  },
  {
    name: 'a cancelled order whose cancellation is done holds no goods, no money and no shipment',
    sql: `
      select o.id as order_id, r.status as goods, p.status as money, s.status as shipment
      from orders.orders o
      join orders.errands e on e.order_id = o.id and e.kind = 'CANCEL' and e.status = 'DONE'
      left join inventory.reservations r on r.checkout_id = o.checkout_id and r.status in ('HELD', 'COMMITTED')
      left join payments.payments p on p.checkout_id = o.checkout_id
        and p.authorized_minor - p.released_minor - p.refunded_minor > 0
      left join delivery.shipments s on s.order_id = o.id and s.status <> 'CANCELLED'
      where o.status <> 'CANCELLED' or r.id is not null or p.id is not null or s.id is not null`,
  },
  {
    name: 'no more of an order line is asked back than arrived, and what came back is counted',
    sql: `
      select l.id as order_line_id, l.quantity, l.delivered_quantity, l.returned_quantity,
        sum(rl.quantity) as asked, sum(rl.received_quantity) as received
      from orders.order_lines l
      join orders.return_lines rl on rl.order_line_id = l.id
      join orders.returns r on r.id = rl.return_id and r.status not in ('DECLINED', 'CANCELLED')
      group by l.id
      having sum(rl.quantity) > l.delivered_quantity or sum(rl.received_quantity) > l.returned_quantity`,
  },
  {
    name: 'what returns are paid back is what payments gave back for them, and never more than the order came to',
    sql: `
      select o.id as order_id, o.total_minor, decided.minor as decided_minor, given.minor as given_minor
      from orders.orders o
      cross join lateral (
        select coalesce(sum(r.refund_minor), 0) as minor from orders.returns r where r.order_id = o.id) decided
      cross join lateral (
        select coalesce(sum(t.amount_minor), 0) as minor
        from payments.payments p join payments.payment_transactions t on t.payment_id = p.id
        where p.order_id = o.id and t.kind = 'REFUND' and t.status = 'SUCCEEDED'
          and t.idempotency_key like 'ret:%') given
      where (decided.minor > o.total_minor or decided.minor <> given.minor)
        and not exists (select from orders.errands e
          where e.order_id = o.id and e.kind = 'RECEIVE' and e.status in ('RUNNING', 'NEEDS_ATTENTION'))`,
  },
]
