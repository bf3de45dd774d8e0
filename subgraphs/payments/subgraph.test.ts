import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from 'drizzle-orm'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { planFault } from './sandbox.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['payments'])
})
afterAll(() => shop[Symbol.asyncDispose]())

const nextYear = new Date().getUTCFullYear() + 1
const card = { cardNumber: '4242 4242 4242 4242', expiryMonth: 12, expiryYear: nextYear, cvc: '123', holderName: 'Ada' }
const guest = aGuest()
const errors = 'userErrors { __typename code field message }'

const tokenize = async (change: object = {}) =>
  (
    await shop.ask(
      'payments',
      guest,
      `mutation($input: CardTokenizeInput!) { cardTokenize(input: $input) { token last4 brand ${errors} } }`,
      { input: { card: { ...card, ...change } } },
    )
  ).cardTokenize

const shown = 'id kind brand last4 expiryMonth expiryYear holderName isDefault isExpired'
const add = async (viewer: Viewer, token: string, makeDefault?: boolean) =>
  (
    await shop.ask(
      'payments',
      viewer,
      `mutation($input: PaymentMethodAddInput!) { paymentMethodAdd(input: $input) { paymentMethod { ${shown} } ${errors} } }`,
      { input: { token, makeDefault } },
    )
  ).paymentMethodAdd
const addNew = async (viewer: Viewer, makeDefault?: boolean) =>
  (await add(viewer, (await tokenize()).token, makeDefault)).paymentMethod
const setDefault = async (viewer: Viewer, id: string) =>
  (
    await shop.ask(
      'payments',
      viewer,
      `mutation($id: ID!) { paymentMethodSetDefault(input: { id: $id }) { paymentMethod { id isDefault } ${errors} } }`,
      { id },
    )
  ).paymentMethodSetDefault
const remove = async (viewer: Viewer, id: string) =>
  (
    await shop.ask(
      'payments',
      viewer,
      `mutation($id: ID!) { paymentMethodDelete(input: { id: $id }) { deletedId ${errors} } }`,
      { id },
    )
  ).paymentMethodDelete
const cardsOf = async (viewer: Viewer, id: string) =>
  (
    await shop.ask(
      'payments',
      viewer,
      `query($of: [_Any!]!) { _entities(representations: $of) { ... on User { paymentMethods { ${shown} } } } }`,
      { of: [{ __typename: 'User', id }] },
    )
  )._entities[0].paymentMethods
const codes = (payload: { userErrors: { code: string; field: string[] | null }[] }) =>
  payload.userErrors.map(({ code, field }) => [code, field?.join('.') ?? null])

describe('a card as typed in', () => {
  test('becomes a token, for a guest too', async () => {
    const { token, last4, brand, userErrors } = await tokenize()
    expect(userErrors).toEqual([])
    expect(token).toMatch(/^tok_/)
    expect({ last4, brand }).toEqual({ last4: '4242', brand: 'visa' })
  })

  test('is refused with every problem at once, and gives no token', async () => {
    const wrong = {
      cardNumber: '15346781053311236',
      expiryMonth: 0,
      expiryYear: 26,
      cvc: '1',
      holderName: 'x'.repeat(201),
    }
    const answer = await tokenize(wrong)
    expect(answer).toMatchObject({ token: null, last4: null, brand: null })
    expect(codes(answer)).toEqual([
      ['INVALID', 'input.card.cardNumber'],
      ['INVALID', 'input.card.expiryMonth'],
      ['INVALID', 'input.card.expiryYear'],
      ['INVALID', 'input.card.cvc'],
      ['INVALID', 'input.card.holderName'],
    ])
  })

  test('is refused once its month is over', async () => {
    expect(codes(await tokenize({ expiryMonth: 1, expiryYear: 2020 }))).toEqual([['INVALID', 'input.card.expiryYear']])
  })
})

describe('a token', () => {
  test('adds one card: sent again it answers with that card', async () => {
    const ada = aCustomer()
    const { token } = await tokenize()
    const first = await add(ada, token)
    const second = await add(ada, token)
    expect(second).toEqual(first)
    expect(await cardsOf(ada, ada.id)).toHaveLength(1)
  })

  test('sent many times at once adds one card', async () => {
    const ada = aCustomer()
    const { token } = await tokenize()
    const answers = await Promise.all(Array.from({ length: 8 }, () => add(ada, token)))
    expect(new Set(answers.map(({ paymentMethod }) => paymentMethod.id)).size).toBe(1)
    expect(await cardsOf(ada, ada.id)).toHaveLength(1)
  })

  test('is nobody else’s once used, and nothing once its card is deleted', async () => {
    const [ada, bea] = [aCustomer(), aCustomer()]
    const { token } = await tokenize()
    const { paymentMethod } = await add(ada, token)
    expect(codes(await add(bea, token))).toEqual([['TOKEN_INVALID', 'input.token']])
    await remove(ada, paymentMethod.id)
    expect(codes(await add(ada, token))).toEqual([['TOKEN_INVALID', 'input.token']])
  })

  test('that is unknown or empty is refused', async () => {
    const ada = aCustomer()
    expect(codes(await add(ada, 'tok_nonsense'))).toEqual([['TOKEN_INVALID', 'input.token']])
    expect(codes(await add(ada, ''))).toEqual([['INVALID', 'input.token']])
    expect(await cardsOf(ada, ada.id)).toEqual([])
  })

  test('is too old after 15 minutes', async () => {
    const { token } = await tokenize()
    shop.clock.now = new Date(Date.now() + 15 * 60_000)
    const answer = await add(aCustomer(), token).finally(() => (shop.clock.now = null))
    expect(codes(answer)).toEqual([['TOKEN_EXPIRED', 'input.token']])
  })

  test('whose answer was lost on the way can be sent again', async () => {
    const ada = aCustomer()
    const { token } = await tokenize()
    await planFault(shop.part('payments').ownContext(), 'save', 'lost-answer')
    expect(codes(await add(ada, token))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect((await add(ada, token)).paymentMethod).toMatchObject({ last4: '4242' })
    expect(await cardsOf(ada, ada.id)).toHaveLength(1)
  })
})

describe('saved cards', () => {
  test('show what is printed on them, the default first', async () => {
    const ada = aCustomer()
    const first = await addNew(ada)
    const second = await addNew(ada)
    expect(first).toEqual({
      id: first.id,
      kind: 'CARD',
      brand: 'visa',
      last4: '4242',
      expiryMonth: 12,
      expiryYear: nextYear,
      holderName: 'Ada',
      isDefault: true,
      isExpired: false,
    })
    expect(second.isDefault).toBe(false)
    const third = await addNew(ada, true)
    expect((await cardsOf(ada, ada.id)).map(({ id }: { id: string }) => id)).toEqual([third.id, second.id, first.id])
  })

  test('have one default, whoever asks for it at once', async () => {
    const ada = aCustomer()
    const cards = [await addNew(ada), await addNew(ada), await addNew(ada)]
    await Promise.all(cards.map(({ id }) => setDefault(ada, id)))
    const list = await cardsOf(ada, ada.id)
    expect(list.map(({ isDefault }: { isDefault: boolean }) => isDefault)).toEqual([true, false, false])
  })

  test('leave the default to the newest when it is deleted', async () => {
    const ada = aCustomer()
    const first = await addNew(ada)
    await addNew(ada)
    const third = await addNew(ada)
    expect(await remove(ada, first.id)).toEqual({ deletedId: first.id, userErrors: [] })
    expect((await cardsOf(ada, ada.id))[0]).toMatchObject({ id: third.id, isDefault: true })
    expect(codes(await remove(ada, first.id))).toEqual([['NOT_FOUND', 'input.id']])
  })

  test('number 20 at most, also when they are added at once', async () => {
    const ada = aCustomer()
    const tokens = await Promise.all(Array.from({ length: 23 }, async () => (await tokenize()).token))
    const answers = await Promise.all(tokens.map((token) => add(ada, token)))
    expect(answers.flatMap(codes)).toEqual(Array(3).fill(['LIMIT_EXCEEDED', null]))
    expect(await cardsOf(ada, ada.id)).toHaveLength(20)
  })

  test('are their owner’s alone: others see null and cannot touch them', async () => {
    const [ada, bea] = [aCustomer(), aCustomer()]
    const { id } = await addNew(ada)
    for (const other of [bea, guest, staffWith('users:read', 'payments:read'), { kind: 'anonymous' } as const]) {
      expect(await cardsOf(other, ada.id)).toBeNull()
    }
    expect(codes(await setDefault(bea, id))).toEqual([['NOT_FOUND', 'input.id']])
    expect(codes(await remove(bea, id))).toEqual([['NOT_FOUND', 'input.id']])
    expect(codes(await remove(ada, 'no-id'))).toEqual([['NOT_FOUND', 'input.id']])
    const query = 'query($of: [_Any!]!) { _entities(representations: $of) { ... on PaymentMethod { last4 } } }'
    const of = [{ __typename: 'PaymentMethod', id }]
    expect(await shop.ask('payments', bea, query, { of })).toEqual({ _entities: [null] })
    expect(await shop.ask('payments', ada, query, { of })).toEqual({ _entities: [{ last4: '4242' }] })
  })

  test('need an account', async () => {
    const mutation = `mutation { paymentMethodDelete(input: { id: "${uuidv7()}" }) { deletedId } }`
    const { errors: thrown } = await shop.answer('payments', guest, mutation)
    expect(thrown?.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED'])
  })

  test('of many accounts are read in one statement', async () => {
    const ada = aCustomer()
    await addNew(ada)
    const of = [ada.id, ada.id, uuidv7()].map((id) => ({ __typename: 'User', id }))
    const query = 'query($of: [_Any!]!) { _entities(representations: $of) { ... on User { paymentMethods { id } } } }'
    const statements = await shop.statements(() => shop.ask('payments', ada, query, { of }))
    expect(statements).toHaveLength(1)
  })

  test('are kept without number, security code or a readable token', async () => {
    const ada = aCustomer()
    const { token } = await tokenize({ cardNumber: '5555 5555 5555 4444', cvc: '987' })
    await add(ada, token)
    const { db } = shop.part('payments').ownContext()
    const tables = await db.execute<{ name: string }>(
      sql`select table_name as name from information_schema.tables where table_schema = 'payments'`,
    )
    let everything = ''
    for (const { name } of tables) {
      const rows = await db.execute<{ row: string }>(sql.raw(`select t::text as row from payments.${name} t`))
      everything += rows.map(({ row }) => row).join('\n')
    }
    expect(everything).toContain(ada.id)
    expect(everything.replaceAll(' ', '')).not.toMatch(/5555555555554444|4242424242424242/)
    expect(everything).not.toMatch(/[(,]987[,)]/)
    expect(everything).not.toContain(token)
    expect(everything).not.toMatch(/tok_|card_[A-Za-z0-9_-]{20}/)
  })
})

test('the demo shop has a card of Alice’s and the payments of her two orders, also when it is seeded twice', async () => {
  const own = shop.part('payments')
  await own.subgraph.seed!(own.ownContext())
  await own.subgraph.seed!(own.ownContext())
  const alice = { ...aCustomer(), id: demoId('user/alice') }
  expect(await cardsOf(alice, alice.id)).toMatchObject([{ brand: 'visa', last4: '4242', isDefault: true }])
  const query = `query($of: [_Any!]!) { _entities(representations: $of) { ... on Order {
    financialStatus outstanding { amount } payments { id status captured { amount currencyCode } method { last4 } }
  } } }`
  const of = [
    { __typename: 'Order', id: demoId('order/alice-delivered'), total: { amount: '58.80', currencyCode: 'EUR' } },
    { __typename: 'Order', id: demoId('order/alice-in-transit'), total: { amount: '63.40', currencyCode: 'EUR' } },
  ]
  const { _entities: orders } = await shop.ask('payments', alice, query, { of })
  expect(orders).toEqual(
    ['58.80', '63.40'].map((amount, index) => ({
      financialStatus: 'PAID',
      outstanding: { amount: '0.00' },
      payments: [
        {
          id: demoId(`payment/alice-${index === 0 ? 'delivered' : 'in-transit'}`),
          status: 'CAPTURED',
          captured: { amount, currencyCode: 'EUR' },
          method: { last4: '4242' },
        },
      ],
    })),
  )
})
