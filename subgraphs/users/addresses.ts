import { and, count, eq, getTableColumns, inArray, lte } from 'drizzle-orm'
import { z } from 'zod'
import { addressSchema } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import type { AddressCreateInput, AddressUpdateInput } from './schema.generated.ts'
import { addresses, users, type AddressRow } from './tables.ts'

const MOST = 50

const name = z
  .string()
  .trim()
  .min(1, 'A name has 1 to 50 characters.')
  .max(50, 'A name has 1 to 50 characters.')
  .nullish()
const flag = z.boolean().nullish()
const flags = { makeDefaultShipping: flag, makeDefaultBilling: flag }
const creation = z.object({ address: addressSchema, label: name, ...flags })
const change = z.object({ address: addressSchema.nullish(), label: name, ...flags })

/** Adds an entry to the address book. */
export async function createAddress(
  ctx: Context,
  { id: userId }: Owner,
  input: AddressCreateInput,
): Promise<AddressRow> {
  const { address, label = null, ...chosen } = parseInput(creation, input)
  const now = ctx.now()
  return await ctx.db.transaction(async (tx) => {
    // Counted behind the account's lock: two that are added at once cannot both be the fiftieth.
    const [owner] = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
    if (!owner) reject('NOT_FOUND', 'There is no such account.')
    const [has] = await tx.select({ number: count() }).from(addresses).where(eq(addresses.userId, userId))
    if (has!.number >= MOST) reject('LIMIT_EXCEEDED', `An address book has at most ${MOST} addresses.`)
    const [entry] = await tx
      .insert(addresses)
      .values({ userId, label, address, createdAt: now, updatedAt: now })
      .returning()
    await choose(tx, entry!, chosen)
    return entry!
  })
}

/** Changes an entry; what is left out stays. */
export async function updateAddress(
  ctx: Context,
  { id: userId }: Owner,
  input: AddressUpdateInput,
): Promise<AddressRow> {
  const { address, label, ...chosen } = parseInput(change, input)
  return await ctx.db.transaction(async (tx) => {
    const [entry] = isId(input.id)
      ? await tx
          .update(addresses)
          .set({ address: address ?? undefined, label, updatedAt: ctx.now() })
          .where(and(eq(addresses.id, input.id), eq(addresses.userId, userId)))
          .returning()
      : []
    if (!entry) reject('NOT_FOUND', 'You have no such address.', ['id'])
    await choose(tx, entry, chosen)
    return entry
  })
}

// true makes the entry the default; false ends that, and leaves another default alone.
async function choose(
  tx: Db,
  { id, userId }: AddressRow,
  {
    makeDefaultShipping,
    makeDefaultBilling,
  }: { makeDefaultShipping?: boolean | null; makeDefaultBilling?: boolean | null },
): Promise<void> {
  const mine = eq(users.id, userId)
  if (makeDefaultShipping) await tx.update(users).set({ defaultShippingAddressId: id }).where(mine)
  if (makeDefaultBilling) await tx.update(users).set({ defaultBillingAddressId: id }).where(mine)
  if (makeDefaultShipping === false) {
    await tx
      .update(users)
      .set({ defaultShippingAddressId: null })
      .where(and(mine, eq(users.defaultShippingAddressId, id)))
  }
  if (makeDefaultBilling === false) {
    await tx
      .update(users)
      .set({ defaultBillingAddressId: null })
      .where(and(mine, eq(users.defaultBillingAddressId, id)))
  }
}

/** Removes an entry; where it was the default there is none then. */
export async function deleteAddress(
  { db }: Pick<Context, 'db'>,
  { id: userId }: Owner,
  { id }: { readonly id: string },
): Promise<string> {
  const mine = and(eq(addresses.id, id), eq(addresses.userId, userId))
  const [gone] = isId(id) ? await db.delete(addresses).where(mine).returning() : []
  if (!gone) reject('NOT_FOUND', 'You have no such address.', ['id'])
  return gone.id
}

/** Entries by id, in any order. */
export async function readAddresses({ db }: Pick<Context, 'db'>, ids: readonly string[]): Promise<AddressRow[]> {
  return await db
    .select()
    .from(addresses)
    .where(inArray(addresses.id, [...ids]))
}

/** The same page of several address books, newest first, in one statement. */
export async function readAddressPages(
  { db }: Pick<Context, 'db'>,
  userIds: readonly string[],
  args: PageArgs,
  countOf: (userId: string) => Promise<number>,
) {
  const page = keyset(args, [
    { column: addresses.createdAt, direction: 'desc' },
    { column: addresses.id, direction: 'desc' },
  ])
  const ranked = db
    .select({ ...getTableColumns(addresses), rank: page.rank(addresses.userId) })
    .from(addresses)
    .where(and(inArray(addresses.userId, [...userIds]), page.where))
    .as('ranked')
  const rows = await db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(ranked.rank)
  const byUser = Map.groupBy(rows, ({ userId }) => userId)
  return userIds.map((userId) =>
    page.connection<AddressRow>(byUser.get(userId) ?? [], ({ createdAt, id }) => [createdAt, id], {
      totalCount: () => countOf(userId),
    }),
  )
}

/** How many entries the address books have that have any. */
export async function countAddresses({ db }: Pick<Context, 'db'>, userIds: readonly string[]) {
  return await db
    .select({ userId: addresses.userId, number: count() })
    .from(addresses)
    .where(inArray(addresses.userId, [...userIds]))
    .groupBy(addresses.userId)
}
