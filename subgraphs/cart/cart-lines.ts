import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { prepared } from '#platform/prepared.ts'
import { Rejection, parseInput, reject } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import { belongsTo } from './access.ts'
import { MAX_LINES, type Offers } from './cart.ts'
import { addition, update, type Changes, type LineToKeep } from './cart-line.ts'
import { offersOnce } from './offers.ts'
import { changeCart, newCart, openCart, refuse, tell, told } from './carts.ts'
import type {
  CartClearInput,
  CartCreateInput,
  CartLinesAddInput,
  CartLinesRemoveInput,
  CartLinesUpdateInput,
} from './schema.generated.ts'
import { cartLines, carts, type CartLineRow, type CartRow } from './tables.ts'

const tooMany = { error: `At most ${MAX_LINES} at once.`, params: { code: 'LIMIT_EXCEEDED' } }
const listOf = <T extends z.ZodType>(item: T, minimum: number) =>
  z
    .array(item)
    .min(minimum, 'At least one.')
    .refine(({ length }) => length <= MAX_LINES, tooMany)

// Quantities are judged against the catalogue, so that all problems of all lines come at once.
const quantity = z.int()
const wantedLine = z.object({ variantId: z.string(), quantity })

const createInput = z.object({ lines: listOf(wantedLine, 0).nullish() })

/** The viewer's cart in use, opened if there is none, with `lines` put in. */
export async function createCart(ctx: Context, mine: Owner, input: CartCreateInput): Promise<CartRow> {
  const lines = parseInput(createInput, input).lines ?? []
  const offers = lines.length > 0 ? await offersOrReject(ctx, lines) : null
  const { keep, errors } = addition(lines, offers ?? new Map(), [])
  const opened = errors.length === 0 ? await openWith(ctx, mine, keep) : null
  if (opened) return opened
  const cart = await ctx.db.transaction(async (tx) => {
    const current = await openCart(tx, ctx, mine)
    return offers ? await addTo(tx, ctx, mine, { cartId: current.id, lines, offers }) : current
  })
  return await tell(ctx, cart)
}

const opening = prepared((db) => {
  const given = {
    id: sql.placeholder('id'),
    ownerKind: sql.placeholder('ownerKind'),
    ownerId: sql.placeholder('ownerId'),
    currency: sql.placeholder('currency'),
    createdAt: sql.placeholder('createdAt'),
    updatedAt: sql.placeholder('updatedAt'),
    expiresAt: sql.placeholder('expiresAt'),
  }
  const opened = db.$with('opened').as(db.insert(carts).values(given).onConflictDoNothing().returning())
  const put = db.$with('put', {}).as(sql`
    insert into ${cartLines} (id, cart_id, variant_id, quantity, product_id, sku, title, unit_price_minor, weight_grams,
      tax_category, max_order_quantity)
    select l.id, opened.id, l."variantId", l.quantity, l."productId", l.sku, l.title, l."unitPriceMinor",
      l."weightGrams", l."taxCategory", l."maxOrderQuantity"
    from opened, jsonb_to_recordset(${sql.placeholder('lines')}::jsonb) as l (id uuid, "variantId" uuid, quantity int,
      "productId" uuid, sku text, title text, "unitPriceMinor" bigint, "weightGrams" int, "taxCategory" text,
      "maxOrderQuantity" int)`)
  return db.with(opened, put).select().from(opened).prepare('open a cart')
})

/** A new cart with lines in it, in one statement; null when there is one in use already. */
async function openWith(ctx: Context, mine: Owner, lines: readonly LineToKeep[]): Promise<CartRow | null> {
  const rows = lines.map((line) => ({ ...line, id: uuidv7() }))
  const [cart] = await opening(ctx.db).execute({ ...newCart(ctx, mine), id: uuidv7(), lines: JSON.stringify(rows) })
  return cart ?? null
}

const addInput = z.object({ cartId: z.string(), lines: listOf(wantedLine, 1) })

/** Puts units in a cart, on top of what it holds of the same variants: any number of additions at once add up. */
export async function addLines(ctx: Context, mine: Owner, input: CartLinesAddInput): Promise<CartRow> {
  const { cartId, lines } = parseInput(addInput, input)
  const offers = await offersOrReject(ctx, lines)
  return await tell(ctx, await ctx.db.transaction((tx) => addTo(tx, ctx, mine, { cartId, lines, offers })))
}

async function offersOrReject(ctx: Context, lines: readonly { variantId: string }[]): Promise<NonNullable<Offers>> {
  const offers = await offersOnce(
    ctx,
    lines.map(({ variantId }) => variantId),
  )
  return offers ?? reject('UPSTREAM_UNAVAILABLE', 'The catalogue cannot be asked now. Try again later.')
}

async function addTo(
  tx: Db,
  ctx: Context,
  mine: Owner,
  { cartId, lines, offers }: z.output<typeof addInput> & { offers: NonNullable<Offers> },
): Promise<CartRow> {
  const cart = await changeCart(tx, ctx, mine, { cartId }, told('lines'))
  await apply(tx, cart, addition(lines, offers, await linesOf(tx, cartId)))
  return cart
}

const updateInput = z.object({
  cartId: z.string(),
  lines: listOf(z.object({ lineId: z.string(), quantity }), 1),
  expectedVersion: z.int().nullish(),
})

/** Sets how many units lines hold. */
export async function updateLines(ctx: Context, mine: Owner, input: CartLinesUpdateInput): Promise<CartRow> {
  const { cartId, lines, expectedVersion } = parseInput(updateInput, input)
  // A line keeps its variant for life, so what is read before the lock is still right behind it.
  const offers = await offersOnce(
    ctx,
    await variantsOf(
      ctx,
      mine,
      cartId,
      lines.map(({ lineId }) => lineId),
    ),
  )
  const cart = await ctx.db.transaction(async (tx) => {
    const locked = await changeCart(tx, ctx, mine, { cartId, expectedVersion }, told('lines'))
    await apply(tx, locked, update(lines, offers, await linesOf(tx, cartId)))
    return locked
  })
  return await tell(ctx, cart)
}

async function variantsOf(
  { db }: Pick<Context, 'db'>,
  mine: Owner,
  cartId: string,
  lineIds: string[],
): Promise<string[]> {
  if (!isId(cartId)) return refuse(null)
  const rows = await db
    .select({ variantId: cartLines.variantId })
    .from(cartLines)
    .innerJoin(carts, eq(carts.id, cartLines.cartId))
    .where(and(eq(carts.id, cartId), belongsTo(mine), inArray(cartLines.id, lineIds.filter(isId))))
  return rows.map(({ variantId }) => variantId)
}

const removeInput = z.object({ cartId: z.string(), lineIds: listOf(z.string(), 0) })

/** Takes lines out; those that are gone are ignored. */
export async function removeLines(ctx: Context, mine: Owner, input: CartLinesRemoveInput): Promise<CartRow> {
  const { cartId, lineIds } = parseInput(removeInput, input)
  return await empty(ctx, mine, cartId, inArray(cartLines.id, lineIds.filter(isId)))
}

/** Takes all lines out. */
export async function clearCart(ctx: Context, mine: Owner, { cartId }: CartClearInput): Promise<CartRow> {
  return await empty(ctx, mine, cartId)
}

async function empty(ctx: Context, mine: Owner, cartId: string, which?: ReturnType<typeof inArray>): Promise<CartRow> {
  const cart = await ctx.db.transaction(async (tx) => {
    const locked = await changeCart(tx, ctx, mine, { cartId }, told('lines'))
    await tx.delete(cartLines).where(and(eq(cartLines.cartId, cartId), which))
    return locked
  })
  return await tell(ctx, cart)
}

/** The lines of a cart, in the order they were added. */
export const linesOf = (db: Db, cartId: string): Promise<CartLineRow[]> =>
  db.select().from(cartLines).where(eq(cartLines.cartId, cartId)).orderBy(asc(cartLines.id))

async function apply(tx: Db, { id }: CartRow, { keep, removeIds, errors }: Changes): Promise<void> {
  if (errors.length > 0) throw new Rejection(errors)
  if (removeIds.length > 0) await tx.delete(cartLines).where(inArray(cartLines.id, removeIds))
  await keepLines(tx, id, keep)
}

/** Writes lines into a locked cart: a variant that is in it keeps its line and place. */
export async function keepLines(tx: Db, cartId: string, lines: readonly LineToKeep[]): Promise<void> {
  if (lines.length === 0) return
  await tx
    .insert(cartLines)
    .values(lines.map((line) => ({ ...line, id: uuidv7(), cartId })))
    .onConflictDoUpdate({
      target: [cartLines.cartId, cartLines.variantId],
      set: {
        quantity: sql`excluded.quantity`,
        sku: sql`excluded.sku`,
        title: sql`excluded.title`,
        unitPriceMinor: sql`excluded.unit_price_minor`,
        weightGrams: sql`excluded.weight_grams`,
        taxCategory: sql`excluded.tax_category`,
        maxOrderQuantity: sql`excluded.max_order_quantity`,
      },
    })
}
