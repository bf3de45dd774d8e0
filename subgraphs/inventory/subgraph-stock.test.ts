import { and, eq, inArray } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { demoLocations } from './demo-stock.ts'
import { expireReservations } from './reservations.ts'
import { stockProblems } from './stock-problems.ts'
import { locations, movements, products, stockLevels, variants } from './tables.ts'
import { watchAvailability } from './variants.ts'

let shop: Parts
let berlin: string
let hamburg: string
beforeAll(async () => {
  shop = await openParts(['inventory'])
  const rows = await db().insert(locations).values(demoLocations(new Date())).returning()
  berlin = rows[0]!.id
  hamburg = rows[1]!.id
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  shop.clock.now = null
  expect(await stockProblems(db())).toEqual([])
})

const db = () => shop.part('inventory').ownContext().db
const orders = aService('orders')
const keeper = staffWith('inventory:read', 'inventory:manage')

const RESERVE = `mutation ($input: StockReserveInput!) { stockReserve(input: $input) {
  stockReservation { checkoutId status expiresAt lines { quantity location { id } variant { id } } } isReplay
  userErrors { code field ... on InsufficientStockError { requested available variant { id } }
    ... on StateTransitionError { fromState toState } }
} }`
const command = (name: string, type: string) => `mutation ($input: ${type}!) { ${name}(input: $input) {
  stockReservation { status lines { quantity location { id } } } isReplay
  userErrors { code field ... on StateTransitionError { fromState toState } ... on InsufficientStockError { available } }
} }`
const COMMIT = command('stockCommit', 'StockCommitInput')
const RELEASE = command('stockRelease', 'StockReleaseInput')
const EXTEND = command('stockReservationExtend', 'StockReservationExtendInput')
const SHIP = `mutation ($input: StockShipInput!) { stockShip(input: $input) {
  ok isReplay userErrors { code field ... on StateTransitionError { fromState } }
} }`
const RESTOCK = `mutation ($input: StockRestockInput!) { stockRestock(input: $input) {
  productVariant { id stock { onHand available } } stockMovement { kind quantity reason actor { id } location { id } }
  isReplay userErrors { code field }
} }`
const ADJUST = `mutation ($input: StockAdjustInput!) { stockAdjust(input: $input) {
  movements { kind quantity } isReplay
  userErrors { code field ... on InsufficientStockError { requested available variant { id } } }
} }`
const STOCK = `query ($id: ID) { productVariant(id: $id) { stock { onHand reserved committed available } } }`

const run = async (query: string, input: object, viewer: Parameters<Parts['ask']>[1] = orders) =>
  Object.values(await shop.ask('inventory', viewer, query, { input: { idempotencyKey: uuidv7(), ...input } }))[0]

/** A variant for sale with units in Berlin and Hamburg. */
async function aVariant(inBerlin = 10, inHamburg = 0): Promise<string> {
  const at = new Date()
  const id = uuidv7()
  const times = { createdAt: at, updatedAt: at }
  await db()
    .insert(products)
    .values({
      id,
      slug: id,
      name: 'Shirt',
      tags: [],
      status: 'ACTIVE',
      media: [],
      options: [],
      attributes: [],
      ...times,
    })
  await db()
    .insert(variants)
    .values({
      id,
      productId: id,
      sku: id,
      title: 'Blue',
      position: 0,
      selectedOptions: [],
      priceMinor: 1000,
      taxCategory: 'standard',
      weightGrams: 1,
      maxOrderQuantity: 100,
      lowStockThreshold: 5,
      ...times,
    })
  if (inBerlin) await run(RESTOCK, { variantId: id, locationId: berlin, quantity: inBerlin }, keeper)
  if (inHamburg) await run(RESTOCK, { variantId: id, locationId: hamburg, quantity: inHamburg }, keeper)
  return id
}

const availabilityNow = async (id: string): Promise<string> =>
  (await shop.ask('inventory', aGuest(), `query ($id: ID) { productVariant(id: $id) { availability } }`, { id }))
    .productVariant.availability
const stockOf = async (id: string) => (await shop.ask('inventory', keeper, STOCK, { id })).productVariant.stock
const reserve = (lines: [string, number][], more: object = {}) =>
  run(RESERVE, {
    checkoutId: uuidv7(),
    attempt: 1,
    lines: lines.map(([variantId, quantity]) => ({ variantId, quantity })),
    ...more,
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
    await db().update(products).set({ status: 'DRAFT' }).where(eq(products.id, draft))
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
  test('50 buyers of 10 units: exactly 10 get one', async () => {
    const shirt = await aVariant(6, 4)
    const answers = await Promise.all(Array.from({ length: 50 }, () => reserve([[shirt, 1]])))
    expect(answers.filter(({ stockReservation }) => stockReservation)).toHaveLength(10)
    const refused = answers.flatMap(({ userErrors }) => userErrors)
    expect(refused).toHaveLength(40)
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
    await expireReservations(shop.part('inventory').ownContext())
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
    await expireReservations(shop.part('inventory').ownContext())
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
    await expireReservations(shop.part('inventory').ownContext())
    await run(RELEASE, { checkoutId, attempt: 1, reason: 'expired' })
    expect(await run(COMMIT, { checkoutId, orderId: uuidv7() })).toMatchObject({
      userErrors: [{ code: 'STATE_TRANSITION' }],
    })
  })
})

describe('the sweeper', () => {
  test('takes back what was held too long, once, and leaves the rest', async () => {
    const shirt = await aVariant()
    const longer = uuidv7()
    await reserve([[shirt, 2]], { ttlSeconds: 60 })
    await reserve([[shirt, 3]], { checkoutId: longer, ttlSeconds: 60 })
    expect(await run(EXTEND, { checkoutId: longer, ttlSeconds: 600 })).toMatchObject({ userErrors: [] })
    shop.clock.now = new Date(Date.now() + 61_000)
    const ctx = shop.part('inventory').ownContext()
    await Promise.all([expireReservations(ctx), expireReservations(ctx), expireReservations(ctx)])
    expect(await stockOf(shirt)).toEqual({ onHand: 10, reserved: 3, committed: 0, available: 7 })
  })

  test('leaves nothing to extend', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await reserve([[shirt, 2]], { checkoutId, ttlSeconds: 60 })
    shop.clock.now = new Date(Date.now() + 61_000)
    await expireReservations(shop.part('inventory').ownContext())
    const { userErrors } = await run(EXTEND, { checkoutId, ttlSeconds: 600 })
    expect(userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'EXPIRED' }])
  })

  test('and a sale at the same moment: one of them wins', async () => {
    const shirt = await aVariant(20)
    const checkouts = Array.from({ length: 10 }, () => uuidv7())
    for (const checkoutId of checkouts) await reserve([[shirt, 1]], { checkoutId, ttlSeconds: 60 })
    shop.clock.now = new Date(Date.now() + 61_000)
    const ctx = shop.part('inventory').ownContext()
    await Promise.all([
      expireReservations(ctx),
      ...checkouts.map((checkoutId) => run(COMMIT, { checkoutId, orderId: uuidv7() })),
    ])
    expect(await stockOf(shirt)).toEqual({ onHand: 20, reserved: 0, committed: 10, available: 10 })
  })
})

describe('a shipment', () => {
  async function aSale(quantity: number) {
    const shirt = await aVariant()
    const [checkoutId, orderId] = [uuidv7(), uuidv7()]
    await reserve([[shirt, quantity]], { checkoutId })
    await run(COMMIT, { checkoutId, orderId })
    const ship = (units: number, more: object = {}) =>
      run(SHIP, {
        orderId,
        shipmentId: uuidv7(),
        locationId: berlin,
        lines: [{ variantId: shirt, quantity: units }],
        ...more,
      })
    return { shirt, checkoutId, ship }
  }

  test('takes units of the sale out, once per key', async () => {
    const { shirt, ship } = await aSale(3)
    const key = { shipmentId: uuidv7(), idempotencyKey: uuidv7() }
    expect(await ship(2, key)).toEqual({ ok: true, isReplay: false, userErrors: [] })
    expect(await ship(2, key)).toEqual({ ok: true, isReplay: true, userErrors: [] })
    expect(await stockOf(shirt)).toEqual({ onHand: 8, reserved: 0, committed: 1, available: 7 })
  })

  test('takes no more than was sold, and only from where it was', async () => {
    const { shirt, ship } = await aSale(3)
    await ship(2)
    expect(await ship(2)).toMatchObject({ ok: false, userErrors: [{ code: 'STATE_TRANSITION', fromState: 'SHIPPED' }] })
    expect(await ship(1, { locationId: hamburg })).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND', field: ['input', 'lines', '0', 'variantId'] }],
    })
    expect(await ship(1, { orderId: uuidv7() })).toMatchObject({ userErrors: [{ field: ['input', 'orderId'] }] })
    expect(await stockOf(shirt)).toMatchObject({ onHand: 8, committed: 1 })
  })

  test('cannot be undone by letting go of the sale', async () => {
    const { shirt, checkoutId, ship } = await aSale(3)
    await ship(1)
    const { userErrors } = await run(RELEASE, { checkoutId, attempt: 1, reason: 'cancelled' })
    expect(userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'SHIPPED' }])
    expect(await stockOf(shirt)).toMatchObject({ committed: 2 })
  })
})

describe('staff', () => {
  test('book in goods, once per key, with a row in the ledger', async () => {
    const shirt = await aVariant(0)
    const input = { variantId: shirt, locationId: hamburg, quantity: 7, reason: 'LS 4711', idempotencyKey: uuidv7() }
    const first = await run(RESTOCK, input, keeper)
    expect(first).toEqual({
      productVariant: { id: shirt, stock: { onHand: 7, available: 7 } },
      stockMovement: {
        kind: 'RESTOCK',
        quantity: 7,
        reason: 'LS 4711',
        actor: { id: keeper.id },
        location: { id: hamburg },
      },
      isReplay: false,
      userErrors: [],
    })
    expect(await run(RESTOCK, input, keeper)).toEqual({ ...first, isReplay: true })
    expect(await db().$count(movements, eq(movements.variantId, shirt))).toBe(1)
  })

  test('are told all that is wrong with a delivery', async () => {
    const unknown = await run(RESTOCK, { variantId: 'x', locationId: uuidv7(), quantity: 1 }, keeper)
    expect(unknown.userErrors).toEqual([
      { code: 'NOT_FOUND', field: ['input', 'variantId'] },
      { code: 'NOT_FOUND', field: ['input', 'locationId'] },
    ])
    const malformed = await run(
      RESTOCK,
      { variantId: 'x', locationId: 'y', quantity: 0, reason: 'x'.repeat(501) },
      keeper,
    )
    expect(malformed.userErrors).toEqual([
      { code: 'INVALID', field: ['input', 'quantity'] },
      { code: 'INVALID', field: ['input', 'reason'] },
    ])
  })

  test('correct counts, all of them or none, never below what is promised', async () => {
    const [shirt, mug] = [await aVariant(10), await aVariant(10)]
    await reserve([[mug, 8]])
    const changes = [
      { variantId: shirt, locationId: berlin, delta: -3 },
      { variantId: mug, locationId: berlin, delta: -3 },
    ]
    const refused = await run(ADJUST, { changes, reason: 'breakage' }, keeper)
    expect(refused).toMatchObject({
      movements: null,
      userErrors: [
        {
          code: 'INSUFFICIENT_STOCK',
          field: ['input', 'changes', '1'],
          requested: 3,
          available: 2,
          variant: { id: mug },
        },
      ],
    })
    expect(await stockOf(shirt)).toMatchObject({ onHand: 10 })
    changes[1]!.delta = 2
    expect(await run(ADJUST, { changes, reason: 'recount' }, keeper)).toMatchObject({
      movements: [
        { kind: 'ADJUST', quantity: -3 },
        { kind: 'ADJUST', quantity: 2 },
      ],
      userErrors: [],
    })
    expect(await stockOf(mug)).toMatchObject({ onHand: 12, available: 4 })
  })

  test('need the right to', async () => {
    const input = { variantId: uuidv7(), locationId: berlin, quantity: 1, idempotencyKey: 'k' }
    for (const [viewer, code] of [
      [aCustomer(), 'FORBIDDEN'],
      [staffWith('inventory:read'), 'FORBIDDEN'],
      [aGuest(), 'UNAUTHENTICATED'],
    ] as const) {
      const { errors } = await shop.answer('inventory', viewer, RESTOCK, { input })
      expect(errors?.[0]?.extensions?.code).toBe(code)
    }
  })

  test('read the ledger, newest first, narrowed as they like', async () => {
    const shirt = await aVariant(5, 5)
    await reserve([[shirt, 6]])
    const LEDGER = `query ($variantId: ID, $kind: StockMovementKind) {
      stockMovements(variantId: $variantId, kind: $kind, first: 3) { nodes { kind quantity variant { id } } totalCount }
    }`
    const { stockMovements } = await shop.ask('inventory', keeper, LEDGER, { variantId: shirt })
    expect(stockMovements.totalCount).toBe(4)
    expect(stockMovements.nodes[0]).toMatchObject({ kind: 'RESERVE', variant: { id: shirt } })
    const held = await shop.ask('inventory', keeper, LEDGER, { variantId: shirt, kind: 'RESTOCK' })
    expect(held.stockMovements.nodes).toHaveLength(2)
    const { errors } = await shop.answer('inventory', aCustomer(), LEDGER, {})
    expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
  })
})

describe('whoever watches variants', () => {
  const WATCH = `subscription ($ids: [ID!]!) { stockAvailabilityChanged(variantIds: $ids) { id availability } }`

  test('is told when one can be bought no more or again, and not of every unit', async () => {
    const shirt = await aVariant(8)
    const changes = await watchAvailability(shop.part('inventory').ownContext(), [shirt, 'no id', uuidv7()])
    const told: string[] = []
    const reading = (async () => {
      for await (const { id } of changes) told.push(await availabilityNow(id))
    })()
    await reserve([[shirt, 1]])
    await reserve([[shirt, 2]])
    await until(async () => told.length === 1)
    await reserve([[shirt, 1]])
    await reserve([[shirt, 4]])
    await until(async () => told.length === 2)
    await run(RESTOCK, { variantId: shirt, locationId: berlin, quantity: 100 }, keeper)
    await until(async () => told.length === 3)
    await changes.return?.()
    await reading
    expect(told).toEqual(['LOW_STOCK', 'OUT_OF_STOCK', 'IN_STOCK'])
  })

  test('hears of it through the API', async () => {
    const shirt = await aVariant(8)
    const watching = shop.watch('inventory', aGuest(), WATCH, { ids: [shirt] })
    const first = watching.next()
    const isOver = first.then(() => true)
    let delta = -8
    // Nothing says when a subscription stands: the shirt is sold out and back until somebody hears of it.
    await until(async () => {
      await run(ADJUST, { changes: [{ variantId: shirt, locationId: berlin, delta }], reason: 'test' }, keeper)
      delta = -delta
      return await Promise.race([isOver, new Promise<false>((resolve) => setTimeout(() => resolve(false), 20))])
    })
    expect((await first).value.data.stockAvailabilityChanged).toMatchObject({ id: shirt })
    await watching.return?.()
  })

  test('names 1 to 100 of them', async () => {
    const { errors } = (await shop.watch('inventory', aGuest(), WATCH, { ids: [] }).next()).value!
    expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT')
  })
})

test('stock levels never go below what is promised, even when a program tries', async () => {
  const shirt = await aVariant(2)
  await reserve([[shirt, 2]])
  const mine = and(eq(stockLevels.variantId, shirt), inArray(stockLevels.locationId, [berlin]))
  await expect(db().update(stockLevels).set({ onHand: 1 }).where(mine)).rejects.toThrow()
})
