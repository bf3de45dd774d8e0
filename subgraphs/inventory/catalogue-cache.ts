import { createHash } from 'node:crypto'
import type { Cache } from '#platform/cache.ts'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { uuidv7 } from '#platform/ids.ts'
import { hasScope } from '#platform/viewer.ts'
import type { CategoryRow } from './tables.ts'

// What shoppers read of the catalogue is kept until something of it changes. All of it is of one generation, whose name is
// part of every key: a change names a new one, and whatever was read before, or is being read and kept this moment, is
// never asked for again. Shops change their catalogue a few times an hour and show it a thousand times a second; finer
// bookkeeping would have to know which lists and searches a product may have come into.
const GENERATION = 'inventory:generation'
const GENERATION_MS = 24 * 60 * 60_000

/** After this long the next reader has an entry read again, and goes on with what there is. */
const FRESH_MS = 60_000
/** A change that could not be told, because Redis was down, is unknown for this long at most. */
const KEPT_MS = 5 * 60_000

interface Entry<T> {
  value: T
  /** Epoch milliseconds. */
  freshUntil: number
}

type Reader = Pick<Context, 'cache' | 'viewer' | 'now' | 'log'>

/**
 * What `read` gives, or what it gave to an earlier shopper who asked the same: kept as JSON under `name` and `asked`. Of
 * all who ask at once, one reads. Staff see drafts, so that nothing of theirs is kept or answered from here.
 * `revive` makes what JSON has no word for.
 */
export async function cached<T>(
  ctx: Reader,
  { name, asked, revive = (value) => value }: { name: string; asked: unknown; revive?: (value: T) => T },
  read: () => Promise<T>,
): Promise<T> {
  if (hasScope(ctx.viewer, 'inventory:read')) return await read()
  const generation = await generationOf(ctx)
  if (generation === null) return await read()
  const digest = createHash('sha1').update(JSON.stringify(asked)).digest('base64url')
  const key = `inventory:${name}:${generation}:${digest}`
  const entry = (await ctx.cache.get(key)) as Entry<T> | undefined
  if (!entry) return await readOnce(ctx, key, read)
  if (entry.freshUntil < ctx.now().getTime()) {
    readOnce(ctx, key, read).catch((err: unknown) =>
      ctx.log.warn({ err, name }, 'a cached answer could not be renewed'),
    )
  }
  return revive(entry.value)
}

const underWay = new WeakMap<Cache, Map<string, Promise<unknown>>>()

function readOnce<T>({ cache, now }: Reader, key: string, read: () => Promise<T>): Promise<T> {
  let flights = underWay.get(cache)
  if (!flights) underWay.set(cache, (flights = new Map()))
  const flight = flights.get(key) as Promise<T> | undefined
  if (flight) return flight
  const began = keep().finally(() => flights.delete(key))
  flights.set(key, began)
  return began

  async function keep(): Promise<T> {
    const value = await read()
    const entry: Entry<T> = { value, freshUntil: now().getTime() + FRESH_MS }
    await cache.set(key, entry, KEPT_MS)
    return value
  }
}

// One for each request, so that all it reads is of one time; a request that changes something goes on with its own.
const generations = new WeakMap<object, Promise<string | null>>()

function generationOf(ctx: Reader): Promise<string | null> {
  const known = generations.get(ctx)
  if (known) return known
  const asked = currentGeneration(ctx.cache)
  generations.set(ctx, asked)
  return asked
}

/** Null when the cache cannot be reached: then nobody knows what has changed. */
async function currentGeneration(cache: Cache): Promise<string | null> {
  const known = await cache.get(GENERATION)
  if (typeof known === 'string') return known
  await cache.set(GENERATION, uuidv7(), GENERATION_MS)
  // Of two who begin one at once, both go on with the later.
  const begun = await cache.get(GENERATION)
  return typeof begun === 'string' ? begun : null
}

/** To be called once a change of products, variants, categories or ratings has been committed, before it is answered. */
export async function forgetCatalogue(ctx: Pick<Context, 'cache'>): Promise<void> {
  await ctx.cache.set(GENERATION, uuidv7(), GENERATION_MS)
  generations.delete(ctx)
}

/** Changes the catalogue in one transaction; whoever reads it once this has returned reads what it is now. */
export async function changeCatalogue<T>(
  ctx: Pick<Context, 'db' | 'cache'>,
  change: (tx: Db) => Promise<T>,
): Promise<T> {
  const changed = await ctx.db.transaction(change)
  await forgetCatalogue(ctx)
  return changed
}

/** Rows as they were before they went through JSON; the very rows, for nobody else has them. */
export function dated<T extends { createdAt: Date; updatedAt: Date }>(rows: T[]): T[] {
  for (const row of rows) {
    row.createdAt = new Date(row.createdAt)
    row.updatedAt = new Date(row.updatedAt)
  }
  return rows
}

export const cachedCategories = (
  ctx: Reader,
  asked: unknown,
  read: () => Promise<CategoryRow[]>,
): Promise<CategoryRow[]> => cached(ctx, { name: 'category', asked, revive: dated<CategoryRow> }, read)
