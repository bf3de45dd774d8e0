import { eq } from 'drizzle-orm'
import { decodeProtectedHeader } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import { verifyAccessToken } from '#platform/access-token.ts'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { localIdentity } from './identity.ts'
import { localKeys, publishedKeys, rotateKeys, signingKey } from './keys.ts'
import { sessions, signingKeys } from './tables.ts'
import { openPeople } from './people.fixture.ts'

const { shop, mutate, somebody, newGuest, route, atTime, after } = await openPeople()
afterAll(() => shop[Symbol.asyncDispose]())
const ctx = shop.part('users').ownContext()
const days = (number: number) => after(number * 86_400_000)

describe('the key that signs', () => {
  test('is made once by those who need it first, and kept sealed', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => signingKey(ctx)))
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
    const rows = await ctx.db.select().from(signingKeys)
    expect(rows).toHaveLength(1)
    expect(rows[0]!.sealed).not.toContain('"d"')
    expect(rows[0]!.publicJwk.d).toBeUndefined()
  })

  test('is published as a JWK set without its private part', async () => {
    const { authTokens } = await newGuest()
    const { kid, alg, typ } = decodeProtectedHeader(authTokens.accessToken)
    expect([alg, typ]).toEqual(['EdDSA', 'at+jwt'])
    const { keys } = await (await route('/.well-known/jwks.json')).json()
    expect(keys).toEqual([{ kid, alg, use: 'sig', kty: 'OKP', crv: 'Ed25519', x: expect.any(String) }])
  })

  test('is replaced after 90 days; tokens of the old one are good until they end', async () => {
    const keys = localKeys(ctx)
    const { authTokens } = await newGuest()
    expect(await verifyAccessToken(authTokens.accessToken, keys)).not.toBeNull()
    await atTime(days(91), async () => {
      await rotateKeys(ctx)
      const next = await newGuest()
      expect(decodeProtectedHeader(next.authTokens.accessToken).kid).not.toBe(
        decodeProtectedHeader(authTokens.accessToken).kid,
      )
      expect((await publishedKeys(ctx)).keys).toHaveLength(2)
      // Whoever knew the old key alone learns the new one with the first token that it signed.
      expect(await until(() => verifyAccessToken(next.authTokens.accessToken, keys))).not.toBeNull()
      expect(await verifyAccessToken(authTokens.accessToken, keys)).not.toBeNull()
    })
    await atTime(days(93), async () => expect((await publishedKeys(ctx)).keys).toHaveLength(1))
  })

  test('of somebody else verifies nothing', async () => {
    const { authTokens } = await newGuest()
    const [head, body, signature] = authTokens.accessToken.split('.')
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), kind: 'user', scope: 'admin:manage' }),
    )
    const keys = localKeys(ctx)
    expect(await verifyAccessToken(`${head}.${forged.toString('base64url')}.${signature}`, keys)).toBeNull()
    expect(await verifyAccessToken(authTokens.accessToken, keys)).not.toBeNull()
  })
})

describe('a session that ended', () => {
  test('is known at once in the same process', async () => {
    await using identity = await localIdentity(ctx)
    const { viewer } = await somebody()
    expect(identity.isRevoked(viewer.sessionId)).toBe(false)
    await mutate(viewer, 'sessionRevoke', 'ok', {})
    await until(async () => identity.isRevoked(viewer.sessionId), 1_000)
  })

  test('is known within seconds when nobody told of it, and to those who start later', async () => {
    await using identity = await localIdentity(ctx)
    const { viewer } = await somebody()
    await ctx.db
      .update(sessions)
      .set({ revokedAt: new Date(), revokedFor: 'SIGN_OUT' })
      .where(eq(sessions.id, viewer.sessionId))
    await until(async () => identity.isRevoked(viewer.sessionId), 5_000)
    await using later = await localIdentity(ctx)
    expect([later.isRevoked(viewer.sessionId), later.isRevoked(uuidv7())]).toEqual([true, false])
  })

  test('is told since a cursor, and no more when its tokens have ended', async () => {
    const revoked = async (since: string) => {
      const { cursor, sessions: ended } = await (
        await route(`/internal/revocations?since=${encodeURIComponent(since)}`)
      ).json()
      return { cursor, ids: ended.map(({ id }: { id: string }) => id) }
    }
    const { viewer } = await somebody()
    const { cursor } = await revoked('nonsense')
    await mutate(viewer, 'sessionRevoke', 'ok', {})
    expect((await revoked(cursor)).ids).toContain(viewer.sessionId)
    await atTime(after(16 * 60_000), async () => expect((await revoked(cursor)).ids).toEqual([]))
  })
})
