import { eq } from 'drizzle-orm'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { untilWaiting } from '../../tests/setup/waiting.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { stockProblems } from './stock-problems.ts'
import { stockLevels } from './tables.ts'
import { ADJUST, RELEASE, berlin, hamburg, keeper, openWarehouse } from './test-warehouse.ts'

const { shop, db, run, reserve, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(await stockProblems(db)).toEqual([])
})

describe('nobody waits for ever', () => {
  /** Has `first` wait for the first level, then `second` for it or for what `first` has. */
  async function inTurn(variantId: string, first: () => Promise<unknown>, second: () => Promise<unknown>) {
    let behind: Promise<unknown> | undefined
    const [ahead] = await meanwhile(
      db,
      (tx) => tx.select().from(stockLevels).where(eq(stockLevels.variantId, variantId)).for('update'),
      () => [first()],
      async () => {
        behind = second()
        await untilWaiting(db, 2)
      },
    )
    return [ahead, await behind]
  }
  // The levels stand in the table in the opposite order of their ids.
  async function manyVariants(count: number) {
    const ids: string[] = []
    for (let made = 0; made < count; made += 1) ids.push(await aVariant(0))
    for (const variantId of ids.toReversed())
      await run(ADJUST, { changes: [{ variantId, locationId: berlin, delta: 9 }], reason: 'test' }, keeper)
    return ids
  }
  const done = { userErrors: [] }

  test('who holds and who lets go of the same checkout', async () => {
    const [variantId, checkoutId] = [await aVariant(10), uuidv7()]
    await reserve([[variantId, 1]], { checkoutId })
    const [held, undone] = await inTurn(
      variantId,
      () => reserve([[variantId, 1]], { checkoutId }),
      () => run(RELEASE, { checkoutId, attempt: 1, reason: 'test' }),
    )
    expect(held).toMatchObject({ userErrors: [{ code: 'STATE_TRANSITION' }] })
    expect(undone).toMatchObject(done)
  })

  test('who holds and who corrects the same variants', async () => {
    const ids = await manyVariants(3)
    const changes = ids.map((variantId) => ({ variantId, locationId: berlin, delta: 1 }))
    const answers = await inTurn(
      ids[0]!,
      () => reserve(ids.map((id) => [id, 1])),
      () => run(ADJUST, { changes, reason: 'found' }, keeper),
    )
    expect(answers).toMatchObject([done, done])
  })

  test('who corrects and who holds the same variants', async () => {
    for (let round = 0; round < 3; round += 1) {
      const ids = await manyVariants(6)
      const changes = ids.map((variantId) => ({ variantId, locationId: berlin, delta: 1 }))
      const answers = await inTurn(
        ids[0]!,
        () => run(ADJUST, { changes, reason: 'found' }, keeper),
        () => reserve(ids.toReversed().map((id) => [id, 1])),
      )
      expect(answers).toMatchObject([done, done])
    }
  })

  test('who holds and who lets go of the same variants', async () => {
    for (let round = 0; round < 3; round += 1) {
      const ids = await manyVariants(6)
      const checkoutId = uuidv7()
      await reserve(
        ids.map((id) => [id, 1]),
        { checkoutId },
      )
      const answers = await inTurn(
        ids[0]!,
        () => reserve(ids.map((id) => [id, 1])),
        () => run(RELEASE, { checkoutId, attempt: 1, reason: 'test' }),
      )
      expect(answers).toMatchObject([done, done])
    }
  })

  test('who opens the same levels', async () => {
    const [one, middle, two] = [await aVariant(0), await aVariant(0), await aVariant(0)]
    const open = (...ids: (string | undefined)[]) =>
      run(
        ADJUST,
        { changes: ids.map((variantId) => ({ variantId, locationId: hamburg, delta: 1 })), reason: 'x' },
        keeper,
      )
    const answers = await meanwhile(
      db,
      (tx) => tx.insert(stockLevels).values({ variantId: middle, locationId: hamburg }),
      () => [open(one, middle, two), open(two, middle, one)],
    )
    expect(answers).toMatchObject([done, done])
  })
})
