import { and, eq, inArray } from 'drizzle-orm'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { until } from '../../tests/setup/until.ts'
import { movements, stockLevels } from './tables.ts'
import { ADJUST, COMMIT, RELEASE, RESTOCK, SHIP, berlin, hamburg, keeper, openWarehouse } from './test-warehouse.ts'
import { watchAvailability } from './variants.ts'
import { stockProblems } from './stock-problems.ts'

const { shop, db, ownContext, run, stockOf, reserve, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  shop.clock.now = null
  expect(await stockProblems(db)).toEqual([])
})

const availabilityNow = async (id: string): Promise<string> =>
  (await shop.ask('inventory', aGuest(), `query ($id: ID) { productVariant(id: $id) { availability } }`, { id }))
    .productVariant.availability

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
    expect(await db.$count(movements, eq(movements.variantId, shirt))).toBe(1)
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
      { code: 'NOT_FOUND', field: ['input', 'variantId'] },
      { code: 'NOT_FOUND', field: ['input', 'locationId'] },
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
    const changes = await watchAvailability(ownContext(), [shirt, 'no id', uuidv7()])
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
  await expect(db.update(stockLevels).set({ onHand: 1 }).where(mine)).rejects.toThrow()
})
