import type { Context } from '#platform/context.ts'
import { loadGrouped, loadMany, loadOne } from '#platform/loader.ts'
import type { PageArgs } from '#platform/pages.ts'
import { countAddresses, readAddresses, readAddressPages } from './addresses.ts'
import { readSessions } from './sessions.ts'
import { readIdentities, readUsers } from './users.ts'

export const userById = loadOne(readUsers, ({ id }) => id)

export const addressById = loadOne(readAddresses, ({ id }) => id)

export const sessionsOf = loadMany(readSessions, ({ ownerId }) => ownerId)

export const identitiesOf = loadMany(readIdentities, ({ userId }) => userId)

const addressCountOf = loadOne(countAddresses, ({ userId }) => userId)

export const addressPageOf = loadGrouped(
  (ctx: Context, keys: readonly { userId: string; args: PageArgs }[]) =>
    readAddressPages(
      ctx,
      keys.map(({ userId }) => userId),
      keys[0]!.args,
      async (userId) => (await addressCountOf(ctx).load(userId))?.number ?? 0,
    ),
  { keyOf: ({ userId }) => userId, argsOf: ({ args }) => JSON.stringify(args) },
)
