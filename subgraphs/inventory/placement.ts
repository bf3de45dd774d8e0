import { eq, getTableColumns, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { givenId } from '#platform/ids.ts'
import { withParts, type Parts } from '#platform/statement.ts'
import { Rejection, inputPath, type UserError } from '#platform/user-errors.ts'
import { linesOfReservation, locationById, productOf, variantOf } from './loaders.ts'
import type { ReservationStatus } from './reservation.ts'
import type { Placed } from './stock.ts'
import { booking } from './stock-levels.ts'
import { locations, products, variants, type LocationRow, type ProductRow, type VariantRow } from './tables.ts'

/** Units of variants, each named once. */
export const wantedLines = z
  .array(
    z.object({
      variantId: givenId,
      quantity: z.number().int().min(1, 'At least 1.').max(1_000_000, 'At most 1,000,000.'),
    }),
  )
  .min(1, 'Name at least one line.')
  .max(500, 'At most 500 lines.')
  .refine((lines) => new Set(lines.map(({ variantId }) => variantId)).size === lines.length, 'Name each variant once.')

/**
 * Where the units of each row of `wanted` (index, variant_id, quantity) come from: one location if one has them all, the
 * first by priority; otherwise several, by priority.
 *
 * - `line`: what is wanted, and whether it is for sale
 * - `free`: units that can be sold, by location; their levels are locked until the statement ends
 * - `placed`: units of each line by location, of a line that cannot be filled as many as there are
 * - `refused`: lines that are not for sale or cannot be filled
 */
const allocation: Parts = {
  line: sql`
    select w.index, w.variant_id, w.quantity, p.id is not null as is_for_sale
    from wanted w
      left join inventory.variants v on v.id = w.variant_id
      left join inventory.products p on p.id = v.product_id and p.status = 'ACTIVE'`,
  free: sql`
    select l.variant_id, l.location_id, o.priority, l.on_hand - l.reserved - l.committed as units
    from line
      join inventory.stock_levels l using (variant_id)
      join inventory.locations o on o.id = l.location_id and o.is_active
    order by l.variant_id, l.location_id for update of l`,
  placed: sql`
    select index, variant_id, location_id, least(units, quantity - before)::int as quantity
    from (
      select line.index, line.quantity, free.*, coalesce(sum(free.units) over (
          partition by free.variant_id order by free.units >= line.quantity desc, free.priority, free.location_id
          rows between unbounded preceding and 1 preceding
        ), 0) as before
      from line join free using (variant_id)
      where free.units > 0
    ) ranked
    where before < quantity`,
  refused: sql`
    select line.index, coalesce(sum(free.units), 0)::int as available
    from line left join free using (variant_id)
    group by line.index, line.quantity, line.is_for_sale
    having not line.is_for_sale or coalesce(sum(free.units), 0) < line.quantity`,
}

// The lines of `reservation` are those that were placed.
const holding: Parts = {
  held: sql`
    insert into inventory.reservation_lines (reservation_id, variant_id, location_id, quantity)
    select reservation.id, variant_id, location_id, quantity from reservation, placed
    on conflict (reservation_id, variant_id, location_id) do update set quantity = excluded.quantity`,
  left_behind: sql`
    delete from inventory.reservation_lines l using reservation r
    where l.reservation_id = r.id and not exists (
      select from placed p where p.variant_id = l.variant_id and p.location_id = l.location_id
    )`,
}

interface Hold {
  /** Status of a reservation that may be in the way, read beside. */
  earlier?: SQL
  /** Select of what is wanted: index, variant_id, quantity. */
  wanted: SQL
  /** Writes the reservation, unless there is something in `refused`. Returns its id. */
  reservation: SQL
  /** Select of the movements that each line makes: kind, reference. */
  moves: SQL
  /** Keeps the command's key, once there is something in `reservation`. */
  remembered: SQL
  more?: Parts
}

/** A line that was asked for, at each location that its units come from. */
type Row = Awaited<ReturnType<typeof send>>[number]

/** Takes units for a reservation, every line or none, in one statement. Empty when what it is for is not there. */
export async function place(ctx: Context, hold: Hold): Promise<Row[]> {
  const rows = await send(ctx, hold)
  if (rows[0]?.reservationId) primeLines(ctx, rows[0].reservationId, rows)
  return rows
}

async function send(ctx: Context, { earlier, wanted, reservation, moves, remembered, more }: Hold) {
  const move = sql`
    select p.variant_id, p.location_id, m.kind, p.quantity, null::text as reason, m.reference, null::uuid as actor_id
    from reservation, placed p, (${moves}) m`
  const parts: Parts = {
    ...more,
    wanted,
    ...allocation,
    reservation,
    remembered,
    move,
    ...booking(ctx),
    ...holding,
  }
  return await ctx.db
    .with(...withParts(ctx.db, parts))
    .select({
      earlier: sql<ReservationStatus | null>`${earlier ?? sql`null`}`,
      index: sql<number>`line.index`,
      isForSale: sql<boolean>`line.is_for_sale`,
      wanted: sql<number>`line.quantity`,
      /** What there is of a line that cannot be filled; null when it can. */
      available: sql<number | null>`refused.available`,
      reservationId: sql<string | null>`reservation.id`,
      quantity: sql<number | null>`placed.quantity`,
      variant: getTableColumns(variants),
      product: getTableColumns(products),
      location: getTableColumns(locations),
    })
    .from(sql`line`)
    .leftJoin(sql`refused`, sql`refused.index = line.index`)
    .leftJoin(sql`placed`, sql`placed.index = line.index`)
    .leftJoin(sql`reservation`, sql`true`)
    .leftJoin(variants, sql`${variants.id} = line.variant_id`)
    .leftJoin(products, eq(products.id, variants.productId))
    .leftJoin(locations, sql`${locations.id} = placed.location_id`)
    .orderBy(sql`line.variant_id`, sql`placed.location_id`)
}

interface Line {
  variant: VariantRow | null
  product: ProductRow | null
  location: LocationRow | null
  quantity: number | null
}

/** Where units are. */
export const placedIn = (lines: readonly Line[]): Placed[] =>
  lines.flatMap(({ variant, location, quantity }) =>
    variant && location && quantity !== null ? [{ variantId: variant.id, locationId: location.id, quantity }] : [],
  )

/** What was just read for a command need not be read again for its answer. */
export function primeLines(ctx: Context, reservationId: string, lines: readonly Line[]): void {
  for (const { variant, product, location } of lines) {
    if (variant) variantOf(ctx).prime(variant.id, variant)
    if (product) productOf(ctx).prime(product.id, product)
    if (location) locationById(ctx).prime(location.id, location)
  }
  const rows = placedIn(lines).map((placed) => ({ ...placed, reservationId, shipped: 0, returned: 0 }))
  linesOfReservation(ctx).prime(reservationId, rows)
}

/**
 * Why lines were not placed: NOT_FOUND for what is not for sale, otherwise INSUFFICIENT_STOCK for what cannot be filled.
 * Their fields are below `path`, or null without one.
 */
export function refusals(rows: readonly Row[], path: readonly string[] | null): Rejection {
  const refused = rows
    .filter(({ available }) => available !== null)
    .filter(({ index }, at, all) => all.findIndex((row) => row.index === index) === at)
    .toSorted((a, b) => a.index - b.index)
  const fieldOf = (index: number, ...rest: string[]) => path && inputPath([...path, index, ...rest])
  const unknown = refused.flatMap(({ isForSale, index }): UserError[] =>
    isForSale ? [] : [{ code: 'NOT_FOUND', message: 'It is not for sale.', field: fieldOf(index, 'variantId') }],
  )
  if (unknown.length > 0) return new Rejection(unknown)
  return new Rejection(
    refused.map(({ variant, wanted, available, index }) =>
      insufficient(variant!, wanted, Math.min(available!, variant!.maxOrderQuantity), fieldOf(index)),
    ),
  )
}

/** An `InsufficientStockError`. */
export const insufficient = (
  variant: VariantRow,
  requested: number,
  available: number,
  field: readonly string[] | null,
): UserError => ({
  __typename: 'InsufficientStockError',
  code: 'INSUFFICIENT_STOCK',
  message: available > 0 ? `Only ${available} left.` : 'Sold out.',
  field,
  variant,
  requested,
  available,
})
