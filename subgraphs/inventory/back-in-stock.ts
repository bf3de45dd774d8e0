import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { announcing } from '#platform/facts.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import type { User } from '#platform/viewer.ts'
import { VariantBackInStock } from './events.ts'
import { variantById } from './loaders.ts'
import { rejectRemoved } from './removed.ts'
import type { BackInStockSubscribeInput } from './schema.generated.ts'

/** How many of those who asked one announcement names. */
const ASKERS = 1_000

/** Asks for one notice when a variant can be bought again. */
export async function askForNotice(
  ctx: Context,
  { id }: User,
  input: BackInStockSubscribeInput,
): Promise<{ ok: true }> {
  const { variantId } = parseInput(z.object({ variantId: z.string() }), input)
  const variant = isId(variantId) ? await variantById(ctx).load(variantId) : null
  if (!variant) reject('NOT_FOUND', 'There is no such variant.', ['variantId'])
  const asked = ctx.db.execute<{ isInStock: boolean }>(sql`
    with stock as (
      select exists (
        select from inventory.stock_levels l join inventory.locations o on o.id = l.location_id and o.is_active
        where l.variant_id = ${variantId}::uuid and l.on_hand - l.reserved - l.committed > 0
      ) as is_there
    ),
    wished as (
      insert into inventory.restock_wishes (variant_id, user_id, created_at)
      select ${variantId}::uuid, ${id}::uuid, ${ctx.now().toISOString()}::timestamptz from stock where not is_there
      on conflict do nothing
    )
    select is_there as "isInStock" from stock`)
  const [answer] = await asked.catch(rejectRemoved('restock_wishes'))
  if (answer!.isInStock) reject('NOT_APPLICABLE', 'It is in stock.', ['variantId'])
  return { ok: true }
}

/**
 * Tells those who asked for what can be bought again. Asking ends with it, in the same statement: one announcement per
 * restock, however many processes look at once. Runs after every booking of staff, and as a job for what came back in
 * another way: a hold that expired, a location that was opened, a wish that was made at the same moment.
 */
export async function tellRestocked(ctx: Pick<Context, 'db' | 'now' | 'requestId'>): Promise<void> {
  await ctx.db.execute(sql`
    with back as (
      select distinct on (l.variant_id) l.variant_id, l.location_id, l.on_hand - l.reserved - l.committed as available
      from (select distinct variant_id from inventory.restock_wishes) wished
        join inventory.variants v on v.id = wished.variant_id
        join inventory.products p on p.id = v.product_id and p.status = 'ACTIVE'
        join inventory.stock_levels l using (variant_id)
        join inventory.locations o on o.id = l.location_id and o.is_active
      where l.on_hand - l.reserved - l.committed > 0
      order by l.variant_id, o.priority, l.location_id
    ),
    due as (
      select w.variant_id, w.user_id from inventory.restock_wishes w join back using (variant_id)
      order by w.variant_id, w.user_id for update of w skip locked
    ),
    told as (
      delete from inventory.restock_wishes w using due
      where w.variant_id = due.variant_id and w.user_id = due.user_id
      returning w.variant_id, w.user_id
    ),
    asker as (
      select *, (row_number() over (partition by variant_id order by user_id) - 1) / ${ASKERS}::int as part from told
    )
    ${announcing(
      ctx,
      VariantBackInStock,
      sql`(
        select variant_id, part, jsonb_agg(user_id) as user_ids from asker group by variant_id, part
      ) askers
        join back b using (variant_id)
        join inventory.variants v on v.id = b.variant_id
        join inventory.products p on p.id = v.product_id`,
      {
        entityId: sql`v.id`,
        entityVersion: sql`v.version`,
        data: sql`jsonb_build_object('variantId', v.id, 'productId', p.id, 'title', concat_ws(' ', p.name, v.title),
          'sku', v.sku, 'locationId', b.location_id, 'available', b.available, 'userIds', user_ids)`,
      },
    )}`)
}
