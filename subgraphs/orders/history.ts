import { and, asc, eq, exists, getTableColumns, gte, ilike, inArray, lt, lte, or, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { loadGrouped } from '#platform/loader.ts'
import type { Money } from '#platform/money.ts'
import { keyset, type Key, type PageArgs } from '#platform/pages.ts'
import { client, hasScope, requireScope, type Viewer } from '#platform/viewer.ts'
import { ownedBy } from './access.ts'
import { orderCountOf, spentBy } from './loaders.ts'
import type { OrderFilter } from './schema.generated.ts'
import { orderEvents, orderLines, orders } from './tables.ts'

type ListArgs = PageArgs & { filter?: OrderFilter | null }

const newestOrder: readonly Key[] = [
  { column: orders.placedAt, direction: 'desc' },
  { column: orders.id, direction: 'desc' },
]
const newestEvent: readonly Key[] = [
  { column: orderEvents.at, direction: 'desc' },
  { column: orderEvents.id, direction: 'desc' },
]

// Pages of many parents with the same arguments are read in one statement.
const identity = {
  keyOf: ({ id }: { id: string; args: ListArgs }) => id,
  argsOf: ({ args }: { id: string; args: ListArgs }) => JSON.stringify(args),
}

/** Whether somebody may see what an account bought. */
function maySeeOrdersOf(viewer: Viewer, userId: string): boolean {
  const asked = client(viewer)
  return hasScope(viewer, 'orders:read') || (asked.kind === 'user' && asked.id === userId)
}

/** All orders, newest first. Staff only. */
export async function allOrders(ctx: Context, { filter, ...args }: ListArgs) {
  requireScope(ctx.viewer, 'orders:read')
  const { customerId } = filter ?? {}
  const where = and(customerId == null ? undefined : ofAccount(customerId), matching(ctx, filter))
  const page = keyset(args, newestOrder)
  const rows = await ctx.db
    .select()
    .from(orders)
    .where(and(where, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ placedAt, id }) => [placedAt, id], { totalCount: () => ctx.db.$count(orders, where) })
}

/** An account's orders, newest first; null for whoever may not see them. */
export const ordersOf = async (ctx: Context, id: string, args: ListArgs) =>
  isId(id) && maySeeOrdersOf(ctx.viewer, id) ? await ordersOfAccount(ctx).load({ id, args }) : null

/** How many orders an account placed; null for whoever may not see them. */
export const orderCountFor = async (ctx: Context, id: string): Promise<number | null> =>
  isId(id) && maySeeOrdersOf(ctx.viewer, id) ? ((await orderCountOf(ctx).load(id))?.orders ?? 0) : null

/** What an account paid less refunds, in the store's currency. Staff only. */
export async function lifetimeSpendOf(ctx: Context, id: string): Promise<Money | null> {
  requireScope(ctx.viewer, 'orders:read')
  if (!isId(id)) return null
  const spent = await spentBy(ctx).load(id)
  return { amountMinor: spent?.spentMinor ?? 0, currency: ctx.config.CURRENCY }
}

const ordersOfAccount = loadGrouped(async (ctx: Context, wanted: readonly { id: string; args: ListArgs }[]) => {
  const { filter, ...args } = wanted[0]!.args
  const page = keyset(args, newestOrder)
  const matches = and(eq(orders.ownerKind, 'user'), matching(ctx, filter))
  const ids = wanted.map(({ id }) => id)
  const ranked = ctx.db
    .select({ ...getTableColumns(orders), rank: page.rank(orders.ownerId) })
    .from(orders)
    .where(and(inArray(orders.ownerId, ids), matches, page.where))
    .as('ranked')
  const rows = await ctx.db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(asc(ranked.rank))
  const byAccount = Map.groupBy(rows, ({ ownerId }) => ownerId)
  return ids.map((userId) =>
    page.connection(byAccount.get(userId) ?? [], ({ placedAt, id }) => [placedAt, id], {
      totalCount: () => ctx.db.$count(orders, and(eq(orders.ownerId, userId), matches)),
    }),
  )
}, identity)

/** What happened to orders that the caller was shown, newest first. */
export const timelineOf = loadGrouped(async (ctx: Context, wanted: readonly { id: string; args: ListArgs }[]) => {
  const page = keyset(wanted[0]!.args, newestEvent)
  const ids = wanted.map(({ id }) => id)
  const ranked = ctx.db
    .select({ ...getTableColumns(orderEvents), rank: page.rank(orderEvents.orderId) })
    .from(orderEvents)
    .where(and(inArray(orderEvents.orderId, ids), page.where))
    .as('ranked')
  const rows = await ctx.db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(asc(ranked.rank))
  const byOrder = Map.groupBy(rows, ({ orderId }) => orderId)
  return ids.map((orderId) =>
    page.connection(byOrder.get(orderId) ?? [], ({ at, id }) => [at, id], {
      totalCount: () => ctx.db.$count(orderEvents, eq(orderEvents.orderId, orderId)),
    }),
  )
}, identity)

const ofAccount = (id: string): SQL | undefined => (isId(id) ? ownedBy({ kind: 'user', id }, orders) : sql`false`)

function matching({ db }: Pick<Context, 'db'>, filter: OrderFilter | null | undefined): SQL | undefined {
  const { statuses, query, placedFrom, placedTo } = filter ?? {}
  const pattern = query && `%${query.slice(0, 200).replace(/[\\%_]/g, '\\$&')}%`
  const hasLine = (like: string) =>
    exists(
      db
        .select({ id: orderLines.id })
        .from(orderLines)
        .where(and(eq(orderLines.orderId, orders.id), ilike(orderLines.title, like))),
    )
  return and(
    statuses ? inArray(orders.status, [...statuses]) : undefined,
    pattern ? or(ilike(orders.number, pattern), ilike(orders.email, pattern), hasLine(pattern)) : undefined,
    placedFrom ? gte(orders.placedAt, placedFrom) : undefined,
    placedTo ? lt(orders.placedAt, placedTo) : undefined,
  )
}
