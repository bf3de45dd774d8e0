import postgres from 'postgres'
import { afterAll, describe, expect, test } from 'vitest'
import { announce, type Announced } from '#platform/facts.ts'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous, type Owner } from '#platform/viewer.ts'
import { until } from '../../tests/setup/until.ts'
import { OrderPlaced } from '../orders/events.ts'
import { reactions } from './reactions.ts'
import { openPeople, TOKENS } from './people.fixture.ts'

const {
  shop,
  query,
  mutate,
  register,
  signIn,
  refresh,
  somebody,
  newGuest,
  newEmail,
  viewerOf,
  mailsTo,
  tokenIn,
  atTime,
  after,
} = await openPeople()
const outbox = postgres(shop.config.DATABASE_URL!, { max: 1 })
afterAll(async () => {
  await outbox.end()
  await shop[Symbol.asyncDispose]()
})

const claimsOf = async (guestId: string) => {
  const rows = await outbox<{ event: Announced }[]>`
    select event from events.outbox where name = 'GuestClaimed' and event->>'entityId' = ${guestId}`
  return rows.map(({ event }) => event.data)
}

describe('a guest', () => {
  test('holds tokens like an account, renews them, and is no viewer', async () => {
    const { authTokens, viewer } = await newGuest()
    expect(viewer.kind).toBe('guest')
    expect((await query(viewer, 'viewer { id }')).viewer).toBeNull()
    const renewed = await refresh(authTokens.refreshToken)
    expect(await viewerOf(renewed.authTokens.accessToken)).toEqual(viewer)
  })

  test('who signs in gives all it has to the account, although the cart cannot be reached', async () => {
    const guest = await newGuest()
    const { email, id } = await somebody()
    const { user, userErrors } = await signIn(email, 'password123', guest.viewer)
    expect([user.id, userErrors]).toEqual([id, []])
    expect(await claimsOf(guest.viewer.id)).toEqual([
      { guestId: guest.viewer.id, userId: id, cartMergeStrategy: 'SUM_QUANTITIES' },
    ])
    expect((await refresh(guest.authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
  })

  test('who registers gives all it has to the new account, in the way it asks for', async () => {
    const guest = await newGuest()
    const input = { email: newEmail(), password: 'password123', cartMergeStrategy: 'PREFER_GUEST' }
    const { user } = await register(input, guest.viewer)
    expect(await claimsOf(guest.viewer.id)).toEqual([
      { guestId: guest.viewer.id, userId: user.id, cartMergeStrategy: 'PREFER_GUEST' },
    ])
    expect((await refresh(guest.authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
  })

  test('who signs in to several accounts at once gives what it has to one of them', async () => {
    const guest = await newGuest()
    const accounts = await Promise.all([somebody(), somebody(), somebody()])
    const answers = await Promise.all(accounts.map(({ email }) => signIn(email, 'password123', guest.viewer)))
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
    expect(await claimsOf(guest.viewer.id)).toHaveLength(1)
  })

  test('whose registration is refused stays a guest', async () => {
    const guest = await newGuest()
    const { email } = await somebody()
    expect((await register({ email, password: 'password123' }, guest.viewer)).userErrors[0].code).toBe('CONFLICT')
    expect(await claimsOf(guest.viewer.id)).toEqual([])
    expect((await refresh(guest.authTokens.refreshToken)).userErrors).toEqual([])
  })
})

test('a guest who signs in finds the cart in the account at once', async () => {
  const people = await openPeople(['users', 'cart', 'inventory'])
  await using joined = people.shop
  for (const name of ['users', 'inventory', 'cart'] as const) {
    const { subgraph, ownContext } = joined.part(name)
    await subgraph.seed?.(ownContext())
  }
  const guest = await people.newGuest()
  const input = { lines: [{ variantId: demoId('variant/MUG-STONE-GRY'), quantity: 2 }] }
  await joined.ask(
    'cart',
    guest.viewer,
    'mutation ($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } } }',
    { input },
  )
  const { authTokens } = await people.signIn('alice@example.com', 'password123', guest.viewer)
  const { cart } = await joined.ask(
    'cart',
    await people.viewerOf(authTokens.accessToken),
    '{ cart { lines { quantity } } }',
  )
  expect(cart.lines).toEqual([{ quantity: 2 }])
})

describe('an order that was placed', () => {
  const placed = (owner: Owner, email: string | null) => ({
    entityId: uuidv7(),
    entityVersion: 1,
    owner,
    data: {
      number: '10007',
      email,
      lines: [
        {
          orderLineId: uuidv7(),
          variantId: uuidv7(),
          productId: uuidv7(),
          title: 'Mug <Grey>',
          sku: 'MUG',
          quantity: 2,
        },
      ],
      total: { amountMinor: 2900, currency: 'EUR' },
    },
  })
  const hear = async (about: ReturnType<typeof placed>, eventId = uuidv7()) => {
    const event = {
      ...about,
      eventId,
      name: 'OrderPlaced',
      version: 1,
      occurredAt: new Date().toISOString(),
      requestId: 'r',
    }
    await reactions[0]!.handle(shop.part('users').ownContext(), event)
  }
  const resume = (token: string) => mutate(anonymous, 'guestSessionResume', TOKENS, { token })

  test('is confirmed by mail once, however often it is heard of', async () => {
    const { id, email } = await somebody()
    const eventId = uuidv7()
    for (let i = 0; i < 2; i++) await hear(placed({ kind: 'user', id }, null), eventId)
    const [mail, ...others] = (await mailsTo(email)).filter(({ subject }) => subject === 'Your order 10007')
    expect(others).toEqual([])
    expect(mail).toMatchObject({ to: email, links: [], text: expect.stringContaining('Total: 29.00 EUR') })
    expect(mail!.html).toContain('2 × Mug &lt;Grey&gt;')
  })

  test('by a guest is confirmed with a link that opens the session again, as often as it is used', async () => {
    const { viewer } = await newGuest()
    const email = newEmail()
    await shop.work()
    const ctx = shop.part('users').ownContext()
    await announce(ctx.db, ctx, OrderPlaced, placed({ kind: 'guest', id: viewer.id }, email))
    const mail = await until(async () => (await mailsTo(email))[0])
    for (let i = 0; i < 2; i++) {
      const { authTokens } = await resume(tokenIn(mail))
      expect(await viewerOf(authTokens.accessToken)).toMatchObject({ kind: 'guest', id: viewer.id })
    }
    await atTime(after(31 * 86_400_000), async () =>
      expect((await resume(tokenIn(mail))).userErrors[0].code).toBe('TOKEN_EXPIRED'),
    )
  })

  test('leaves a link that opens nothing once the guest has an account', async () => {
    const { viewer } = await newGuest()
    const email = newEmail()
    await hear(placed({ kind: 'guest', id: viewer.id }, email))
    const [mail] = await mailsTo(email)
    const { authTokens } = await resume(tokenIn(mail!))
    await register({ email: newEmail(), password: 'password123' }, viewer)
    const notFound = {
      authTokens: null,
      userErrors: [{ __typename: 'InputError', code: 'NOT_FOUND', field: ['input', 'token'] }],
    }
    expect(await resume(tokenIn(mail!))).toEqual(notFound)
    expect(await resume('nonsense')).toEqual(notFound)
    expect((await refresh(authTokens.refreshToken)).userErrors[0].code).toBe('TOKEN_INVALID')
  })
})
