import type { Route } from '#platform/subgraph.ts'
import { publishedKeys } from './keys.ts'
import { mailboxPage, readMailbox } from './mailbox.ts'
import { revokedSince } from './revocations.ts'

const parameter = (request: Request, name: string): string | null => new URL(request.url).searchParams.get(name)

export const routes: readonly Route[] = [
  {
    prefix: '/.well-known/jwks.json',
    handle: async (ctx) =>
      Response.json(await publishedKeys(ctx), { headers: { 'cache-control': 'public, max-age=60' } }),
  },
  {
    // Polled by routers of other processes. It tells ids and times of sessions, and nobody's name.
    prefix: '/internal/revocations',
    internal: true,
    handle: async (ctx, request) => Response.json(await revokedSince(ctx, parameter(request, 'since'))),
  },
  {
    prefix: '/dev/mail.json',
    developmentOnly: true,
    handle: async (ctx, request) => Response.json(await readMailbox(ctx, parameter(request, 'to'))),
  },
  {
    prefix: '/dev/mail',
    developmentOnly: true,
    handle: async (ctx, request) => mailboxPage(await readMailbox(ctx, parameter(request, 'to'))),
  },
]
