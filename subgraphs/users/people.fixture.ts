import { verifyAccessToken } from '#platform/access-token.ts'
import { uuidv7 } from '#platform/ids.ts'
import { anonymous, type Guest, type User, type Viewer } from '#platform/viewer.ts'
import type { SubgraphName } from '../all.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { localKeys } from './keys.ts'
import type { MailboxEntry } from './mailbox.ts'
import { routes } from './routes.ts'

export const TOKENS = 'authTokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt tokenType }'
export const ERRORS = 'userErrors { __typename code field ... on RateLimitedError { retryAfterMs } }'

/** What tests do with people, on a database of their own. */
export async function openPeople(names: readonly SubgraphName[] = ['users'], env: Record<string, string> = {}) {
  const shop = await openParts(names, env)
  const keys = localKeys(shop.part('users').ownContext())

  /** Runs a mutation that has `userErrors`; without an input, one that takes none. */
  async function mutate(viewer: Viewer, field: string, selection: string, input?: object) {
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
    const document = input
      ? `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} ${ERRORS} } }`
      : `mutation { ${field} { ${selection} ${ERRORS} } }`
    const data = await shop.ask('users', viewer, document, input && { input })
    return data[field]
  }
  const query = (viewer: Viewer, selection: string) => shop.ask('users', viewer, `{ ${selection} }`)
  const viewerOf = async (accessToken: string): Promise<Guest | User> => {
    const verified = await verifyAccessToken(accessToken, keys)
    return verified!.viewer
  }

  const newEmail = () => `p-${uuidv7()}@example.com`
  const register = (input: object, viewer: Viewer = anonymous) =>
    mutate(viewer, 'userRegister', 'user { id displayName }', input)
  const signIn = (email: string, password = 'password123', viewer: Viewer = anonymous) =>
    mutate(viewer, 'sessionCreate', `${TOKENS} user { id }`, { email, password })
  const refresh = (refreshToken: string) => mutate(anonymous, 'sessionRefresh', TOKENS, { refreshToken })
  const verify = (token: string) => mutate(anonymous, 'emailVerify', `${TOKENS} user { id }`, { token })

  /** Somebody with an account, and the viewer that signing in makes them. */
  async function somebody() {
    const email = newEmail()
    const { user } = await register({ email, password: 'password123', firstName: 'Ada', lastName: 'Lovelace' })
    const { authTokens } = await signIn(email)
    return { id: String(user.id), email, authTokens, viewer: await viewerOf(authTokens.accessToken) }
  }

  /** A visitor with tokens. */
  async function newGuest() {
    const { authTokens } = await mutate(anonymous, 'guestSessionCreate', TOKENS)
    return { authTokens, viewer: await viewerOf(authTokens.accessToken) }
  }

  /** Asks a side route. */
  async function route(path: string): Promise<Response> {
    const url = new URL(path, 'http://localhost')
    const { handle } = routes.find(({ prefix }) => prefix === url.pathname)!
    return await handle(shop.part('users').ownContext(), new Request(url))
  }
  const mailsTo = async (to: string): Promise<MailboxEntry[]> => {
    const response = await route(`/dev/mail.json?to=${encodeURIComponent(to)}`)
    return await response.json()
  }
  const tokenIn = ({ links }: { links: readonly string[] }): string => new URL(links[0]!).searchParams.get('token')!

  /** Runs with the clock of the shop at `time`. */
  async function atTime<T>(time: Date, run: () => Promise<T>): Promise<T> {
    shop.clock.now = time
    return await run().finally(() => (shop.clock.now = null))
  }
  const after = (ms: number) => new Date(Date.now() + ms)

  return {
    shop,
    keys,
    mutate,
    query,
    viewerOf,
    newEmail,
    register,
    signIn,
    refresh,
    verify,
    somebody,
    newGuest,
    route,
    mailsTo,
    tokenIn,
    atTime,
    after,
  }
}
