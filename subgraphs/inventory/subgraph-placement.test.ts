import * as fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { moveStock } from './stock-levels.ts'
import { allocate, type RankedLevel } from './stock-model.fixture.ts'
import { RESTOCK, berlin, hamburg, keeper, openWarehouse } from './test-warehouse.ts'
import { stockProblems } from './stock-problems.ts'

const { shop, db, run, reserve, aVariant, aLocation } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(await stockProblems(db)).toEqual([])
})

type Held = { quantity: number; location: { id: string }; variant: { id: string } }

test('what is given back while somebody waits for it is theirs', async () => {
  const variantId = await aVariant(1)
  await reserve([[variantId, 1]])
  const [sale] = await meanwhile(
    db,
    (tx) =>
      moveStock(tx, { now: () => new Date(), requestId: uuidv7() }, [
        { variantId, locationId: berlin, quantity: 1, kind: 'RESTOCK' },
      ]),
    () => [reserve([[variantId, 1]])],
  )
  expect(sale!.userErrors).toEqual([])
})

describe('units are taken', () => {
  const placesOf = async (variantId: string, quantity: number) =>
    ((await reserve([[variantId, quantity]])).stockReservation.lines as Held[]).map((line): [string, number] => [
      line.location.id,
      line.quantity,
    ])

  test('from the location of the lowest priority number', async () => {
    expect(await placesOf(await aVariant(9, 9), 4)).toEqual([[berlin, 4]])
  })

  test('from a later location rather than from two', async () => {
    expect(await placesOf(await aVariant(2, 9), 4)).toEqual([[hamburg, 4]])
  })

  test('from several when none has them all', async () => {
    const placed = new Map(await placesOf(await aVariant(2, 3), 4))
    expect(placed).toEqual(
      new Map([
        [berlin, 2],
        [hamburg, 2],
      ]),
    )
  })

  test('exactly as many as asked for, by the rule, whatever lies where', async () => {
    // Two of them are as near: the id decides.
    const priorities = [5, 5, 1]
    const places = await Promise.all(priorities.map((priority) => aLocation(priority)))
    const shelf = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(shelf, fc.integer({ min: 1, max: 15 })), { minLength: 1, maxLength: 3 }),
        async (lines) => {
          const levels: RankedLevel[] = []
          const wanted: [string, number][] = []
          for (const [onHand, quantity] of lines) {
            const variantId = await aVariant(0)
            wanted.push([variantId, quantity])
            for (const [index, locationId] of places.entries()) {
              if (!onHand[index]) continue
              await run(RESTOCK, { variantId, locationId, quantity: onHand[index] }, keeper)
              levels.push({
                variantId,
                locationId,
                priority: priorities[index]!,
                onHand: onHand[index],
                reserved: 0,
                committed: 0,
              })
            }
          }
          const expected = wanted.map(([variantId, quantity]) => allocate({ variantId, quantity }, levels))
          const { stockReservation, userErrors } = await reserve(wanted)
          if (expected.includes(null)) {
            expect(userErrors.map(({ field }: { field: string[] }) => Number(field[2]))).toEqual(
              expected.flatMap((each, index) => (each ? [] : [index])),
            )
            return
          }
          const held = (stockReservation.lines as Held[]).map(({ quantity, location, variant }) => ({
            variantId: variant.id,
            locationId: location.id,
            quantity,
          }))
          expect(new Set(held)).toEqual(new Set(expected.flatMap((each) => each ?? [])))
        },
      ),
      { numRuns: 30 },
    )
  })

  test('never where nothing is sold from', async () => {
    const closed = await aLocation(0, false)
    const shirt = await aVariant(1)
    await run(RESTOCK, { variantId: shirt, locationId: closed, quantity: 9 }, keeper)
    expect((await reserve([[shirt, 2]])).userErrors).toMatchObject([{ code: 'INSUFFICIENT_STOCK', available: 1 }])
  })
})
