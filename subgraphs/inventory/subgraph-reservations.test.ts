import { eq } from 'drizzle-orm'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { expireReservations } from './reservations.ts'
import { products } from './tables.ts'
import { COMMIT, RELEASE, RESERVE, berlin, hamburg, keeper, openWarehouse } from './test-warehouse.ts'
import { stockProblems } from './stock-problems.ts'

const { shop, db, ownContext, run, stockOf, reserve, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  shop.clock.now = null
  expect(await stockProblems(db)).toEqual([])
})

describe('a reservation', () => {
  test('holds every line and says where and until when', async () => {
    const [shirt, mug] = [await aVariant(), await aVariant(2, 3)]
    shop.clock.now = new Date('2030-01-01T00:00:00.000Z')
    const { stockReservation, isReplay, userErrors } = await reserve([
      [shirt, 3],
      [mug, 5],
    ])
    expect(userErrors).toEqual([])
    expect(isReplay).toBe(false)
    expect(stockReservation).toMatchObject({ status: 'HELD', expiresAt: '2030-01-01T00:15:00.000Z' })
    expect(stockReservation.lines).toHaveLength(3)
    expect(stockReservation.lines).toContainEqual({ quantity: 3, location: { id: berlin }, variant: { id: shirt } })
    expect(stockReservation.lines).toContainEqual({ quantity: 2, location: { id: berlin }, variant: { id: mug } })
    expect(stockReservation.lines).toContainEqual({ quantity: 3, location: { id: hamburg }, variant: { id: mug } })
    expect(await stockOf(mug)).toEqual({ onHand: 5, reserved: 5, committed: 0, available: 0 })
  })

  test('holds nothing when one line cannot be filled, and names all of those', async () => {
    const [plenty, few, none] = [await aVariant(10), await aVariant(2), await aVariant(0)]
    const { stockReservation, userErrors } = await reserve([
      [plenty, 1],
      [few, 3],
      [none, 1],
    ])
    expect(stockReservation).toBeNull()
    expect(userErrors).toEqual([
      { code: 'INSUFFICIENT_STOCK', field: ['input', 'lines', '1'], requested: 3, available: 2, variant: { id: few } },
      { code: 'INSUFFICIENT_STOCK', field: ['input', 'lines', '2'], requested: 1, available: 0, variant: { id: none } },
    ])
    expect(await stockOf(plenty)).toMatchObject({ reserved: 0 })
  })

  test('knows no variant that is unknown, malformed or not for sale', async () => {
    const draft = await aVariant()
    await db.update(products).set({ status: 'DRAFT' }).where(eq(products.id, draft))
    const { userErrors } = await reserve([
      [uuidv7(), 1],
      ['no id', 1],
      [draft, 1],
    ])
    expect(userErrors.map(({ code, field }: { code: string; field: string[] }) => [code, field.join('.')])).toEqual([
      ['NOT_FOUND', 'input.lines.0.variantId'],
      ['NOT_FOUND', 'input.lines.1.variantId'],
      ['NOT_FOUND', 'input.lines.2.variantId'],
    ])
  })

  test('is refused with all problems of the input at once', async () => {
    const { userErrors } = await reserve(
      [
        [uuidv7(), 0],
        [uuidv7(), 1_000_001],
      ],
      { attempt: 0, checkoutId: 'x', ttlSeconds: 0 },
    )
    expect(userErrors.map(({ field }: { field: string[] }) => field.join('.')).toSorted()).toEqual([
      'input.attempt',
      'input.checkoutId',
      'input.lines.0.quantity',
      'input.lines.1.quantity',
      'input.ttlSeconds',
    ])
  })

  test('is made once per key', async () => {
    const shirt = await aVariant()
    const again = { checkoutId: uuidv7(), idempotencyKey: uuidv7() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => reserve([[shirt, 2]], again)))
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(new Set(answers.map(({ stockReservation }) => JSON.stringify(stockReservation))).size).toBe(1)
    expect(await stockOf(shirt)).toMatchObject({ reserved: 2 })
    const other = await reserve([[shirt, 3]], again)
    expect(other.userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_REUSED' }])
  })

  test('is for our own parts only', async () => {
    const input = {
      checkoutId: uuidv7(),
      attempt: 1,
      lines: [{ variantId: uuidv7(), quantity: 1 }],
      idempotencyKey: 'k',
    }
    for (const viewer of [aGuest(), aCustomer(), keeper]) {
      const { errors } = await shop.answer('inventory', viewer, RESERVE, { input })
      expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
    }
  })
})

describe('many at once', () => {
  test('200 buyers of 10 units: exactly 10 get one', async () => {
    const shirt = await aVariant(6, 4)
    const answers = await Promise.all(Array.from({ length: 200 }, () => reserve([[shirt, 1]])))
    expect(answers.filter(({ stockReservation }) => stockReservation)).toHaveLength(10)
    const refused = answers.flatMap(({ userErrors }) => userErrors)
    expect(refused).toHaveLength(190)
    for (const error of refused) expect(error).toMatchObject({ code: 'INSUFFICIENT_STOCK', available: 0 })
    expect(await stockOf(shirt)).toEqual({ onHand: 10, reserved: 10, committed: 0, available: 0 })
  })

  test('carts with the same lines in opposite order do not wait for each other for ever', async () => {
    const [shirt, mug] = [await aVariant(100), await aVariant(100)]
    const carts = Array.from({ length: 40 }, (_, index): [string, number][] =>
      index % 2
        ? [
            [shirt, 1],
            [mug, 1],
          ]
        : [
            [mug, 1],
            [shirt, 1],
          ],
    )
    const answers = await Promise.all(carts.map((lines) => reserve(lines)))
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
    expect(await stockOf(shirt)).toMatchObject({ reserved: 40 })
  })

  test('holds, sales and second thoughts leave the books in order', async () => {
    const shirt = await aVariant(20)
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const checkoutId = uuidv7()
        const { stockReservation } = await reserve([[shirt, 1 + (index % 3)]], { checkoutId })
        if (!stockReservation) return
        if (index % 2) await run(COMMIT, { checkoutId, orderId: uuidv7() })
        if (index % 3) await run(RELEASE, { checkoutId, attempt: 1, reason: 'test' })
      }),
    )
    const { available } = await stockOf(shirt)
    expect(available).toBeGreaterThanOrEqual(0)
  })
})

describe('a sale', () => {
  test('turns the hold into committed units, once per key', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await reserve([[shirt, 4]], { checkoutId })
    const input = { checkoutId, orderId: uuidv7(), idempotencyKey: uuidv7() }
    const [first, second] = [await run(COMMIT, input), await run(COMMIT, input)]
    expect(first).toMatchObject({
      stockReservation: { status: 'COMMITTED', lines: [{ quantity: 4 }] },
      isReplay: false,
    })
    expect(second).toEqual({ ...first, isReplay: true })
    expect(await stockOf(shirt)).toEqual({ onHand: 10, reserved: 0, committed: 4, available: 6 })
  })

  test('of a hold that was swept takes the units again, from wherever they are now', async () => {
    const shirt = await aVariant(4, 4)
    const checkoutId = uuidv7()
    await reserve([[shirt, 4]], { checkoutId, ttlSeconds: 60 })
    shop.clock.now = new Date(Date.now() + 61_000)
    await expireReservations(ownContext())
    await reserve([[shirt, 2]])
    const { stockReservation } = await run(COMMIT, { checkoutId, orderId: uuidv7() })
    expect(stockReservation).toMatchObject({ status: 'COMMITTED', lines: [{ quantity: 4, location: { id: hamburg } }] })
    expect(await stockOf(shirt)).toEqual({ onHand: 8, reserved: 2, committed: 4, available: 2 })
  })

  test('of a swept hold whose units are gone is refused', async () => {
    const shirt = await aVariant(4)
    const checkoutId = uuidv7()
    await reserve([[shirt, 4]], { checkoutId, ttlSeconds: 60 })
    shop.clock.now = new Date(Date.now() + 61_000)
    await expireReservations(ownContext())
    await reserve([[shirt, 2]])
    const { stockReservation, userErrors } = await run(COMMIT, { checkoutId, orderId: uuidv7() })
    expect(stockReservation).toBeNull()
    expect(userErrors).toEqual([{ code: 'INSUFFICIENT_STOCK', field: null, available: 2 }])
  })

  test('of a checkout that holds nothing is not found', async () => {
    const { userErrors } = await run(COMMIT, { checkoutId: uuidv7(), orderId: uuidv7() })
    expect(userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'checkoutId'] }])
  })
})

describe('letting go', () => {
  test('of a hold gives the units back', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await reserve([[shirt, 4]], { checkoutId })
    const { stockReservation } = await run(RELEASE, { checkoutId, attempt: 1, reason: 'declined' })
    expect(stockReservation).toMatchObject({ status: 'RELEASED' })
    expect(await stockOf(shirt)).toMatchObject({ reserved: 0, available: 10 })
    expect(await run(COMMIT, { checkoutId, orderId: uuidv7() })).toMatchObject({
      userErrors: [{ code: 'STATE_TRANSITION', fromState: 'RELEASED', toState: 'COMMITTED' }],
    })
  })

  test('of a sale gives the units back', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await reserve([[shirt, 4]], { checkoutId })
    await run(COMMIT, { checkoutId, orderId: uuidv7() })
    await run(RELEASE, { checkoutId, attempt: 1, reason: 'cancelled' })
    expect(await stockOf(shirt)).toMatchObject({ committed: 0, available: 10 })
  })

  test('before the hold arrived keeps it out for good', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await run(RELEASE, { checkoutId, attempt: 1, reason: 'gave up' })
    const late = await reserve([[shirt, 1]], { checkoutId, attempt: 1 })
    expect(late.stockReservation).toBeNull()
    expect(late.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'RELEASED', toState: 'HELD' }])
    expect(await stockOf(shirt)).toMatchObject({ reserved: 0 })
    const next = await reserve([[shirt, 1]], { checkoutId, attempt: 2 })
    expect(next.stockReservation).toMatchObject({ status: 'HELD' })
  })

  test('at the same time as the hold leaves nothing held', async () => {
    const shirt = await aVariant(20)
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const checkoutId = uuidv7()
        await Promise.all([
          reserve([[shirt, 1]], { checkoutId }),
          run(RELEASE, { checkoutId, attempt: 1, reason: 'race' }),
        ])
      }),
    )
    expect(await stockOf(shirt)).toMatchObject({ reserved: 0, available: 20 })
  })

  test('of a swept hold keeps it from being sold', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await reserve([[shirt, 1]], { checkoutId, ttlSeconds: 1 })
    shop.clock.now = new Date(Date.now() + 2_000)
    await expireReservations(ownContext())
    await run(RELEASE, { checkoutId, attempt: 1, reason: 'expired' })
    expect(await run(COMMIT, { checkoutId, orderId: uuidv7() })).toMatchObject({
      userErrors: [{ code: 'STATE_TRANSITION' }],
    })
  })
})

describe('the statements of a command', () => {
  // What orders asks of a hold that it sells.
  const SELL = `mutation ($input: StockCommitInput!) { stockCommit(input: $input) {
    stockReservation { lines { quantity location { id name } variant { id sku product { id name } } } } userErrors { code }
  } }`
  const bare = (name: string, type: string) =>
    `mutation ($input: ${type}!) { ${name}(input: $input) { stockReservation { status expiresAt } userErrors { code } } }`
  const counted = async (act: () => Promise<unknown>) => (await shop.statements(act)).length

  test('are one each, however many lines there are', async () => {
    const [shirt, mug] = [await aVariant(), await aVariant(2, 3)]
    const lines: [string, number][] = [
      [shirt, 3],
      [mug, 5],
    ]
    const checkoutId = uuidv7()
    expect(await counted(() => reserve(lines, { checkoutId }))).toBe(1)
    expect(
      await counted(() =>
        run(bare('stockReservationExtend', 'StockReservationExtendInput'), { checkoutId, ttlSeconds: 60 }),
      ),
    ).toBe(1)
    expect(await counted(() => run(SELL, { checkoutId, orderId: uuidv7() }))).toBe(1)
    expect(
      await counted(() =>
        run(bare('stockRelease', 'StockReleaseInput'), { checkoutId, attempt: 1, reason: 'cancelled' }),
      ),
    ).toBe(1)
  })

  test('are two when there is too little, and the key was not used before', async () => {
    const shirt = await aVariant(1)
    expect(await counted(() => reserve([[shirt, 2]]))).toBe(2)
  })
})
