import { and, eq, inArray, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { breaks, isTaken } from '#platform/database.ts'
import { idempotentStatement } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { Rejection, inputPath, parseInput, rejectTransition, type UserError } from '#platform/user-errors.ts'
import { raised } from './price-epoch.ts'
import { customerKey } from './promotion.ts'
import type { PromotionUsageReleaseInput, PromotionUsageReserveInput } from './schema.generated.ts'
import { idempotencyKeys, promotionCustomers, promotionUses, promotions } from './tables.ts'

const attemptInput = {
  checkoutId: z.string().refine(isId, 'Not the id of a checkout.'),
  attempt: z.int().min(1),
  idempotencyKey: z.string(),
}
const reserveInput = z
  .object({
    ...attemptInput,
    promotionIds: z.array(z.string().refine(isId, { error: 'No such promotion.', params: { code: 'NOT_FOUND' } })),
    customerId: z.string().refine(isId, 'Not the id of a customer.').nullish(),
    email: z.string().nullish(),
  })
  .refine(({ customerId, email }) => customerId || email, {
    error: 'Say whose use it is.',
    path: ['email'],
    params: { code: 'REQUIRED' },
  })
const releaseInput = z.object(attemptInput)

interface Use {
  checkoutId: string
  attempt: number
  promotionIds: string[]
  customer: string
}

/**
 * Counts the use of promotions by an attempt of a checkout: all of them or none, never past a limit, once per (checkout,
 * attempt), and never after that attempt was released.
 * @throws Rejection NOT_FOUND, LIMIT_EXCEEDED or STATE_TRANSITION
 */
export async function reserveUsage(ctx: Context, input: PromotionUsageReserveInput) {
  const { idempotencyKey: key, customerId, email, ...request } = parseInput(reserveInput, input)
  const promotionIds = [...new Set(request.promotionIds.map((id) => id.toLowerCase()))]
  const asked = { ...request, promotionIds }
  const use = { ...asked, customer: customerKey({ customerId, email })! }
  // A guest who signs in meanwhile is the same buyer when the command is sent again: whose use it is was settled first.
  const keyed = { scope: 'promotionUsageReserve', key, request: asked }
  const done = await idempotentStatement(ctx, idempotencyKeys, keyed, async (remember) => {
    try {
      await ctx.db.execute(reservation(use, ctx.now(), remember(sql`'{}'::jsonb`, sql`used`)))
      return {}
    } catch (error) {
      if (isTaken(error, 'promotion_uses_attempt') || breaks(error, 'promotion_uses_whole')) return undefined
      throw error
    }
  })
  if (!done) return await refuse(ctx, use)
  if (done.isReplay) await mustBeHeld(ctx, use)
  return { ok: true, isReplay: done.isReplay }
}

// The promotions are locked in the order of their ids, so that no two checkouts wait for each other; behind their locks
// the customer's counters are nobody else's. What was locked is as it is now; the rest of the statement sees what was
// when it began, and even a check would be held against that. A guard that holds only one of the counters back leaves `counted` short of
// what was asked for, which the row's check refuses, and with it the statement.
const reservation = ({ checkoutId, attempt, promotionIds, customer }: Use, now: Date, remembered: SQL): SQL => sql`
  with ${alone(checkoutId)}, locked as materialized (
    select id, usage_count, usage_limit, per_customer_limit from alone, ${promotions}
    where id = any(${arrayOf(promotionIds)}) order by id for update
  ), counted as (
    update ${promotions} p set usage_count = locked.usage_count + 1 from locked
    where p.id = locked.id and (locked.usage_limit is null or locked.usage_count < locked.usage_limit)
    returning p.id
  ), customers as (
    insert into ${promotionCustomers} as c (promotion_id, customer, used) select id, ${customer}, 1 from locked
    on conflict (promotion_id, customer) do update set used = c.used + 1
    where c.used < all(select per_customer_limit from locked
      where locked.id = c.promotion_id and per_customer_limit is not null)
    returning promotion_id
  ), used as (
    insert into ${promotionUses} (checkout_id, attempt, promotion_ids, customer, counted, status, created_at)
    select ${checkoutId}, ${attempt}::int, ${arrayOf(promotionIds)}, ${customer},
      least((select count(*) from counted), (select count(*) from customers)), 'RESERVED', ${now.toISOString()}::timestamptz
    returning checkout_id
  ), last as (${raised(sql`from locked where usage_count + 1 = usage_limit`)}), remembered as (${remembered})
  select from used`

// Commands of one checkout one after the other: to count locks promotions and then the attempt, to give back the attempt and
// then its promotions, and of two that are sent once more each would wait for the other.
const alone = (checkoutId: string): SQL => sql`
  alone as materialized (
    select pg_advisory_xact_lock(hashtextextended(${`promotions of ${checkoutId.toLowerCase()}`}, 0))
  )`

const arrayOf = (ids: readonly string[]): SQL => sql`${`{${ids.join(',')}}`}::uuid[]`

/** Says why nothing was counted. */
async function refuse({ db }: Pick<Context, 'db'>, use: Use): Promise<never> {
  const [earlier] = await db.select().from(promotionUses).where(isAttempt(use))
  if (earlier) rejectTransition({ from: earlier.status, to: 'RESERVED', allowed: [] })
  const { promotionId, used, customer } = promotionCustomers
  const rows = await db
    .select({ promotion: promotions, used })
    .from(promotions)
    .leftJoin(promotionCustomers, and(eq(promotionId, promotions.id), eq(customer, use.customer)))
    .where(inArray(promotions.id, use.promotionIds))
  const errors = use.promotionIds.flatMap((id, index): UserError[] => {
    const row = rows.find(({ promotion }) => promotion.id === id)
    const field = inputPath(['promotionIds', index])
    if (!row) return [{ code: 'NOT_FOUND', message: 'There is no such promotion any more.', field }]
    const { usageLimit, usageCount, perCustomerLimit } = row.promotion
    const isUsedUp = usageLimit !== null && usageCount >= usageLimit
    const isUsedByThem = perCustomerLimit !== null && (row.used ?? 0) >= perCustomerLimit
    const message = isUsedUp ? 'The offer is used up.' : 'The offer was used by this customer already.'
    return isUsedUp || isUsedByThem ? [{ code: 'LIMIT_EXCEEDED', message, field }] : []
  })
  // None: a use was given back meanwhile. Whoever sends the command again will get it.
  if (errors.length === 0) throw new Error('Promotions could not be counted, and now they could')
  throw new Rejection(errors)
}

// A replay that comes after the undo must not make a checkout believe that its uses are counted.
async function mustBeHeld({ db }: Pick<Context, 'db'>, use: Use): Promise<void> {
  const [row] = await db.select().from(promotionUses).where(isAttempt(use))
  if (row?.status === 'RELEASED') rejectTransition({ from: row.status, to: 'RESERVED', allowed: [] })
}

const isAttempt = ({ checkoutId, attempt }: Pick<Use, 'checkoutId' | 'attempt'>) =>
  and(eq(promotionUses.checkoutId, checkoutId), eq(promotionUses.attempt, attempt))

/** Gives back what an attempt of a checkout used; that attempt can use it no more, even if its command arrives later. */
export async function releaseUsage(ctx: Context, input: PromotionUsageReleaseInput) {
  const { idempotencyKey: key, ...request } = parseInput(releaseInput, input)
  const { checkoutId, attempt } = request
  // An attempt that commits while this waits for its row is seen here, in what the conflict finds, and nowhere else: what
  // else is read is as it was when the statement began. So the row itself says what is to be given back.
  const released = sql`
    insert into ${promotionUses} as u (checkout_id, attempt, promotion_ids, counted, status, created_at)
    select ${checkoutId}::uuid, ${attempt}::int, '{}', 0, 'RELEASED', ${ctx.now().toISOString()}::timestamptz from alone
    on conflict (checkout_id, attempt) do update set status = 'RELEASED' where u.status <> 'RELEASED'
    returning promotion_ids, customer`
  const keyed = { scope: 'promotionUsageRelease', key, request }
  const done = await idempotentStatement(ctx, idempotencyKeys, keyed, async (remember) => {
    const remembered = remember(sql`'{}'::jsonb`, sql`(values (true)) as always`)
    await ctx.db.execute(
      sql`with ${alone(checkoutId)}, ${givenBack(released, IS_WANTED)}, remembered as (${remembered}) select`,
    )
    return {}
  })
  return { ok: true, isReplay: done!.isReplay }
}

/** Gives back what an order used that was called off. */
export async function releaseUsageOf({ db }: Pick<Context, 'db'>, checkoutId: string): Promise<void> {
  const released = sql`
    update ${promotionUses} set status = 'RELEASED' from alone where checkout_id = ${checkoutId} and status <> 'RELEASED'
    returning promotion_ids, customer`
  const isNews = sql`${IS_WANTED} or per_customer_limit is not null`
  await db.execute(sql`with ${alone(checkoutId)}, ${givenBack(released, isNews)} select`)
}

// Others were told that the offer is used up.
const IS_WANTED = sql`usage_count >= usage_limit`

// A customer's counter may be younger than the statement: an upsert finds it all the same. Carts are priced anew when
// `isNews` of a promotion: the cart of an undone attempt is let go next, and is priced anew for that.
const givenBack = (released: SQL, isNews: SQL): SQL => sql`
  released as (${released}),
  uses as (
    select id, customer, count(*)::int as times from released, unnest(promotion_ids) id group by id, customer
  ), locked as materialized (
    select id, usage_count, usage_limit, per_customer_limit from ${promotions}
    where id in (select id from uses) order by id for update
  ), counted as (
    update ${promotions} p set usage_count = locked.usage_count - uses.times from locked join uses using (id)
    where p.id = locked.id
  ), customers as (
    insert into ${promotionCustomers} as c (promotion_id, customer, used)
    select id, customer, 0 from locked join uses using (id)
    on conflict (promotion_id, customer) do update set used = c.used -
      (select times from uses where uses.id = c.promotion_id and uses.customer = c.customer)
  ), news as (${raised(sql`from locked where ${isNews}`)})`
