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
//
// Ratings change far more often, and little depends on them. They are of a generation of their own: what is kept says of
// which it was, and once there is a later one, the ratings in it are read again (ratings.ts), and all of it where they
// decide what is listed or in which order.
const GENERATION = { catalogue: 'inventory:generation', ratings: 'inventory:rating-generation' } as const
const GENERATION_MS = 24 * 60 * 60_000

/** After this long the next reader has an entry read again, and goes on with what there is. */
const FRESH_MS = 60_000
/** A change that could not be told, because Redis was down, is unknown for this long at most. */
const KEPT_MS = 5 * 60_000

interface Entry<T> {
  value: T
  /** Epoch milliseconds. */
  freshUntil: number
  /** The generation of ratings that was known before it was read. */
  ratings: string
}

/** What is kept, and how. */
interface Kept<T> {
  name: string
  asked: unknown
  /** Makes what JSON has no word for. `isRated` says whether the ratings in it are those of now. */
  revive?: (value: T, isRated: boolean) => T
  /** Ratings decide what it is. */
  isByRating?: boolean
}

type Reader = Pick<Context, 'cache' | 'viewer' | 'now' | 'log'>

/**
 * What `read` gives, or what it gave to an earlier shopper who asked the same: kept as JSON under `name` and `asked`. Of
 * all who ask at once, one reads. Staff see drafts, so that nothing of theirs is kept or answered from here.
 */
export async function cached<T>(ctx: Reader, kept: Kept<T>, read: () => Promise<T>): Promise<T> {
  if (hasScope(ctx.viewer, 'inventory:read')) return await read()
  const generations = await generationsOf(ctx)
  if (generations === null) return await read()
  const { name, asked, isByRating, revive = (value) => value } = kept
  const { catalogue, ratings } = generations
  const digest = createHash('sha1').update(JSON.stringify(asked)).digest('base64url')
  const key = `inventory:${name}:${catalogue}:${digest}`
  const entry = (await ctx.cache.get(key)) as Entry<T> | undefined
  const isRated = entry?.ratings === ratings
  if (!entry || (isByRating && !isRated)) return await readOnce(ctx, key, ratings, read)
  if (entry.freshUntil < ctx.now().getTime()) {
    readOnce(ctx, key, ratings, read).catch((err: unknown) =>
      ctx.log.warn({ err, name }, 'a cached answer could not be renewed'),
    )
  }
  return revive(entry.value, isRated)
}

const underWay = new WeakMap<Cache, Map<string, Promise<unknown>>>()

function readOnce<T>({ cache, now }: Reader, key: string, ratings: string, read: () => Promise<T>): Promise<T> {
  let flights = underWay.get(cache)
  if (!flights) underWay.set(cache, (flights = new Map()))
  // Whoever knows of a later rating does not go with one who began before it.
  const name = `${key} ${ratings}`
  const flight = flights.get(name) as Promise<T> | undefined
  if (flight) return flight
  const began = keep().finally(() => flights.delete(name))
  flights.set(name, began)
  return began

  async function keep(): Promise<T> {
    const value = await read()
    const entry: Entry<T> = { value, freshUntil: now().getTime() + FRESH_MS, ratings }
    await cache.set(key, entry, KEPT_MS)
    return value
  }
}

type Generations = Record<keyof typeof GENERATION, string>

// One for each request, so that all it reads is of one time; a request that changes something goes on with its own.
const generations = new WeakMap<object, Promise<Generations | null>>()

function generationsOf(ctx: Reader): Promise<Generations | null> {
  const known = generations.get(ctx)
  if (known) return known
  const asked = currentGenerations(ctx.cache)
  generations.set(ctx, asked)
  return asked
}

/** Null when the cache cannot be reached: then nobody knows what has changed. */
async function currentGenerations(cache: Cache): Promise<Generations | null> {
  const [catalogue, ratings] = await Promise.all([
    currentGeneration(cache, GENERATION.catalogue),
    currentGeneration(cache, GENERATION.ratings),
  ])
  return catalogue === null || ratings === null ? null : { catalogue, ratings }
}

async function currentGeneration(cache: Cache, of: string): Promise<string | null> {
  const known = await cache.get(of)
  if (typeof known === 'string') return known
  await cache.set(of, uuidv7(), GENERATION_MS)
  // Of two who begin one at once, both go on with the later.
  const begun = await cache.get(of)
  return typeof begun === 'string' ? begun : null
}

type Change = <T>(ctx: Pick<Context, 'db' | 'cache'>, change: (tx: Db) => Promise<T>) => Promise<T>

/** Changes products, variants or categories in one transaction; whoever reads once this has returned reads what is now. */
export const changeCatalogue: Change = async (ctx, change) => {
  const changed = await ctx.db.transaction(change)
  await forgetCatalogue(ctx)
  return changed
}

/** The same for ratings. */
export const changeRatings: Change = async (ctx, change) => {
  const changed = await ctx.db.transaction(change)
  await beginGeneration(ctx, 'ratings')
  return changed
}

/** To be called once a change of products, variants or categories has been committed, before it is answered. */
export const forgetCatalogue = (ctx: Pick<Context, 'cache'>): Promise<void> => beginGeneration(ctx, 'catalogue')

async function beginGeneration(ctx: Pick<Context, 'cache'>, of: keyof typeof GENERATION): Promise<void> {
  await ctx.cache.set(GENERATION[of], uuidv7(), GENERATION_MS)
  generations.delete(ctx)
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
