import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { loadOne } from '#platform/loader.ts'
import { idArray, prepared } from '#platform/prepared.ts'
import { owner } from '#platform/viewer.ts'
import { isCurrent } from './access.ts'
import type { SeenCart } from './price-cache.ts'
import { currentEpoch } from './price-epoch.ts'
import { carts } from './tables.ts'

const seen = (db: Db) => db.select({ ...getTableColumns(carts), epoch: currentEpoch }).from(carts)
const isTheirs = and(eq(carts.ownerKind, sql.placeholder('kind')), eq(carts.ownerId, sql.placeholder('id')))

const theirsById = prepared((db) =>
  seen(db)
    .where(and(sql`${carts.id} = any(${sql.placeholder('ids')}::uuid[])`, isTheirs))
    .prepare('carts by id'),
)
const theirCurrent = prepared((db) => seen(db).where(and(isTheirs, isCurrent)).prepare('current cart'))

/** A cart by id; null when unknown or somebody else's. */
export const cartById = loadOne(
  async ({ db, viewer }: Context, ids: readonly string[]): Promise<SeenCart[]> => {
    const mine = owner(viewer)
    return mine ? await theirsById(db).execute({ ...mine, ids: idArray(ids) }) : []
  },
  ({ id }) => id,
)

/** The cart in use of the viewer, by the viewer's own id; null for any other. */
export const currentCartOf = loadOne(
  async ({ db, viewer }: Context, _ownerIds: readonly string[]): Promise<SeenCart[]> => {
    const mine = owner(viewer)
    return mine ? await theirCurrent(db).execute({ ...mine }) : []
  },
  ({ ownerId }) => ownerId,
)
