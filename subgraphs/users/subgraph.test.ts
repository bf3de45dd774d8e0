import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyAccessToken } from '#platform/access-token.ts'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { localKeys } from './keys.ts'
import { routes } from './routes.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['users'])
})
afterAll(() => shop[Symbol.asyncDispose]())

const TOKENS = 'authTokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt tokenType }'
const ERRORS = 'userErrors { __typename code field ... on RateLimitedError { retryAfterMs } }'

/** Runs a mutation that takes an input and has `userErrors`. */
async function mutate(viewer: Viewer, field: string, selection: string, input?: object) {
  const name = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
  const document = input
    ? `mutation ($input: ${name}) { ${field}(input: $input) { ${selection} ${ERRORS} } }`
    : `mutation { ${field} { ${selection} ${ERRORS} } }`
  return (await shop.ask('users', viewer, document, input && { input }))[field]
}
const query = (viewer: Viewer, selection: string) => shop.ask('users', viewer, `{ ${selection} }`)
const viewerOf = async (accessToken: string): Promise<Viewer> =>
  (await verifyAccessToken(accessToken, localKeys(shop.part('users').ownContext())))!.viewer

const newEmail = () => `p-${uuidv7()}@example.com`
const register = (input: object, viewer: Viewer = anonymous) =>
  mutate(viewer, 'userRegister', 'user { id displayName }', input)
const signIn = (email: string, password = 'password123', viewer: Viewer = anonymous) =>
  mutate(viewer, 'sessionCreate', `${TOKENS} user { id }`, { email, password })
const refresh = (refreshToken: string) => mutate(anonymous, 'sessionRefresh', TOKENS, { refreshToken })
const verify = (token: string) => mutate(anonymous, 'emailVerify', `${TOKENS} user { id }`, { token })

/** Somebody registered, with the viewer that signing in makes them. */
async function somebody() {
  const email = newEmail()
  const { user } = await register({ email, password: 'password123', firstName: 'Ada', lastName: 'Lovelace' })
  const { authTokens } = await signIn(email)
  return { id: user.id as string, email, authTokens, viewer: await viewerOf(authTokens.accessToken) }
}

async function route(path: string): Promise<Response> {
  const { pathname } = new URL(path, 'http://localhost')
  const { handle } = routes.find(({ prefix }) => prefix === pathname)!
  return await handle(shop.part('users').ownContext(), new Request(new URL(path, 'http://localhost')))
}
const mailsTo = async (to: string) => (await (await route(`/dev/mail.json?to=${to}`)).json()) as { links: string[] }[]
const tokenIn = (mail: { links: string[] }) => new URL(mail.links[0]!).searchParams.get('token')!

async function atTime<T>(time: Date, run: () => Promise<T>): Promise<T> {
  shop.clock.now = time
  return await run().finally(() => (shop.clock.now = null))
}
const after = (ms: number) => new Date(Date.now() + ms)

describe('registering', () => {
  test('opens an account that waits for its address to be confirmed, and mails a link', async () => {
    const email = newEmail()
    const { user, userErrors } = await register({
      email: ` ${email.toUpperCase()} `,
      password: 'password123',
      firstName: 'Ada',
      lastName: 'Lovelace',
    })
    expect(userErrors).toEqual([])
    expect(user.displayName).toBe('Ada L.')
    const { authTokens } = await signIn(email)
    expect(
      (await query(await viewerOf(authTokens.accessToken), 'viewer { email status emailVerifiedAt roles }')).viewer,
    ).toEqual({
      email,
      status: 'PENDING_VERIFICATION',
      emailVerifiedAt: null,
      roles: ['CUSTOMER'],
    })
    const [mail] = await mailsTo(email)
    expect(tokenIn(mail!)).toMatch(/^[\w-]{43}$/)
  })

  test('names every problem of the input at once', async () => {
    const { user, userErrors } = await register({
      email: 'nobody',
      password: 'short',
      firstName: ' '.repeat(3),
      lastName: 'x'.repeat(101),
    })
    expect(user).toBeNull()
    expect(userErrors.map(({ code, field }: { code: string; field: string[] }) => [code, field.join('.')])).toEqual([
      ['INVALID', 'input.email'],
      ['INVALID', 'input.password'],
      ['INVALID', 'input.firstName'],
      ['INVALID', 'input.lastName'],
    ])
  })

  test('of one address five times at once opens one account and mails one link', async () => {
    const email = newEmail()
    const tries = await Promise.all(Array.from({ length: 5 }, () => register({ email, password: 'password123' })))
    expect(tries.filter(({ user }) => user)).toHaveLength(1)
    expect(tries.flatMap(({ userErrors }) => userErrors)).toEqual(
      Array.from({ length: 4 }, () => ({ __typename: 'InputError', code: 'CONFLICT', field: ['input', 'email'] })),
    )
    expect(await mailsTo(email)).toHaveLength(1)
  })
})

describe('confirming an e-mail address', () => {
  test('signs in, works once, and makes the account active', async () => {
    const email = newEmail()
    await register({ email, password: 'password123' })
    const token = tokenIn((await mailsTo(email))[0]!)
    const answers = await Promise.all([verify(token), verify(token), verify(token)])
    const [done] = answers.filter(({ userErrors }) => userErrors.length === 0)
    expect(answers.flatMap(({ userErrors }) => userErrors).map(({ code }) => code)).toEqual([
      'TOKEN_INVALID',
      'TOKEN_INVALID',
    ])
    const { viewer } = await query(
      await viewerOf(done.authTokens.accessToken),
      'viewer { status emailVerifiedAt version }',
    )
    expect(viewer).toEqual({ status: 'ACTIVE', emailVerifiedAt: expect.any(String), version: 2 })
  })

  test('is refused after 24 hours, and a link sent anew works', async () => {
    const email = newEmail()
    await register({ email, password: 'password123' })
    const old = tokenIn((await mailsTo(email))[0]!)
    await atTime(after(24 * 3_600_000 + 60_000), async () => {
      expect((await verify(old)).userErrors[0].code).toBe('TOKEN_EXPIRED')
      expect(await mutate(anonymous, 'emailVerificationResend', 'ok', { email })).toEqual({ ok: true, userErrors: [] })
      const [newest] = await mailsTo(email)
      expect((await verify(tokenIn(newest!))).userErrors).toEqual([])
    })
  })

  test('is not asked of an unknown or confirmed address, which gets the same answer', async () => {
    const nobody = newEmail()
    expect(await mutate(anonymous, 'emailVerificationResend', 'ok', { email: nobody })).toEqual({
      ok: true,
      userErrors: [],
    })
    expect(await mailsTo(nobody)).toEqual([])
  })

  test('with a token nobody got is refused', async () => {
    expect((await verify('nonsense')).userErrors[0].code).toBe('TOKEN_INVALID')
  })
})

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

  test('many times at once with the right password makes nobody wait', async () => {
    const { email } = await somebody()
    const answers = await Promise.all(Array.from({ length: 12 }, () => signIn(email)))
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
  })

  test('before the address is confirmed is refused where the store asks for it', async () => {
    await using strict = await openParts(['users'], { REQUIRE_VERIFIED_EMAIL: 'true' })
    const input = { email: newEmail(), password: 'password123' }
    await strict.ask(
      'users',
      anonymous,
      'mutation ($input: UserRegisterInput!) { userRegister(input: $input) { user { id } } }',
      { input },
    )
    const document = `mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { ${TOKENS} ${ERRORS} } }`
    const { sessionCreate } = await strict.ask('users', anonymous, document, { input })
    expect(sessionCreate).toEqual({
      authTokens: null,
      userErrors: [{ __typename: 'InputError', code: 'FORBIDDEN', field: ['input', 'email'] }],
    })
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

describe('a guest', () => {
  const newGuest = async () => {
    const { authTokens } = await mutate(anonymous, 'guestSessionCreate', TOKENS)
    return { authTokens, viewer: await viewerOf(authTokens.accessToken) }
  }

  test('holds tokens like an account, renews them, and is no viewer', async () => {
    const { authTokens, viewer } = await newGuest()
    expect(viewer.kind).toBe('guest')
    expect((await query(viewer, 'viewer { id }')).viewer).toBeNull()
    const renewed = await refresh(authTokens.refreshToken)
    expect(await viewerOf(renewed.authTokens.accessToken)).toEqual(viewer)
  })

  test('who signs in has its session ended, although the cart cannot be reached', async () => {
    const guest = await newGuest()
    const { email, id } = await somebody()
    const { user, userErrors } = await signIn(email, 'password123', guest.viewer)
    expect([user.id, userErrors]).toEqual([id, []])
    expect((await refresh(guest.authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
  })

  test('who registers has its session ended', async () => {
    const guest = await newGuest()
    expect((await register({ email: newEmail(), password: 'password123' }, guest.viewer)).userErrors).toEqual([])
    expect((await refresh(guest.authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
  })

  test('whose registration is refused stays a guest', async () => {
    const guest = await newGuest()
    const { email } = await somebody()
    expect((await register({ email, password: 'password123' }, guest.viewer)).userErrors[0].code).toBe('CONFLICT')
    expect((await refresh(guest.authTokens.refreshToken)).userErrors).toEqual([])
  })
})

describe('private fields', () => {
  const PRIVATE =
    'displayName email phone status roles addresses { nodes { id } } sessions { id } identities { subject } version'
  const entity = async (viewer: Viewer, id: string) => {
    const document = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { ${PRIVATE} } } }`
    return (await shop.ask('users', viewer, document, { r: [{ __typename: 'User', id }] }))._entities[0]
  }

  test('are shown to the person and to staff who may read people', async () => {
    const { id, email, viewer } = await somebody()
    for (const asking of [viewer, staffWith('users:read'), { ...aService('orders'), onBehalfOf: viewer } as Viewer]) {
      expect(await entity(asking, id)).toMatchObject({ email, roles: ['CUSTOMER'], identities: [{ subject: email }] })
    }
  })

  test('are null for everybody else, who see the name only', async () => {
    const { id } = await somebody()
    const guestOfSameId: Viewer = { kind: 'guest', id, sessionId: uuidv7() }
    for (const asking of [anonymous, aCustomer(), guestOfSameId, staffWith('orders:read'), aService('orders')]) {
      expect(await entity(asking, id)).toEqual({
        displayName: 'Ada L.',
        email: null,
        phone: null,
        status: null,
        roles: null,
        addresses: null,
        sessions: null,
        identities: null,
        version: null,
      })
    }
  })

  test('of unknown people do not exist', async () => {
    expect(await entity(staffWith('users:read'), uuidv7())).toBeNull()
    expect(await entity(staffWith('users:read'), 'nonsense')).toBeNull()
  })

  test('are read for many people with one statement per relation', async () => {
    const people = await Promise.all([somebody(), somebody(), somebody()])
    const document =
      'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { addresses { totalCount nodes { id } } sessions { id } identities { subject } } } }'
    const r = people.map(({ id }) => ({ __typename: 'User', id }))
    const statements = await shop.statements(() => shop.ask('users', staffWith('users:read'), document, { r }))
    expect(statements).toHaveLength(5)
  })

  test('are reached by id with the scope alone', async () => {
    const { id, viewer } = await somebody()
    expect((await query(staffWith('users:read'), `user(id: "${id}") { id }`)).user).toEqual({ id })
    expect((await query(staffWith('users:read'), 'user(id: "nonsense") { id }')).user).toBeNull()
    for (const [asking, code] of [
      [viewer, 'FORBIDDEN'],
      [anonymous, 'UNAUTHENTICATED'],
    ] as const) {
      const { data, errors } = await shop.answer('users', asking, `{ user(id: "${id}") { id } }`)
      expect([data, errors?.[0]?.extensions.code]).toEqual([{ user: null }, code])
    }
  })
})

describe('the profile', () => {
  const update = (viewer: Viewer, input: object) =>
    mutate(
      viewer,
      'profileUpdate',
      'user { displayName firstName phone locale version } ... on ProfileUpdatePayload { userErrors { ... on StaleVersionError { currentVersion } } }',
      input,
    )

  test('changes what is given, clears what is null and keeps the rest', async () => {
    const { viewer } = await somebody()
    const { user } = await update(viewer, {
      phone: '+493012345678',
      locale: 'de-DE',
      firstName: null,
      expectedVersion: 1,
    })
    expect(user).toEqual({
      displayName: 'Ada L.',
      firstName: null,
      phone: '+493012345678',
      locale: 'de-DE',
      version: 2,
    })
  })

  test('is not changed on an old version, nor by malformed values', async () => {
    const { viewer } = await somebody()
    expect((await update(viewer, { firstName: 'Eve', expectedVersion: 7 })).userErrors).toEqual([
      {
        __typename: 'StaleVersionError',
        code: 'STALE_VERSION',
        field: ['input', 'expectedVersion'],
        currentVersion: 1,
      },
    ])
    const { userErrors } = await update(viewer, { displayName: null, phone: '030 12345', locale: 'not a language' })
    expect(userErrors.map(({ field }: { field: string[] }) => field[1])).toEqual(['displayName', 'phone', 'locale'])
  })
})

describe('the address book', () => {
  const ENTRY =
    'address { id label address { line1 city countryCode location { latitude } } isDefaultShipping isDefaultBilling }'
  const home = {
    line1: 'Kastanienallee 12',
    city: 'Berlin',
    postalCode: '10435',
    countryCode: 'DE',
    location: { latitude: 52.538, longitude: 13.409 },
  }
  const add = (viewer: Viewer, input: object = {}) =>
    mutate(viewer, 'addressCreate', ENTRY, { address: home, ...input })

  test('keeps an entry, changes part of it and removes it with its defaults', async () => {
    const { viewer } = await somebody()
    const { address } = await add(viewer, { label: 'Home', makeDefaultShipping: true })
    expect(address).toEqual({
      id: expect.any(String),
      label: 'Home',
      address: { line1: 'Kastanienallee 12', city: 'Berlin', countryCode: 'DE', location: { latitude: 52.538 } },
      isDefaultShipping: true,
      isDefaultBilling: false,
    })
    const changed = await mutate(viewer, 'addressUpdate', ENTRY, {
      id: address.id,
      label: null,
      makeDefaultBilling: true,
    })
    expect(changed.address).toEqual({ ...address, label: null, isDefaultBilling: true })
    expect((await mutate(viewer, 'addressDelete', 'deletedId', { id: address.id })).deletedId).toBe(address.id)
    const { viewer: me } = await query(viewer, 'viewer { defaultShippingAddress { id } addresses { totalCount } }')
    expect(me).toEqual({ defaultShippingAddress: null, addresses: { totalCount: 0 } })
  })

  test('tells the new default at once when one request names two', async () => {
    const { viewer } = await somebody()
    const document = `mutation ($a: AddressCreateInput!) { one: addressCreate(input: $a) { ${ENTRY} } two: addressCreate(input: $a) { ${ENTRY} } }`
    const { one, two } = await shop.ask('users', viewer, document, { a: { address: home, makeDefaultBilling: true } })
    expect([one.address.isDefaultBilling, two.address.isDefaultBilling]).toEqual([true, true])
    const { viewer: me } = await query(viewer, 'viewer { defaultBillingAddress { id } }')
    expect(me.defaultBillingAddress.id).toBe(two.address.id)
  })

  test('is paged newest first', async () => {
    const { viewer } = await somebody()
    for (const label of ['one', 'two', 'three']) await add(viewer, { label })
    const page = async (args: string) =>
      (await query(viewer, `viewer { addresses(${args}) { nodes { label } pageInfo { hasNextPage endCursor } } }`))
        .viewer.addresses
    const first = await page('first: 2')
    expect(first).toMatchObject({ nodes: [{ label: 'three' }, { label: 'two' }], pageInfo: { hasNextPage: true } })
    expect((await page(`first: 2, after: "${first.pageInfo.endCursor}"`)).nodes).toEqual([{ label: 'one' }])
    const { errors } = await shop.answer('users', viewer, '{ viewer { addresses(first: 101) { nodes { id } } } }')
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })

  test('holds fifty, however many are added at once', async () => {
    const { viewer } = await somebody()
    const answers = await Promise.all(Array.from({ length: 53 }, () => add(viewer)))
    expect(answers.flatMap(({ userErrors }) => userErrors).map(({ code }) => code)).toEqual(
      Array(3).fill('LIMIT_EXCEEDED'),
    )
  })

  test('of others is out of reach', async () => {
    const [mine, theirs] = [await somebody(), await somebody()]
    const { address } = await add(theirs.viewer)
    for (const id of [address.id, uuidv7(), 'nonsense']) {
      const notFound = [{ __typename: 'InputError', code: 'NOT_FOUND', field: ['input', 'id'] }]
      expect((await mutate(mine.viewer, 'addressUpdate', ENTRY, { id, label: 'x' })).userErrors).toEqual(notFound)
      expect((await mutate(mine.viewer, 'addressDelete', 'deletedId', { id })).userErrors).toEqual(notFound)
    }
  })

  test('names every malformed part at once', async () => {
    const { viewer } = await somebody()
    const { userErrors } = await add(viewer, {
      label: '',
      address: { ...home, line1: ' ', phone: '030', location: { latitude: 91, longitude: 0 } },
    })
    expect(userErrors.map(({ field }: { field: string[] }) => field.join('.')).toSorted()).toEqual([
      'input.address.line1',
      'input.address.location.latitude',
      'input.address.phone',
      'input.label',
    ])
  })
})

describe('the demo shop', () => {
  test('has five people who sign in, with the rights of their roles, and is not seeded twice', async () => {
    const { subgraph, ownContext } = shop.part('users')
    await subgraph.seed!(ownContext())
    await subgraph.seed!(ownContext())
    const scopes = async (name: string) => {
      const { authTokens } = await signIn(`${name}@example.com`)
      const viewer = await viewerOf(authTokens.accessToken)
      return viewer.kind === 'user' ? viewer.scopes : null
    }
    expect(await scopes('alice')).toEqual([])
    expect(await scopes('courier')).toEqual(['delivery:courier'])
    expect(await scopes('agent')).toContain('support:agent')
    expect(await scopes('admin')).toContain('admin:manage')
    const alice: Viewer = { ...aCustomer(), id: demoId('user/alice') }
    const { viewer } = await query(
      alice,
      'viewer { defaultShippingAddress { id address { city location { longitude } } } }',
    )
    expect(viewer.defaultShippingAddress).toEqual({
      id: demoId('address/alice-home'),
      address: { city: 'Berlin', location: { longitude: 13.409 } },
    })
  })
})
