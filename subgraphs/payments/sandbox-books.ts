// The sandbox processor's statements: each request is one, so that its answer and what it does commit together. They lock
// what they judge by before they note the answer; who comes second with a key notes nothing and does nothing.
import { sql, type SQL } from 'drizzle-orm'
import { uuidv7 } from '#platform/ids.ts'
import type { Money } from '#platform/money.ts'

/** How a request arrives: `faults` precedes the other parts of its statement. */
export interface Way {
  faults: SQL
  /** Whether the request arrives at all. */
  arrived: SQL
  /** What befell it or its answer, or null. */
  fault: SQL
}

interface Keyed {
  key: string
  /** RFC 3339. */
  at: string
}

/** What became of the request with a key. */
export const looking = ({ faults, arrived, fault }: Way, key: string): SQL => sql`
  with ${faults} noted as (select * from payments.sandbox_operations where key = ${key} and ${arrived})
  select to_jsonb(noted) as operation, ${fault} as fault from (select) one left join noted on true`

// Takes a one-time token for `key`; a saved card's token is never used up.
const spending = (arrived: SQL, { key, hash }: { key: string; hash: string }): SQL => sql`
  update payments.sandbox_tokens set used_by = case when expires_at is null then null else ${key} end
  where hash = ${hash} and (used_by is null or used_by = ${key}) and ${arrived}
  returning *`

/** Uses a token up for a card that may be charged again and again. */
export const saving = (
  { faults, arrived, fault }: Way,
  { savedHash, at, ...token }: Keyed & { hash: string; savedHash: string },
): SQL => sql`
  with ${faults} card as (${spending(arrived, token)}),
  kept as (
    insert into payments.sandbox_tokens
      (hash, behaviour, brand, last4, expiry_month, expiry_year, holder_name, fingerprint)
    select ${savedHash}, behaviour, brand, last4, expiry_month, expiry_year, holder_name, fingerprint
    from card where expires_at is null or expires_at > ${at}
    on conflict do nothing
  )
  select to_jsonb(card) as card, ${fault} as fault from (select) one left join card on true`

/** Reserves money on a card. Without a `challenge` a card that wants one is declined. */
export function authorizing(
  { faults, arrived, fault }: Way,
  { key, at, hash, amount, challenge }: Keyed & { hash: string; amount: Money; challenge: string | null },
): SQL {
  const { amountMinor, currency } = amount
  const isNew = sql`${arrived} and not exists (select from earlier)`
  return sql`
    with ${faults} earlier as (select * from payments.sandbox_operations where key = ${key}),
    card as (${spending(isNew, { key, hash })}),
    verdict as (
      select case
        when behaviour is null then 'token_invalid'
        when expires_at <= ${at} then 'token_expired'
        when behaviour in ('card_declined', 'insufficient_funds') then behaviour
        when behaviour = 'authentication_required' and ${challenge}::text is null then behaviour
      end as code, behaviour = 'authentication_required' as is_challenged
      from (select) one left join card on true where ${isNew}
    ),
    noted as (
      insert into payments.sandbox_operations
        (key, operation, status, code, reference, challenge, currency, amount_minor, at)
      select ${key}, 'authorize', case
          when code like 'token_%' then 'FAILED' when code is not null then 'DECLINED'
          when is_challenged then 'REQUIRES_ACTION' else 'SUCCEEDED' end,
        code, case when code is null then ${`auth_${uuidv7()}`} end,
        case when code is null and is_challenged then ${challenge} end, ${currency}, ${amountMinor}::bigint,
        ${at}::timestamptz
      from verdict
      on conflict (key) do nothing
      returning *
    ),
    held as (
      insert into payments.sandbox_authorizations (reference, behaviour, currency, amount_minor)
      select noted.reference, card.behaviour, noted.currency, noted.amount_minor
      from noted, card where noted.status = 'SUCCEEDED'
    )
    select coalesce(to_jsonb(noted), to_jsonb(earlier)) as operation, ${fault} as fault
    from (select) one left join noted on true left join earlier on ${arrived}`
}

const books = {
  capture: { sum: sql`captured_minor`, left: sql`amount_minor - captured_minor - released_minor` },
  void: { sum: sql`released_minor`, left: sql`amount_minor - captured_minor - released_minor` },
  refund: { sum: sql`refunded_minor`, left: sql`captured_minor - refunded_minor` },
} as const

/** Adds to one sum of an authorisation as long as there is enough left of it, or ends one that waits for the buyer. */
export function booking(
  { faults, arrived, fault }: Way,
  {
    key,
    at,
    operation,
    reference,
    amount,
  }: Keyed & { operation: keyof typeof books; reference: string; amount: Money },
): SQL {
  const { sum, left } = books[operation]
  const { amountMinor, currency } = amount
  const isNew = sql`${arrived} and not exists (select from earlier)`
  return sql`
    with ${faults} earlier as (select * from payments.sandbox_operations where key = ${key}),
    held as (
      select behaviour, ${left} as left_minor from payments.sandbox_authorizations
      where reference = ${reference} and ${isNew} for update
    ),
    waiting as (
      select key from payments.sandbox_operations
      where ${operation} = 'void' and reference = ${reference} and status = 'REQUIRES_ACTION' and ${isNew} for update
    ),
    verdict as (
      select case
        when ${operation} = 'capture' and held.behaviour = 'capture_fails' then 'capture_declined'
        when waiting.key is null and coalesce(held.left_minor, 0) < ${amountMinor}::bigint then 'amount_not_available'
      end as code
      from (select) one left join held on true left join waiting on true where ${isNew}
    ),
    noted as (
      insert into payments.sandbox_operations (key, operation, status, code, reference, currency, amount_minor, at)
      select ${key}, ${operation}, case code when 'capture_declined' then 'DECLINED' when 'amount_not_available' then 'FAILED'
          else 'SUCCEEDED' end,
        code, case when code is null then ${`mov_${uuidv7()}`} end, ${currency}, ${amountMinor}::bigint, ${at}::timestamptz
      from verdict
      on conflict (key) do nothing
      returning *
    ),
    booked as (
      update payments.sandbox_authorizations a set ${sum} = a.${sum} + noted.amount_minor
      from noted where a.reference = ${reference} and noted.status = 'SUCCEEDED'
    ),
    ended as (
      update payments.sandbox_operations o set status = 'FAILED', code = 'cancelled'
      from noted, waiting where o.key = waiting.key and noted.status = 'SUCCEEDED'
    )
    select coalesce(to_jsonb(noted), to_jsonb(earlier)) as operation, ${fault} as fault
    from (select) one left join noted on true left join earlier on ${arrived}`
}

/**
 * What the buyer decided on the page of a `challenge`; the first decision stays. The card behaves like any other from
 * then on.
 */
export const deciding = (challenge: string, isApproved: boolean): SQL => sql`
  with decided as (
    update payments.sandbox_operations
    set status = ${isApproved ? 'SUCCEEDED' : 'DECLINED'}, code = ${isApproved ? null : 'authentication_failed'}
    where challenge = ${challenge} and status = 'REQUIRES_ACTION'
    returning *
  ),
  held as (
    insert into payments.sandbox_authorizations (reference, behaviour, currency, amount_minor)
    select reference, 'approves', currency, amount_minor from decided where status = 'SUCCEEDED'
  )
  select key from decided`
