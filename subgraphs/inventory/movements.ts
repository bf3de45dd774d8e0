import { and, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { Rejection, inputPath, parseInput, type UserError } from '#platform/user-errors.ts'
import { client, requireScope } from '#platform/viewer.ts'
import { variantOf } from './loaders.ts'
import { insufficient } from './placement.ts'
import type { QueryStockMovementsArgs, StockAdjustInput, StockRestockInput } from './schema.generated.ts'
import { available } from './stock.ts'
import { lockLevels, moveStock, tellStockChanged, type Move } from './stock-levels.ts'
import { idempotencyKeys, locations, movements, stockLevels, variants, type VariantRow } from './tables.ts'

/** Changes of stock for staff, newest first. */
export async function listMovements(ctx: Context, args: PageArgs & QueryStockMovementsArgs) {
  requireScope(ctx.viewer, 'inventory:read')
  const page = keyset(args, [
    { column: movements.at, direction: 'desc' },
    { column: movements.id, direction: 'desc' },
  ])
  const { variantId, locationId, kind } = args
  const wanted = and(
    variantId == null ? undefined : isId(variantId) ? eq(movements.variantId, variantId) : sql`false`,
    locationId == null ? undefined : isId(locationId) ? eq(movements.locationId, locationId) : sql`false`,
    kind == null ? undefined : eq(movements.kind, kind),
  )
  const rows = await ctx.db
    .select()
    .from(movements)
    .where(and(wanted, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ at, id }) => [at, id], { totalCount: () => ctx.db.$count(movements, wanted) })
}

const reason = z.string().trim().max(500, 'A reason has at most 500 characters.')
const restockInput = z.object({
  variantId: z.string(),
  locationId: z.string(),
  quantity: z.int().min(1, 'At least 1.').max(1_000_000, 'At most 1,000,000.'),
  reason: reason.nullish(),
})

/** Books in goods that arrived. */
export async function restock(ctx: Context, input: StockRestockInput) {
  requireScope(ctx.viewer, 'inventory:manage')
  const { variantId, locationId, quantity, reason: note } = parseInput(restockInput, input)
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed(ctx, 'stockRestock', input), async (tx) => {
    await openLevels(tx, [{ variantId, locationId }], () => [])
    const move: Move = { variantId, locationId, quantity, kind: 'RESTOCK', ...by(ctx, note) }
    const [movement] = await moveStock(tx, ctx, [move])
    return movement!.id
  })
  if (!isReplay) await tellStockChanged(ctx, [{ variantId }])
  const [stockMovement] = await ctx.db.select().from(movements).where(eq(movements.id, reply))
  return { productVariant: await variantOf(ctx).load(variantId), stockMovement: stockMovement!, isReplay }
}

const adjustInput = z.object({
  changes: z
    .array(
      z.object({
        variantId: z.string(),
        locationId: z.string(),
        delta: z
          .int()
          .min(-1_000_000)
          .max(1_000_000)
          .refine((delta) => delta !== 0, 'A change of 0 changes nothing.'),
      }),
    )
    .min(1, 'Name at least one change.')
    .max(100, 'At most 100 changes.')
    .refine(
      (changes) => new Set(changes.map((each) => `${each.variantId} ${each.locationId}`)).size === changes.length,
      'Name each variant once per location.',
    ),
  reason: reason.min(1, 'Say why.'),
})

/** Corrects stock; all changes or none. */
export async function adjustStock(ctx: Context, input: StockAdjustInput) {
  requireScope(ctx.viewer, 'inventory:manage')
  const { changes, reason: note } = parseInput(adjustInput, input)
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed(ctx, 'stockAdjust', input), async (tx) => {
    const known = await openLevels(tx, changes, (index) => ['changes', index])
    const moves = changes.map(({ delta, ...place }): Move => ({
      ...place,
      quantity: delta,
      kind: 'ADJUST',
      ...by(ctx, note),
    }))
    await assertThere(tx, moves, known)
    const moved = await moveStock(tx, ctx, moves)
    return moves.map((move) => moved.find(isAt(move))!.id)
  })
  if (!isReplay) await tellStockChanged(ctx, changes)
  const rows = await ctx.db.select().from(movements).where(inArray(movements.id, reply))
  return { movements: reply.map((id) => rows.find((row) => row.id === id)!), isReplay }
}

const keyed = ({ viewer }: Pick<Context, 'viewer'>, command: string, input: { idempotencyKey: string }) => {
  const who = client(viewer)
  return { scope: `${command} ${who.kind} ${'id' in who ? who.id : ''}`, key: input.idempotencyKey, request: input }
}

// An API key is nobody's account.
function by({ viewer }: Pick<Context, 'viewer'>, note: string | null | undefined): Pick<Move, 'reason' | 'actorId'> {
  const who = client(viewer)
  return { reason: note || null, actorId: who.kind === 'user' ? who.id : null }
}

interface Place {
  variantId: string
  locationId: string
}

/**
 * Makes sure that there is a level to change at each place. Returns the variants.
 * @throws Rejection NOT_FOUND for every unknown variant and location.
 */
async function openLevels(
  tx: Db,
  places: readonly Place[],
  path: (index: number) => (string | number)[],
): Promise<Map<string, VariantRow>> {
  const variantIds = places.map(({ variantId }) => variantId).filter(isId)
  const locationIds = places.map(({ locationId }) => locationId).filter(isId)
  const known = new Map(
    (await tx.select().from(variants).where(inArray(variants.id, variantIds))).map((row) => [row.id, row]),
  )
  const here = new Set(
    (await tx.select().from(locations).where(inArray(locations.id, locationIds))).map(({ id }) => id),
  )
  const errors = places.flatMap(({ variantId, locationId }, index): UserError[] => [
    ...(known.has(variantId) ? [] : [unknown('variant', [...path(index), 'variantId'])]),
    ...(here.has(locationId) ? [] : [unknown('location', [...path(index), 'locationId'])]),
  ])
  if (errors.length > 0) throw new Rejection(errors)
  await tx
    .insert(stockLevels)
    .values(places.map(({ variantId, locationId }) => ({ variantId, locationId })))
    .onConflictDoNothing()
  return known
}

const unknown = (thing: string, path: (string | number)[]): UserError => ({
  code: 'NOT_FOUND',
  message: `There is no such ${thing}.`,
  field: inputPath(path),
})

const isAt = (place: Place) => (other: Place) =>
  other.variantId === place.variantId && other.locationId === place.locationId

/** Locks the levels of what moves. @throws Rejection INSUFFICIENT_STOCK where more would leave than is there and free. */
async function assertThere(tx: Db, moves: readonly Move[], known: ReadonlyMap<string, VariantRow>): Promise<void> {
  const levels = await lockLevels(tx, [...known.keys()])
  const short = moves.flatMap((move, index) => {
    const units = available(levels.find(isAt(move))!)
    return units + move.quantity >= 0
      ? []
      : [insufficient(known.get(move.variantId)!, -move.quantity, units, inputPath(['changes', index]))]
  })
  if (short.length > 0) throw new Rejection(short)
}
