import { and, asc, eq, getTableColumns, ilike, inArray, lte, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { loadGrouped } from '#platform/loader.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, problem, reject, type UserError } from '#platform/user-errors.ts'
import { hasScope, owns, requireScope } from '#platform/viewer.ts'
import { hasAccount } from './calls/users.ts'
import { customerItems, type CustomerItemRow } from './customer-tables.ts'
import { productById, productOf, variantOf } from './loaders.ts'
import { filedBelow } from './products.ts'
import { rejectRemoved } from './removed.ts'
import type { ProductCustomerAssignInput, ProductCustomerUnassignInput, UserItemsArgs } from './schema.generated.ts'
import { products, type ProductRow } from './tables.ts'

const maySee = ({ viewer }: Pick<Context, 'viewer'>, userId: string): boolean =>
  owns(viewer, { kind: 'user', id: userId }) || hasScope(viewer, 'inventory:read')

/** What somebody owns, newest first, for them and staff; null for others. */
export async function itemsOf(ctx: Context, userId: string, { query, categoryId, brand, ...args }: UserItemsArgs) {
  if (!maySee(ctx, userId)) return null
  const page = keyset(args, [
    { column: customerItems.acquiredAt, direction: 'desc' },
    { column: customerItems.id, direction: 'desc' },
  ])
  const like =
    query?.trim() &&
    `%${query
      .trim()
      .slice(0, 200)
      .replace(/[\\%_]/g, '\\$&')}%`
  const wanted = and(
    isId(userId) ? eq(customerItems.userId, userId) : sql`false`,
    like ? or(ilike(products.name, like), ilike(customerItems.serialNumber, like)) : undefined,
    categoryId == null ? undefined : isId(categoryId) ? filedBelow(ctx, categoryId) : sql`false`,
    brand == null ? undefined : eq(products.brand, brand),
  )
  const theirs = () =>
    ctx.db
      .select(getTableColumns(customerItems))
      .from(customerItems)
      .innerJoin(products, eq(products.id, customerItems.productId))
  const rows = await theirs()
    .where(and(wanted, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ acquiredAt, id }) => [acquiredAt, id], {
    totalCount: () => ctx.db.$count(theirs().where(wanted).as('theirs')),
  })
}

/** An item for its owner and staff; null for everybody else. */
export async function readItem(ctx: Context, id: string): Promise<CustomerItemRow | null> {
  const [item] = isId(id) ? await ctx.db.select().from(customerItems).where(eq(customerItems.id, id)) : []
  return item && maySee(ctx, item.userId) ? item : null
}

interface OwnersKey {
  productId: string
  args: PageArgs
}

// Somebody who owns two of it stands there once, since the first.
const ownerPage = loadGrouped(
  async ({ db }: Context, wanted: readonly OwnersKey[]) => {
    const productIds = wanted.map(({ productId }) => productId)
    const owners = db
      .select({
        productId: customerItems.productId,
        userId: customerItems.userId,
        since: sql<number>`(extract(epoch from min(${customerItems.acquiredAt})) * 1000)::float8`.as('since'),
      })
      .from(customerItems)
      .where(inArray(customerItems.productId, productIds))
      .groupBy(customerItems.productId, customerItems.userId)
      .as('owners')
    const page = keyset(wanted[0]!.args, [
      { column: sql`${owners.since}`, direction: 'desc', kind: 'number' },
      { column: owners.userId, direction: 'desc' },
    ])
    const ranked = db
      .select({
        productId: owners.productId,
        userId: owners.userId,
        since: sql<number>`${owners.since}`.as('owned_since'),
        rank: page.rank(owners.productId),
      })
      .from(owners)
      .where(page.where)
      .as('ranked')
    const rows = await db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(asc(ranked.rank))
    const byProduct = Map.groupBy(rows, ({ productId }) => productId)
    return productIds.map((productId) => {
      const found = (byProduct.get(productId) ?? []).map((row) => ({
        __typename: 'User' as const,
        id: row.userId,
        since: row.since,
      }))
      return page.connection(found, ({ since, id }) => [since, id])
    })
  },
  { keyOf: ({ productId }) => productId, argsOf: ({ args }) => JSON.stringify(args) },
)

/** Who owns a product, newest first, for staff. */
export async function ownersOf(ctx: Context, productId: string, args: PageArgs) {
  requireScope(ctx.viewer, 'inventory:read')
  return await ownerPage(ctx).load({ productId, args })
}

const assignInput = z.object({
  variantId: z.string().nullish(),
  serialNumber: z
    .string()
    .trim()
    .min(1, 'Leave it out, or write it down.')
    .max(120, 'At most 120 characters.')
    .nullish(),
})

/** Registers a customer as owning a product; the same variant and serial number once. */
export async function assignProduct(ctx: Context, input: ProductCustomerAssignInput): Promise<ProductRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  const { productId, customerId: userId } = input
  const [product, isKnown] = await Promise.all([anyProduct(ctx, productId), isId(userId) && hasAccount(ctx, userId)])
  const { variantId, serialNumber } = parseInput(assignInput, input, [
    ...(product ? [] : [problem('NOT_FOUND', 'There is no such product.', ['productId'])]),
    ...(isKnown ? [] : [problem('NOT_FOUND', 'There is no such customer.', ['customerId'])]),
    ...(await unknownVariant(ctx, input)),
  ])
  await register(ctx, { userId, productId, variantId: variantId ?? null, serialNumber: serialNumber ?? null })
  return product!
}

async function unknownVariant(
  ctx: Context,
  { productId, variantId }: ProductCustomerAssignInput,
): Promise<UserError[]> {
  if (variantId == null) return []
  const variant = isId(variantId) ? await variantOf(ctx).load(variantId) : null
  return variant?.productId === productId
    ? []
    : [problem('NOT_FOUND', 'The product has no such variant.', ['variantId'])]
}

type Item = Pick<CustomerItemRow, 'userId' | 'productId' | 'variantId' | 'serialNumber'>

async function register({ db, now }: Pick<Context, 'db' | 'now'>, item: Item): Promise<void> {
  const { userId, productId, variantId, serialNumber } = item
  const ofProduct = eq(customerItems.productId, productId)
  const isSame = sql`(user_id, variant_id, serial_number, order_line_id)
    is not distinct from (${userId}::uuid, ${variantId}::uuid, ${serialNumber}::text, null::uuid)`
  for (;;) {
    const at = now()
    const registered = db
      .insert(customerItems)
      .values({ ...item, acquiredAt: at, createdAt: at, updatedAt: at })
      // Whatever is in the way: of several who register the same at once, all are to find it registered.
      .onConflictDoNothing()
      .returning({ id: customerItems.id })
    if ((await registered.catch(rejectRemoved('customer_items'))).length > 0) return
    if ((await db.$count(customerItems, and(ofProduct, isSame))) > 0) return
    const isTaken =
      serialNumber !== null &&
      (await db.$count(customerItems, and(ofProduct, eq(customerItems.serialNumber, serialNumber)))) > 0
    if (isTaken) reject('CONFLICT', 'This serial number is registered already.', ['serialNumber'])
    // What was in the way is gone since.
  }
}

/** Removes all items of a product from a customer. */
export async function unassignProduct(ctx: Context, input: ProductCustomerUnassignInput): Promise<ProductRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  const { productId, customerId } = input
  const product = await anyProduct(ctx, productId)
  if (!product) reject('NOT_FOUND', 'There is no such product.', ['productId'])
  if (!isId(customerId)) reject('NOT_FOUND', 'There is no such customer.', ['customerId'])
  const theirs = and(eq(customerItems.userId, customerId), eq(customerItems.productId, productId))
  await ctx.db.delete(customerItems).where(theirs)
  return product
}

const anyProduct = async (ctx: Context, id: string): Promise<ProductRow | null> =>
  isId(id) ? ((await productById(ctx).load(id)) ?? (await productOf(ctx).load(id))) : null
