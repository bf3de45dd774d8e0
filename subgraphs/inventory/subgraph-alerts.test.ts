import { eq } from 'drizzle-orm'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import postgres from 'postgres'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer } from '../../tests/setup/viewers.ts'
import { until } from '../../tests/setup/until.ts'
import { watchAlerts } from './alerts.ts'
import { tellRestocked } from './back-in-stock.ts'
import { restockWishes } from './customer-tables.ts'
import { settleAlerts } from './low-stock.ts'
import { expireReservations } from './reservations.ts'
import { stockProblems } from './stock-problems.ts'
import { lowStockAlerts, products, variants } from './tables.ts'
import { ADJUST, RELEASE, RESTOCK, berlin, hamburg, keeper, openWarehouse } from './test-warehouse.ts'

const { shop, db, ownContext, run, reserve, aVariant } = await openWarehouse()
const admin = postgres(shop.config.DATABASE_URL!, { max: 1 })
afterAll(async () => {
  await admin.end()
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(await stockProblems(db)).toEqual([])
})

const announcedOf = async (name: string, variantId: string) =>
  (
    await admin`select event from events.outbox where name = ${name}
    and event -> 'data' ->> 'variantId' = ${variantId} order by event_id`
  ).map(({ event }) => event)
const alertsOf = async (variantId: string) =>
  await db.select().from(lowStockAlerts).where(eq(lowStockAlerts.variantId, variantId)).orderBy(lowStockAlerts.raisedAt)

describe('a low-stock alert', () => {
  test('is raised once when the threshold is crossed, by however many at once', async () => {
    const shirt = await aVariant(20)
    await reserve([[shirt, 12]])
    expect(await alertsOf(shirt)).toEqual([])
    await Promise.all(Array.from({ length: 8 }, () => reserve([[shirt, 1]])))
    const alerts = await alertsOf(shirt)
    expect(alerts).toMatchObject([{ locationId: berlin, available: 5, threshold: 5, resolvedAt: null }])
    expect(await announcedOf('LowStockRaised', shirt)).toMatchObject([
      {
        entityId: alerts[0]!.id,
        owner: null,
        data: { variantId: shirt, locationId: berlin, available: 5, threshold: 5 },
      },
    ])
  })

  test('is resolved when it is crossed back, and raised again the next time', async () => {
    const shirt = await aVariant(6)
    const checkoutId = uuidv7()
    await reserve([[shirt, 2]], { checkoutId })
    await run(RELEASE, { checkoutId, attempt: 1, reason: 'test' })
    expect(await alertsOf(shirt)).toMatchObject([{ available: 4, resolvedAt: expect.any(Date) }])
    await run(ADJUST, { changes: [{ variantId: shirt, locationId: berlin, delta: -3 }], reason: 'lost' }, keeper)
    expect(await alertsOf(shirt)).toMatchObject([{}, { available: 3, resolvedAt: null }])
    await run(RESTOCK, { variantId: shirt, locationId: berlin, quantity: 1 }, keeper)
    expect(await alertsOf(shirt)).toMatchObject([{}, { resolvedAt: null }])
  })

  test('is not raised by goods that arrive, few as they may be', async () => {
    expect(await alertsOf(await aVariant(2))).toEqual([])
  })

  test('that a resolution missed is settled', async () => {
    const shirt = await aVariant(9)
    const at = new Date()
    await db
      .insert(lowStockAlerts)
      .values({ variantId: shirt, locationId: berlin, available: 5, threshold: 5, raisedAt: at })
    await settleAlerts(ownContext())
    expect(await alertsOf(shirt)).toMatchObject([{ resolvedAt: expect.any(Date) }])
  })

  test('is listed for staff, and so is what is low', async () => {
    const [shirt, mug] = [await aVariant(6), await aVariant(0, 2)]
    await reserve([[shirt, 5]])
    const LISTS = `query ($open: Boolean, $locationId: ID) {
      lowStockAlerts(open: $open, first: 1) { nodes { variant { id } location { id } available threshold } totalCount }
      lowStockVariants(locationId: $locationId, first: 100) { nodes { id stock { available } } totalCount }
    }`
    const { lowStockAlerts: alerts, lowStockVariants: low } = await shop.ask('inventory', keeper, LISTS, { open: true })
    expect(alerts.nodes).toMatchObject([
      { variant: { id: shirt }, location: { id: berlin }, available: 1, threshold: 5 },
    ])
    const units = low.nodes.map(({ stock }: { stock: { available: number } }) => stock.available)
    expect(units).toEqual(units.toSorted((a: number, b: number) => a - b))
    const ids = (nodes: { id: string }[]) => nodes.map(({ id }) => id)
    expect(ids(low.nodes)).toEqual(expect.arrayContaining([shirt, mug]))
    expect(low.totalCount).toBe(low.nodes.length)
    const there = await shop.ask('inventory', keeper, LISTS, { locationId: hamburg })
    expect(ids(there.lowStockVariants.nodes)).toContain(mug)
    expect(ids(there.lowStockVariants.nodes)).not.toContain(shirt)
    const { errors } = await shop.answer('inventory', aCustomer(), LISTS, {})
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN'])
  })
})

describe('who wants to know when it is back', () => {
  const ASK = `mutation ($input: BackInStockSubscribeInput!) { backInStockSubscribe(input: $input) {
    ok userErrors { code field }
  } }`
  const wish = async (variantId: string, viewer = aCustomer()) =>
    (await shop.ask('inventory', viewer, ASK, { input: { variantId } })).backInStockSubscribe

  test('asks once, for what is there and sold out', async () => {
    const shirt = await aVariant(1)
    const me = aCustomer()
    expect(await wish(shirt, me)).toMatchObject({ ok: false, userErrors: [{ code: 'NOT_APPLICABLE' }] })
    await reserve([[shirt, 1]])
    expect(await wish(shirt, me)).toEqual({ ok: true, userErrors: [] })
    expect(await wish(shirt, me)).toEqual({ ok: true, userErrors: [] })
    expect(await db.$count(restockWishes, eq(restockWishes.variantId, shirt))).toBe(1)
    for (const unknown of [uuidv7(), 'no id']) {
      expect(await wish(unknown)).toMatchObject({ userErrors: [{ code: 'NOT_FOUND', field: ['input', 'variantId'] }] })
    }
  })

  test('is told once per restock, all in one announcement', async () => {
    const shirt = await aVariant(0)
    const [me, you] = [aCustomer(), aCustomer()]
    await Promise.all([wish(shirt, me), wish(shirt, you)])
    await run(RESTOCK, { variantId: shirt, locationId: hamburg, quantity: 3 }, keeper)
    await Promise.all(Array.from({ length: 5 }, () => tellRestocked(ownContext())))
    await run(RESTOCK, { variantId: shirt, locationId: hamburg, quantity: 3 }, keeper)
    const [told, ...more] = await announcedOf('VariantBackInStock', shirt)
    expect(more).toEqual([])
    expect(told).toMatchObject({ entityId: shirt, owner: null, data: { locationId: hamburg, available: 3 } })
    expect(new Set(told.data.userIds)).toEqual(new Set([me.id, you.id]))
  })

  test('is told only once its product is for sale again', async () => {
    const shirt = await aVariant(0)
    const me = aCustomer()
    await wish(shirt, me)
    const become = async (status: 'ACTIVE' | 'ARCHIVED') => {
      const [variant] = await db.select().from(variants).where(eq(variants.id, shirt))
      await db.update(products).set({ status }).where(eq(products.id, variant!.productId))
    }
    await become('ARCHIVED')
    await run(RESTOCK, { variantId: shirt, locationId: hamburg, quantity: 3 }, keeper)
    expect(await announcedOf('VariantBackInStock', shirt)).toEqual([])
    await become('ACTIVE')
    await tellRestocked(ownContext())
    expect(await announcedOf('VariantBackInStock', shirt)).toMatchObject([{ data: { userIds: [me.id] } }])
  })

  test('is told too when a hold expires', async () => {
    const shirt = await aVariant(1)
    await reserve([[shirt, 1]], { ttlSeconds: 60 })
    await wish(shirt)
    await tellRestocked(ownContext())
    expect(await announcedOf('VariantBackInStock', shirt)).toEqual([])
    const later = { ...ownContext(), now: () => new Date(Date.now() + 61_000) }
    await expireReservations(later)
    await tellRestocked(later)
    expect(await announcedOf('VariantBackInStock', shirt)).toHaveLength(1)
  })
})

test('staff who watch hear of an alert as it is raised', async () => {
  const shirt = await aVariant(6)
  await shop.work()
  const raised = await watchAlerts({ ...ownContext(), viewer: keeper })
  const ids: string[] = []
  const reading = (async () => {
    for await (const { variantId } of raised) ids.push(variantId)
  })()
  await reserve([[shirt, 5]])
  await until(async () => ids.includes(shirt))
  await raised.return?.()
  await reading
  expect(ids.filter((id) => id === shirt)).toHaveLength(1)
  const { errors } = (await shop.watch('inventory', aCustomer(), `subscription { lowStockAlertRaised { id } }`).next())
    .value!
  expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
})
