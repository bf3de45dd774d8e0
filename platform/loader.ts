import DataLoader from 'dataloader'

// A request's loaders live as long as its context.
const loadersOf = new WeakMap<object, Map<object, unknown>>()

function perRequest<C extends object, L>(create: (ctx: C) => L): (ctx: C) => L {
  return (ctx) => {
    let loaders = loadersOf.get(ctx)
    if (!loaders) loadersOf.set(ctx, (loaders = new Map()))
    let loader = loaders.get(create) as L | undefined
    if (!loader) loaders.set(create, (loader = create(ctx)))
    return loader
  }
}

/** Has a request read again what it has read so far, because it changes something. */
export const forgetLoaded = (ctx: object): void => {
  loadersOf.delete(ctx)
}

/**
 * Reads one row per key, all keys of a tick in one call, once per request.
 * `const productById = loadOne(readProducts, (row) => row.id)`, then `productById(ctx).load(id)`: the row, or null.
 */
export function loadOne<C extends object, K extends string, V>(
  read: (ctx: C, keys: readonly K[]) => Promise<readonly V[]>,
  keyOf: (row: V) => K,
): (ctx: C) => DataLoader<K, V | null> {
  return perRequest(
    (ctx: C) =>
      new DataLoader<K, V | null>(async (keys) => {
        const byKey = new Map((await read(ctx, keys)).map((row) => [keyOf(row), row]))
        return keys.map((key) => byKey.get(key) ?? null)
      }),
  )
}

/** Reads all rows of each key, in the order `read` returns them: `loadMany(readLines, (row) => row.orderId)`. */
export function loadMany<C extends object, K extends string, V>(
  read: (ctx: C, keys: readonly K[]) => Promise<readonly V[]>,
  keyOf: (row: V) => K,
): (ctx: C) => DataLoader<K, V[]> {
  return perRequest(
    (ctx: C) =>
      new DataLoader<K, V[]>(async (keys) => {
        const byKey = Map.groupBy(await read(ctx, keys), keyOf)
        return keys.map((key) => byKey.get(key) ?? [])
      }),
  )
}

/**
 * Like the others for keys with arguments, such as a page of each parent: keys with equal `argsOf` are read together.
 * `read` gets the keys of one group and returns one value for each, in their order.
 */
export function loadGrouped<C extends object, K, V>(
  read: (ctx: C, keys: readonly K[]) => Promise<readonly V[]>,
  identity: { keyOf: (key: K) => string; argsOf: (key: K) => string },
): (ctx: C) => DataLoader<K, V, string> {
  return perRequest(
    (ctx: C) =>
      new DataLoader<K, V, string>(
        async (keys) => {
          const answers = new Map<K, V>()
          const groups = Map.groupBy(keys, identity.argsOf)
          await Promise.all(
            [...groups.values()].map(async (group) => {
              const values = await read(ctx, group)
              group.forEach((key, index) => answers.set(key, values[index]!))
            }),
          )
          return keys.map((key) => answers.get(key)!)
        },
        { cacheKeyFn: (key) => `${identity.argsOf(key)}\n${identity.keyOf(key)}` },
      ),
  )
}
