import { eq } from 'drizzle-orm'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Db } from '#platform/database.ts'
import { uuidv7 } from '#platform/ids.ts'
import { aService } from '../../tests/setup/viewers.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { expireReservations, releaseStock, reserveStock } from './reservations.ts'
import { returnStock } from './returns.ts'
import { commitStock, shipStock } from './sales.ts'
import { adjustStock } from './stock-changes.ts'
import { stockProblems } from './stock-problems.ts'
import { reservations, stockLevels } from './tables.ts'
import {
  ADJUST,
  COMMIT,
  EXTEND,
  RELEASE,
  RETURN,
  SHIP,
  berlin,
  hamburg,
  keeper,
  openWarehouse,
} from './test-warehouse.ts'

// Two commands of which one has done its work and not committed when the other comes: whatever that one read before it
// waited is out of date.

const { shop, db, ownContext, run, stockOf, reserve, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(await stockProblems(db)).toEqual([])
})

const orders = aService('orders')
const inAnHour = () => new Date(Date.now() + 3_600_000)
const within = (tx: Db) => ({ ...ownContext(), db: tx })
const sweep = (tx: Db = db) => expireReservations({ ...within(tx), now: inAnHour })
const keyed = <T extends object>(input: T) => ({ idempotencyKey: uuidv7(), ...input })
const statusOf = async (checkoutId: string) =>
  (await db.select().from(reservations).where(eq(reservations.checkoutId, checkoutId))).map(({ status }) => status)

const lockingLevels = (variantId: string) => (tx: Db) =>
  tx.select().from(stockLevels).where(eq(stockLevels.variantId, variantId)).for('update')

/** A hold of some of a new variant, ten of which are in Berlin. */
async function aHold(quantity = 1) {
  const variantId = await aVariant(10)
  const checkoutId = uuidv7()
  await reserve([[variantId, quantity]], { checkoutId })
  const orderId = uuidv7()
  const release = { checkoutId, attempt: 1, reason: 'test' }
  return { variantId, checkoutId, orderId, release, commit: { checkoutId, orderId } }
}

/** A sale of some of it. */
async function aSale(quantity = 1) {
  const hold = await aHold(quantity)
  await run(COMMIT, hold.commit)
  const lines = [{ variantId: hold.variantId, quantity }]
  const shipment = { orderId: hold.orderId, shipmentId: uuidv7(), locationId: berlin, lines }
  return { ...hold, lines, shipment }
}

describe('a hold', () => {
  test('that comes while its undo is written is kept out', async () => {
    const variantId = await aVariant()
    const release = { checkoutId: uuidv7(), attempt: 1, reason: 'gave up' }
    const [late] = await meanwhile(
      db,
      (tx) => releaseStock(within(tx), orders, keyed(release)),
      () => [reserve([[variantId, 1]], { checkoutId: release.checkoutId })],
    )
    expect(late.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'RELEASED' }])
  })

  test('that is written while its undo comes is let go of', async () => {
    const variantId = await aVariant()
    const hold = { checkoutId: uuidv7(), attempt: 1, lines: [{ variantId, quantity: 1 }] }
    const [undone] = await meanwhile(
      db,
      (tx) => reserveStock(within(tx), orders, keyed(hold)),
      () => [run(RELEASE, { checkoutId: hold.checkoutId, attempt: 1, reason: 'gave up' })],
    )
    expect(undone).toMatchObject({ stockReservation: { status: 'RELEASED' }, userErrors: [] })
    expect(await stockOf(variantId)).toMatchObject({ reserved: 0 })
  })

  test('of the last unit is refused when somebody is just holding it', async () => {
    const variantId = await aVariant(1)
    const hold = { checkoutId: uuidv7(), attempt: 1, lines: [{ variantId, quantity: 1 }] }
    const [late] = await meanwhile(
      db,
      (tx) => reserveStock(within(tx), orders, keyed(hold)),
      () => [reserve([[variantId, 1]])],
    )
    expect(late.userErrors).toMatchObject([{ code: 'INSUFFICIENT_STOCK', available: 0 }])
  })

  test('that is swept is neither sold twice, nor given back twice, nor held for longer', async () => {
    const [sold, undone, extended] = [await aHold(), await aHold(), await aHold()]
    const [sale, undo, extension] = await meanwhile(db, sweep, () => [
      run(COMMIT, sold.commit),
      run(RELEASE, undone.release),
      run(EXTEND, { checkoutId: extended.checkoutId, ttlSeconds: 60 }),
    ])
    expect(sale).toMatchObject({ stockReservation: { status: 'COMMITTED' }, userErrors: [] })
    expect(undo).toMatchObject({ stockReservation: { status: 'RELEASED' }, userErrors: [] })
    expect(extension.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'EXPIRED' }])
  })

  test('is swept once, and only while it is held', async () => {
    const [held, sold] = [await aHold(), await aSale()]
    await Promise.all([sweep(), sweep(), sweep()])
    expect(await statusOf(held.checkoutId)).toEqual(['EXPIRED'])
    expect(await statusOf(sold.checkoutId)).toEqual(['COMMITTED'])
    const later = await aHold()
    await expireReservations(ownContext())
    expect(await statusOf(later.checkoutId)).toEqual(['HELD'])
  })

  test('that was swept is sold once, however often it is at once', async () => {
    const { commit, variantId } = await aHold(2)
    await sweep()
    // Both have seen it swept when the first of them gets at the units.
    const answers = await meanwhile(db, lockingLevels(variantId), () => [run(COMMIT, commit), run(COMMIT, commit)])
    const sold = { stockReservation: { status: 'COMMITTED', lines: [{ quantity: 2 }] }, userErrors: [] }
    expect(answers).toMatchObject([sold, sold])
    expect(await stockOf(variantId)).toMatchObject({ committed: 2, available: 8 })
  })

  test('is let go of once, under whichever key', async () => {
    const { variantId, release } = await aHold(3)
    for (let times = 0; times < 2; times += 1) {
      expect(await run(RELEASE, release)).toMatchObject({ stockReservation: { status: 'RELEASED' }, userErrors: [] })
    }
    expect(await stockOf(variantId)).toMatchObject({ reserved: 0, available: 10 })
  })

  test('of the newest attempt is the one that is sold and extended', async () => {
    const { variantId, checkoutId, release, commit } = await aHold(3)
    await run(RELEASE, release)
    await reserve([[variantId, 2]], { checkoutId, attempt: 2 })
    expect((await run(EXTEND, { checkoutId, ttlSeconds: 60 })).userErrors).toEqual([])
    expect((await run(COMMIT, commit)).stockReservation).toMatchObject({ lines: [{ quantity: 2 }] })
  })
})

describe('a command is a replay the second time under its key', () => {
  test.each([
    ['extending', EXTEND, async ({ checkoutId }: { checkoutId: string }) => ({ checkoutId, ttlSeconds: 60 })],
    ['letting go', RELEASE, async ({ release }: { release: object }) => release],
    ['letting go of nothing', RELEASE, async () => ({ checkoutId: uuidv7(), attempt: 1, reason: 'early' })],
    ['selling', COMMIT, async ({ commit }: { commit: object }) => commit],
    [
      'selling what was swept',
      COMMIT,
      async ({ commit }: { commit: object }) => {
        await sweep()
        return commit
      },
    ],
  ])('%s', async (_what, command, inputOf) => {
    const input = keyed(await inputOf(await aHold()))
    const first = await run(command, input)
    expect(first).toMatchObject({ isReplay: false, userErrors: [] })
    expect(await run(command, input)).toEqual({ ...first, isReplay: true })
  })
})

describe('a sale', () => {
  test('is of one order', async () => {
    const { commit } = await aSale()
    expect((await run(COMMIT, commit)).userErrors).toEqual([])
    expect((await run(COMMIT, { ...commit, orderId: uuidv7() })).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'COMMITTED' },
    ])
  })

  test('of units from elsewhere is let go of where they are, when it was sold while that came', async () => {
    const variantId = await aVariant(4, 4)
    const checkoutId = uuidv7()
    await reserve([[variantId, 4]], { checkoutId })
    await sweep()
    await reserve([[variantId, 2]])
    const [undone] = await meanwhile(
      db,
      (tx) => commitStock(within(tx), orders, keyed({ checkoutId, orderId: uuidv7() })),
      () => [run(RELEASE, { checkoutId, attempt: 1, reason: 'cancelled' })],
    )
    expect(undone).toMatchObject({ stockReservation: { status: 'RELEASED' }, userErrors: [] })
    expect(await stockOf(variantId)).toMatchObject({ reserved: 2, committed: 0, available: 6 })
  })

  test('that is shipped meanwhile is not let go of', async () => {
    const { shipment, release } = await aSale()
    const [undone] = await meanwhile(
      db,
      (tx) => shipStock(within(tx), orders, keyed(shipment)),
      () => [run(RELEASE, release)],
    )
    expect(undone.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'SHIPPED' }])
  })

  test('that is let go of meanwhile is not shipped', async () => {
    const { shipment, release } = await aSale()
    const [shipped] = await meanwhile(
      db,
      (tx) => releaseStock(within(tx), orders, keyed(release)),
      () => [run(SHIP, shipment)],
    )
    expect(shipped.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'RELEASED' }])
  })

  test('is shipped once by two shipments at once, and comes back once by two returns', async () => {
    const { shipment, lines, orderId } = await aSale(2)
    const [shipped] = await meanwhile(
      db,
      (tx) => shipStock(within(tx), orders, keyed(shipment)),
      () => [run(SHIP, { ...shipment, shipmentId: uuidv7() })],
    )
    expect(shipped.userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    const back = { orderId, reference: uuidv7(), locationId: hamburg, lines, restock: true }
    const [returned] = await meanwhile(
      db,
      (tx) => returnStock(within(tx), orders, keyed(back)),
      () => [run(RETURN, { ...back, reference: uuidv7() })],
    )
    expect(returned.userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
  })
})

test('of two bookings at once both count', async () => {
  const { variantId, release } = await aHold(3)
  const input = { changes: [{ variantId, locationId: berlin, delta: 2 }], reason: 'found' }
  await meanwhile(
    db,
    (tx) => adjustStock({ ...within(tx), viewer: keeper }, keyed(input)),
    () => [run(RELEASE, release)],
  )
  expect(await stockOf(variantId)).toEqual({ onHand: 12, reserved: 0, committed: 0, available: 12 })
})

test('of two corrections at once the later sees what the earlier left', async () => {
  const variantId = await aVariant(4)
  const input = { changes: [{ variantId, locationId: berlin, delta: -3 }], reason: 'lost' }
  const answers = await meanwhile(db, lockingLevels(variantId), () => [
    run(ADJUST, input, keeper),
    run(ADJUST, input, keeper),
  ])
  expect(answers.flatMap(({ userErrors }) => userErrors)).toMatchObject([{ code: 'INSUFFICIENT_STOCK', available: 1 }])
})
