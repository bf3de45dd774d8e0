import type { Invariant } from '../invariants.ts'

// The fact that an order was called off may be tried again for ten minutes before a person has to look.
const TOLD = `interval '15 minutes'`

export const invariants: readonly Invariant[] = [
  {
    name: 'a cart is CONVERTED when and only when its order exists',
    sql: `
      select c.id as cart_id, c.order_id from cart.carts c
      where c.status = 'CONVERTED'
        and not exists (select from orders.orders o where o.id = c.order_id and o.checkout_id = c.checkout_id)
      union all
      select k.cart_id, o.id from orders.orders o join orders.checkouts k on k.id = o.checkout_id
      where k.status = 'COMPLETED'
        and not exists (select from cart.carts c where c.id = k.cart_id and c.status = 'CONVERTED' and c.order_id = o.id)`,
  },
  {
    name: 'a cart is FROZEN only while its checkout is under way',
    sql: `
      select c.id as cart_id, c.checkout_id, k.status from cart.carts c
      left join orders.checkouts k on k.id = c.checkout_id
      where c.status = 'FROZEN'
        and (k.id is null or k.status in ('OPEN', 'COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED'))`,
  },
  {
    name: 'a promotion counts its uses, and none twice',
    sql: `
      select p.id as promotion_id, p.usage_count, count(u.checkout_id) as uses from cart.promotions p
      left join cart.promotion_uses u on u.status <> 'RELEASED' and p.id = any(u.promotion_ids)
      group by p.id having p.usage_count <> count(u.checkout_id)`,
  },
  {
    name: 'a promotion counts the uses of each customer',
    sql: `
      select c.promotion_id, c.customer, c.used, count(u.checkout_id) as uses from cart.promotion_customers c
      left join cart.promotion_uses u
        on u.status <> 'RELEASED' and u.customer = c.customer and c.promotion_id = any(u.promotion_ids)
      group by c.promotion_id, c.customer having c.used <> count(u.checkout_id)`,
  },
  {
    name: 'a use of promotions is of an order that stands, or of a checkout under way',
    sql: `
      select u.checkout_id, u.attempt, u.status, k.status as checkout_status, o.status as order_status
      from cart.promotion_uses u
      left join orders.checkouts k on k.id = u.checkout_id
      left join orders.orders o on o.checkout_id = u.checkout_id
      where u.status <> 'RELEASED' and u.promotion_ids <> '{}'
        and (k.id is null or o.status = 'CANCELLED' and o.updated_at < now() - ${TOLD}
          or o.id is null and k.status in ('OPEN', 'COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED'))`,
  },
  {
    name: 'an order that promotions took something off is one of their uses',
    sql: `
      select o.id as order_id, o.checkout_id, discount -> 'promotion' ->> 'id' as promotion_id
      from cart.carts c join orders.orders o on o.id = c.order_id,
        jsonb_array_elements(c.frozen -> 'discounts') discount
      where o.status <> 'CANCELLED'
        and not exists (
          select from cart.promotion_uses u
          where u.checkout_id = o.checkout_id and u.status <> 'RELEASED'
            and (discount -> 'promotion' ->> 'id')::uuid = any(u.promotion_ids))`,
  },
]
