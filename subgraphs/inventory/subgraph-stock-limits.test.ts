import { and, eq } from 'drizzle-orm'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { countRecentSales } from './best-sellers.ts'
import { stockProblems } from './stock-problems.ts'
import { movements, products, stockLevels } from './tables.ts'
import {
  ADJUST,
  COMMIT,
  EXTEND,
  RELEASE,
  RESTOCK,
  RETURN,
  SET,
  SHIP,
  TRANSFER,
  berlin,
  hamburg,
  keeper,
  openWarehouse,
} from './test-warehouse.ts'

const { shop, db, ownContext, run, stockOf, reserve, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(await stockProblems(db)).toEqual([])
})

const MOST = 1_000_000_000
const MILLION = 1_000_000

/** So many more of a variant, as if they had come in many deliveries. */
async function stockUp(variantId: string, locationId: string, quantity: number): Promise<void> {
  const here = and(eq(stockLevels.variantId, variantId), eq(stockLevels.locationId, locationId))
  const [level] = await db.select().from(stockLevels).where(here)
  await db
    .update(stockLevels)
    .set({ onHand: level!.onHand + quantity })
    .where(here)
  await db.insert(movements).values({ variantId, locationId, kind: 'RESTOCK', quantity, at: new Date() })
}

describe('of a variant there are a billion units at most, wherever they are', () => {
  const [here, there] = [{ locationId: berlin }, { locationId: hamburg }]
  const reason = 'counted'
  const commands: [string, string, (variantId: string) => object, (string | number)[]][] = [
    ['restock', RESTOCK, (variantId) => ({ variantId, ...there, quantity: 3 }), ['quantity']],
    [
      'change',
      ADJUST,
      (variantId) => ({ reason, changes: [{ variantId, ...here, delta: 3 }] }),
      ['changes', '0', 'delta'],
    ],
    [
      'count',
      SET,
      (variantId) => ({ reason, targets: [{ variantId, ...there, quantity: 4, changeFromQuantity: 1 }] }),
      ['targets', '0', 'quantity'],
    ],
  ]
  test.each(commands)(
    'a %s that would make it more is refused, at the quantity, and changes nothing',
    async (...given) => {
      const [, command, inputOf, path] = given
      const variantId = await aVariant(1, 1)
      await stockUp(variantId, berlin, MOST - 4)
      const { userErrors } = await run(command, inputOf(variantId), keeper)
      expect(userErrors).toMatchObject([{ code: 'LIMIT_EXCEEDED', field: ['input', ...path] }])
      expect(await stockOf(variantId)).toMatchObject({ onHand: MOST - 2 })
      await stockUp(variantId, berlin, -1)
      expect((await run(command, inputOf(variantId), keeper)).userErrors).toEqual([])
      expect(await stockOf(variantId)).toMatchObject({ onHand: MOST, available: MOST })
    },
  )

  test('changes in several places count together', async () => {
    const variantId = await aVariant(1, 1)
    await stockUp(variantId, berlin, MOST - 3)
    const changes = (delta: number) => [
      { variantId, ...here, delta },
      { variantId, ...there, delta: 1 },
    ]
    const refused = await run(ADJUST, { reason, changes: changes(1) }, keeper)
    expect(refused.userErrors.map(({ field }: { field: string[] }) => field.join('.'))).toEqual([
      'input.changes.0.delta',
      'input.changes.1.delta',
    ])
    expect((await run(ADJUST, { reason, changes: changes(-1) }, keeper)).userErrors).toEqual([])
  })

  test('all of them can be moved', async () => {
    const variantId = await aVariant(1, 1)
    await stockUp(variantId, berlin, MOST - 2)
    const input = { variantId, fromLocationId: berlin, toLocationId: hamburg, quantity: MILLION }
    expect((await run(TRANSFER, input, keeper)).userErrors).toEqual([])
  })

  test('what comes back beyond that is refused, and stays with the customer', async () => {
    const variantId = await aVariant(1, 1)
    const [checkoutId, orderId] = [uuidv7(), uuidv7()]
    await reserve([[variantId, 1]], { checkoutId })
    await run(COMMIT, { checkoutId, orderId })
    const lines = [{ variantId, quantity: 1 }]
    await run(SHIP, { orderId, shipmentId: uuidv7(), locationId: berlin, lines })
    await stockUp(variantId, berlin, MOST - 1)
    const input = { orderId, reference: uuidv7(), locationId: berlin, lines, restock: true }
    expect((await run(RETURN, input)).userErrors).toMatchObject([
      { code: 'LIMIT_EXCEEDED', field: ['input', 'lines', '0', 'quantity'] },
    ])
    await stockUp(variantId, berlin, -1)
    expect((await run(RETURN, input)).userErrors).toEqual([])
  })

  test('a level of more than a million can be counted', async () => {
    const variantId = await aVariant(1)
    await stockUp(variantId, berlin, 3 * MILLION)
    const target = { variantId, ...here, quantity: MILLION + 7, changeFromQuantity: 3 * MILLION + 1 }
    expect((await run(SET, { reason, targets: [target] }, keeper)).userErrors).toEqual([])
  })
})

test('what sold more than can be counted sold that many', async () => {
  const variantId = await aVariant(1)
  const at = new Date()
  const sold = { variantId, locationId: berlin, at, quantity: 2_000_000_000 }
  const kinds = ['RESERVE', 'COMMIT', 'UNCOMMIT', 'RESTOCK'] as const
  const rows = await db
    .insert(movements)
    .values(
      kinds.slice(1, 2).flatMap((kind) => [
        { ...sold, kind },
        { ...sold, kind },
      ]),
    )
    .returning()
  await countRecentSales(ownContext())
  const [product] = await db.select().from(products).where(eq(products.id, variantId))
  expect(product!.soldRecently).toBe(2 ** 31 - 1)
  for (const { id } of rows) await db.delete(movements).where(eq(movements.id, id))
})

describe('an id in capital letters', () => {
  const upper = (id: string) => id.toUpperCase()
  const [BERLIN, HAMBURG] = [upper(berlin), upper(hamburg)]

  test('is the same variant: it is held once', async () => {
    const shirt = await aVariant(10)
    const twice = await reserve([
      [shirt, 1],
      [upper(shirt), 1],
    ])
    expect(twice.userErrors).toMatchObject([{ code: 'INVALID', field: ['input', 'lines'] }])
    const { stockReservation } = await reserve([[upper(shirt), 3]])
    expect(stockReservation.lines).toMatchObject([{ quantity: 3, variant: { id: shirt } }])
    expect(await stockOf(shirt)).toMatchObject({ reserved: 3 })
  })

  test('is the same checkout, order, variant and place to every command', async () => {
    const shirt = await aVariant(10)
    const [checkoutId, orderId] = [uuidv7(), uuidv7()]
    const held = await reserve([[shirt, 3]], { checkoutId: upper(checkoutId) })
    expect(held.stockReservation).toMatchObject({ checkoutId })
    const lines = [{ variantId: upper(shirt), quantity: 1 }]
    const place = { variantId: upper(shirt), locationId: BERLIN }
    const done: [string, object, typeof keeper?][] = [
      [EXTEND, { checkoutId: upper(checkoutId), ttlSeconds: 60 }],
      [COMMIT, { checkoutId: upper(checkoutId), orderId: upper(orderId) }],
      [COMMIT, { checkoutId, orderId }],
      [SHIP, { orderId: upper(orderId), shipmentId: upper(uuidv7()), locationId: BERLIN, lines }],
      [RETURN, { orderId: upper(orderId), reference: upper(uuidv7()), locationId: BERLIN, lines, restock: true }],
      [RESTOCK, { ...place, quantity: 2 }, keeper],
      [ADJUST, { changes: [{ ...place, delta: 1 }], reason: 'found' }, keeper],
      [SET, { targets: [{ ...place, quantity: 20, changeFromQuantity: 13 }], reason: 'found' }, keeper],
      [TRANSFER, { variantId: upper(shirt), fromLocationId: BERLIN, toLocationId: HAMBURG, quantity: 5 }, keeper],
    ]
    for (const [command, input, viewer] of done) expect((await run(command, input, viewer)).userErrors).toEqual([])
    expect(await stockOf(shirt)).toEqual({ onHand: 20, reserved: 0, committed: 2, available: 18 })
    const other = uuidv7()
    await run(RELEASE, { checkoutId: upper(other), attempt: 1, reason: 'late' })
    expect((await reserve([[shirt, 1]], { checkoutId: other })).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION' },
    ])
  })

  test('names the same place once in a command', async () => {
    const variantId = await aVariant(10)
    const changes = [variantId, upper(variantId)].map((id) => ({ variantId: id, locationId: berlin, delta: -1 }))
    const { userErrors } = await run(ADJUST, { changes, reason: 'lost' }, keeper)
    expect(userErrors).toMatchObject([{ code: 'INVALID', field: ['input', 'changes'] }])
  })
})
