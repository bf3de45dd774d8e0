import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { openPeople } from './people.fixture.ts'

const { shop, query, mutate, signIn, refresh, somebody, newEmail, route, atTime, after } = await openPeople()
afterAll(() => shop[Symbol.asyncDispose]())

describe('signing in', () => {
  test('answers the same for a wrong password and an unknown address', async () => {
    const { email } = await somebody()
    const [wrong, unknown] = [await signIn(email, 'password124'), await signIn(newEmail())]
    expect(wrong).toEqual(unknown)
    expect(wrong).toEqual({
      authTokens: null,
      user: null,
      userErrors: [{ __typename: 'InputError', code: 'CREDENTIALS_INVALID', field: null }],
    })
  })

  test('makes those wait who fail again and again, also for an address that has no account', async () => {
    const { email } = await somebody()
    for (const address of [email, newEmail()]) {
      for (let i = 0; i < 5; i++)
        expect((await signIn(address, 'password124')).userErrors[0].code).toBe('CREDENTIALS_INVALID')
      const [error] = (await signIn(address, 'password123')).userErrors
      expect(error).toMatchObject({ __typename: 'RateLimitedError', code: 'RATE_LIMITED' })
      expect(error.retryAfterMs).toBeGreaterThan(1_000)
      expect(error.retryAfterMs).toBeLessThanOrEqual(15_000)
    }
  })

  test('makes an address wait from which too many accounts are tried', async () => {
    const { email } = await somebody()
    shop.device.ip = '192.0.2.66'
    const codes = []
    for (let i = 0; i < 50; i += 1) codes.push((await signIn(newEmail())).userErrors[0].code)
    expect(new Set(codes)).toEqual(new Set(['CREDENTIALS_INVALID']))
    expect((await signIn(email)).userErrors).toMatchObject([{ code: 'RATE_LIMITED' }])
    shop.device.ip = '192.0.2.67'
    expect((await signIn(email)).userErrors).toEqual([])
    shop.device.ip = null
  })

  test('many times at once with the right password makes nobody wait', async () => {
    const { email } = await somebody()
    const answers = await Promise.all(Array.from({ length: 12 }, () => signIn(email)))
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
  })

  test('before the address is confirmed is refused where the store asks for it', async () => {
    const strict = await openPeople(['users'], { REQUIRE_VERIFIED_EMAIL: 'true' })
    await using _ = strict.shop
    const email = strict.newEmail()
    await strict.register({ email, password: 'password123' })
    expect(await strict.signIn(email)).toEqual({
      authTokens: null,
      user: null,
      userErrors: [{ __typename: 'InputError', code: 'FORBIDDEN', field: ['input', 'email'] }],
    })
    const [mail] = await strict.mailsTo(email)
    await strict.verify(strict.tokenIn(mail!))
    expect((await strict.signIn(email)).userErrors).toEqual([])
  })
})

describe('a refresh token', () => {
  test('renews both tokens, and again within 20 seconds gives the same answer', async () => {
    const { authTokens } = await somebody()
    const renewed = await Promise.all([refresh(authTokens.refreshToken), refresh(authTokens.refreshToken)])
    expect(renewed[0]).toEqual(renewed[1])
    expect(renewed[0].authTokens.refreshToken).not.toBe(authTokens.refreshToken)
    expect(await refresh(authTokens.refreshToken)).toEqual(renewed[0])
    expect((await refresh(renewed[0].authTokens.refreshToken)).userErrors).toEqual([])
  })

  test('that comes again later ends the whole session', async () => {
    const { authTokens, viewer } = await somebody()
    const { authTokens: next } = await refresh(authTokens.refreshToken)
    await atTime(after(21_000), async () => {
      expect((await refresh(authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
      expect((await refresh(next.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
    })
    const { sessions } = (await (await route('/internal/revocations')).json()) as { sessions: { id: string }[] }
    expect(sessions.map(({ id }) => id)).toContain((viewer as { sessionId: string }).sessionId)
  })

  test('ends after 30 days, later when it is used', async () => {
    const { authTokens } = await somebody()
    const days = (number: number) => after(number * 86_400_000)
    await atTime(days(31), async () =>
      expect((await refresh(authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_EXPIRED'),
    )
    const { authTokens: next } = await atTime(days(29), () => refresh(authTokens.refreshToken))
    expect((await atTime(days(58), () => refresh(next.refreshToken))).userErrors).toEqual([])
  })

  test('that nobody got is invalid', async () => {
    expect(await refresh('nonsense')).toMatchObject({
      authTokens: null,
      userErrors: [{ code: 'TOKEN_INVALID', field: ['input', 'refreshToken'] }],
    })
  })
})

describe('sessions', () => {
  test('say which app and address they were last seen with', async () => {
    Object.assign(shop.device, { ip: '192.0.2.1', userAgent: 'Shop/1.0' })
    const { viewer, authTokens } = await somebody()
    const seen = async () => (await query(viewer, 'viewer { sessions { ip userAgent } }')).viewer.sessions
    expect(await seen()).toEqual([{ ip: '192.0.2.1', userAgent: 'Shop/1.0' }])
    Object.assign(shop.device, { ip: '192.0.2.2', userAgent: 'Shop/1.1' })
    await refresh(authTokens.refreshToken)
    expect(await seen()).toEqual([{ ip: '192.0.2.2', userAgent: 'Shop/1.1' }])
    Object.assign(shop.device, { ip: null, userAgent: null })
  })

  test('are listed last used first, with the one that asks marked', async () => {
    const { email, viewer } = await somebody()
    await signIn(email)
    const { viewer: me } = await query(viewer, 'viewer { sessions { id isCurrent } }')
    expect(me.sessions.map(({ isCurrent }: { isCurrent: boolean }) => isCurrent)).toEqual([false, true])
  })

  test('end one by one or all together, and do not renew after that', async () => {
    const { email, authTokens, viewer } = await somebody()
    expect(await mutate(viewer, 'sessionRevoke', 'ok', {})).toEqual({ ok: true, userErrors: [] })
    expect(await mutate(viewer, 'sessionRevoke', 'ok', {})).toEqual({ ok: true, userErrors: [] })
    expect((await refresh(authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
    await signIn(email)
    await signIn(email)
    expect((await mutate(viewer, 'sessionRevokeAll', 'revokedCount')).revokedCount).toBe(2)
    expect((await query(viewer, 'viewer { sessions { id } }')).viewer.sessions).toEqual([])
  })

  test('of others and malformed ids are not found', async () => {
    const [mine, theirs] = [await somebody(), await somebody()]
    for (const sessionId of [(theirs.viewer as { sessionId: string }).sessionId, 'nonsense', uuidv7()]) {
      expect(await mutate(mine.viewer, 'sessionRevoke', 'ok', { sessionId })).toEqual({
        ok: false,
        userErrors: [{ __typename: 'InputError', code: 'NOT_FOUND', field: ['input', 'sessionId'] }],
      })
    }
    expect((await refresh(theirs.authTokens.refreshToken)).userErrors).toEqual([])
  })

  test('cannot be ended by a guest or by nobody', async () => {
    for (const viewer of [anonymous, aGuest()]) {
      const { errors } = await shop.answer('users', viewer, 'mutation { sessionRevokeAll { revokedCount } }')
      expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    }
  })
})
