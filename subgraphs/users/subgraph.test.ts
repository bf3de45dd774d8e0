import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { aCustomer, aService, staffWith } from '../../tests/setup/viewers.ts'
import { openPeople } from './people.fixture.ts'

const { shop, query, mutate, register, signIn, verify, somebody, newEmail, viewerOf, mailsTo, tokenIn, atTime, after } =
  await openPeople()
afterAll(() => shop[Symbol.asyncDispose]())

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
