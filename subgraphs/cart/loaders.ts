import { and, getTableColumns, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { loadOne } from '#platform/loader.ts'
import { isCurrent, visibleTo } from './access.ts'
import { currentEpoch } from './price-cache.ts'
import { carts } from './tables.ts'

const withEpoch = { ...getTableColumns(carts), epoch: currentEpoch }

/** A cart by id; null when unknown or somebody else's. */
export const cartById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select(withEpoch)
      .from(carts)
      .where(and(inArray(carts.id, [...ids]), visibleTo(ctx.viewer))),
  ({ id }) => id,
)

/** The cart in use of the viewer, by the viewer's own id; null for any other. */
export const currentCartOf = loadOne(
  (ctx: Context, _ownerIds: readonly string[]) =>
    ctx.db
      .select(withEpoch)
      .from(carts)
      .where(and(isCurrent, visibleTo(ctx.viewer))),
  ({ ownerId }) => ownerId,
)
