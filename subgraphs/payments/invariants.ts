import type { Invariant } from '../invariants.ts'

const UNSETTLED = `(t.status in ('PENDING', 'UNKNOWN') or t.error_code = 'not_received')`
const IS_OVER = `('OPEN', 'COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')`

const asked = (kind: string) => `coalesce(sum(t.amount_minor) filter (where t.kind = '${kind}' and ${UNSETTLED}), 0)`
const done = (kind: string) =>
  `coalesce(sum(t.amount_minor) filter (where t.kind = '${kind}' and t.status = 'SUCCEEDED'), 0)`
const posted = (account: string) => `coalesce(sum(e.amount_minor) filter (where e.account = '${account}'), 0)`

export const invariants: readonly Invariant[] = [
  {
    name: 'what is posted adds up to nothing, for each movement and in all',
    sql: `
      select transaction_id::text as of, currency, sum(amount_minor) as off from payments.postings
      group by transaction_id, currency having sum(amount_minor) <> 0
      union all
      select 'all', currency, sum(amount_minor) from payments.postings group by currency having sum(amount_minor) <> 0`,
  },
  {
    name: 'a movement is posted when and only when it was carried out',
    sql: `
      select t.id as transaction_id, t.kind, t.status, count(e.account) as postings
      from payments.payment_transactions t left join payments.postings e on e.transaction_id = t.id
      group by t.id having count(e.account) <> case t.status when 'SUCCEEDED' then 2 else 0 end`,
  },
  {
    name: 'the sums of a payment are those of its postings',
    sql: `
      select p.id as payment_id, ${posted('held')} as held, ${posted('taken')} as taken, ${posted('buyer')} as buyer
      from payments.payments p left join payments.postings e on e.payment_id = p.id
      group by p.id
      having ${posted('held')} <> p.authorized_minor - p.captured_minor - p.released_minor
        or ${posted('taken')} <> p.captured_minor - p.refunded_minor
        or ${posted('buyer')} <> p.released_minor + p.refunded_minor - p.authorized_minor`,
  },
  {
    name: 'the sums of a payment are those of its movements, asked for and done',
    sql: `
      select p.id as payment_id, p.status
      from payments.payments p left join payments.payment_transactions t on t.payment_id = p.id
      group by p.id
      having (p.authorizing_minor, p.capturing_minor, p.releasing_minor, p.refunding_minor)
          <> (${['AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND'].map(asked).join(', ')})
        or (p.authorized_minor, p.captured_minor, p.released_minor, p.refunded_minor)
          <> (${['AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND'].map(done).join(', ')})`,
  },
  {
    name: 'the sandbox’s books say of a payment what ours say',
    sql: `
      select p.id as payment_id, p.status, s.amount_minor, s.captured_minor, s.released_minor, s.refunded_minor
      from payments.payments p join payments.sandbox_authorizations s on s.reference = p.provider_reference
      where p.provider = 'sandbox'
        and not exists (select from payments.payment_transactions t where t.payment_id = p.id and ${UNSETTLED})
        and (s.amount_minor, s.captured_minor, s.released_minor, s.refunded_minor)
          <> (p.authorized_minor, p.captured_minor, p.released_minor, p.refunded_minor)`,
  },
  {
    name: 'no authorisation of the sandbox is unknown here',
    sql: `
      select s.reference, o.key from payments.sandbox_authorizations s
      join payments.sandbox_operations o on o.reference = s.reference and o.operation = 'authorize'
      where not exists (
        select from payments.payment_transactions t where t.id::text = o.key and (t.status = 'SUCCEEDED' or ${UNSETTLED})
      )`,
  },
  {
    name: 'no more is taken for an order than it costs',
    sql: `
      select o.id as order_id, o.total_minor, sum(p.captured_minor + p.capturing_minor) as taken
      from orders.orders o join payments.payments p on p.order_id = o.id
      group by o.id having sum(p.captured_minor + p.capturing_minor) > o.total_minor`,
  },
  {
    name: 'no money is held or taken without an order, once its checkout is over',
    sql: `
      select p.id as payment_id, p.status, p.checkout_id, c.status as checkout
      from payments.payments p left join orders.checkouts c on c.id = p.checkout_id
      where p.authorized_minor - p.released_minor - p.refunded_minor > 0
        and not exists (select from orders.orders o where o.id = p.order_id)
        and (c.id is null or c.status in ${IS_OVER})`,
  },
  {
    name: 'a checkout that ended without an order has no payment that may yet hold money',
    sql: `
      select p.id as payment_id, p.status, c.id as checkout_id, c.status as checkout
      from payments.payments p join orders.checkouts c on c.id = p.checkout_id
      where c.status in ('FAILED', 'EXPIRED', 'CANCELLED')
        and p.status in ('PENDING', 'REQUIRES_ACTION', 'UNKNOWN', 'AUTHORIZED')`,
  },
]
