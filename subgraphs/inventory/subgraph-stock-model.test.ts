import * as fc from 'fast-check'
import { and, inArray } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { expireReservations } from './reservations.ts'
import { settleAlerts } from './low-stock.ts'
import { StockModel, type Command } from './stock-model.fixture.ts'
import { available } from './stock.ts'
import { stockProblems } from './stock-problems.ts'
import { lowStockAlerts, stockLevels } from './tables.ts'
import {
  ADJUST,
  COMMIT,
  EXTEND,
  RELEASE,
  RESERVE,
  RESTOCK,
  RETURN,
  SET,
  SHIP,
  THRESHOLD,
  TRANSFER,
  berlin,
  hamburg,
  keeper,
  openWarehouse,
} from './test-warehouse.ts'

const { shop, db, ownContext, run, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** Two variants, two locations, three checkouts with two attempts each: few enough that commands meet. */
async function aWorld() {
  const variants = [await aVariant(5, 3), await aVariant(2, 2)]
  const rows = await levelsOf(variants)
  const ranked = rows.map((row) => ({ ...row, priority: row.locationId === berlin ? 1 : 2 }))
  const model = new StockModel(ranked, THRESHOLD)
  const orders = new Map<string, string>()
  const orderOf = (checkout: string) => orders.get(checkout) ?? orders.set(checkout, uuidv7()).get(checkout)!
  return { variants, model, checkouts: [uuidv7(), uuidv7(), uuidv7()], orderOf }
}
type World = Awaited<ReturnType<typeof aWorld>>

const levelsOf = async (variantIds: readonly string[]) =>
  await db
    .select()
    .from(stockLevels)
    .where(and(inArray(stockLevels.variantId, [...variantIds])))

const alertsOf = async (variantIds: readonly string[]) => {
  const rows = await db
    .select()
    .from(lowStockAlerts)
    .where(inArray(lowStockAlerts.variantId, [...variantIds]))
  return rows.map(({ variantId, locationId, resolvedAt }) => ({ variantId, locationId, isOpen: resolvedAt === null }))
}
const inOrder = (alerts: readonly object[]) => alerts.map((alert) => JSON.stringify(alert)).toSorted()

// Numbers stand for variants, locations and checkouts until there is a world to choose them from.
const one = fc.nat(1)
const units = fc.integer({ min: 1, max: 4 })
// Most commands go for what the model says is there: by chance alone hardly anything would be shipped, let alone returned.
const aim = fc.nat(30)
const plans = {
  restock: fc.record({ variant: one, location: one, quantity: units }),
  adjust: fc.record({
    variant: one,
    location: one,
    delta: fc.integer({ min: -4, max: 4 }).filter((delta) => delta !== 0),
  }),
  set: fc.record({ variant: one, location: one, quantity: fc.nat(8), isStale: fc.boolean() }),
  transfer: fc.record({ variant: one, location: one, quantity: units }),
  reserve: fc.record({
    checkout: fc.nat(2),
    attempt: units.map((n) => 1 + (n % 2)),
    first: fc.nat(4),
    second: fc.nat(3),
  }),
  extend: fc.record({ checkout: fc.nat(2), aim }),
  commit: fc.record({ checkout: fc.nat(2), aim }),
  release: fc.record({ checkout: fc.nat(2), attempt: units.map((n) => 1 + (n % 2)) }),
  sweep: fc.record({}),
  ship: fc.record({ aim, checkout: fc.nat(2), variant: one, location: one, quantity: units }),
  return: fc.record({ aim, checkout: fc.nat(2), variant: one, location: one, quantity: units, restock: fc.boolean() }),
}
const weights: Record<keyof typeof plans, number> = {
  restock: 1,
  adjust: 2,
  set: 1,
  transfer: 2,
  reserve: 6,
  extend: 2,
  commit: 5,
  release: 2,
  sweep: 1,
  ship: 6,
  return: 5,
}
const aPlan = fc.oneof(
  ...Object.entries(plans).map(([name, arbitrary]) => ({
    weight: weights[name as keyof typeof plans],
    arbitrary: (arbitrary as fc.Arbitrary<Record<string, number | boolean>>).map((given) => ({ name, ...given })),
  })),
)
type Plan = { name: string } & Record<string, number | boolean | string>

/** Plans of which each is done. */
const oneOfEach: Plan[] = [
  { name: 'reserve', checkout: 0, attempt: 1, first: 2, second: 1 },
  { name: 'extend', checkout: 0 },
  { name: 'commit', checkout: 0 },
  { name: 'ship', checkout: 0, variant: 0, location: 0, quantity: 2, aim: 1 },
  { name: 'return', checkout: 0, variant: 0, location: 1, quantity: 1, restock: true, aim: 1 },
  { name: 'restock', variant: 1, location: 1, quantity: 4 },
  { name: 'adjust', variant: 1, location: 0, delta: -1 },
  { name: 'set', variant: 0, location: 1, quantity: 7, isStale: false },
  { name: 'transfer', variant: 0, location: 1, quantity: 3 },
  { name: 'release', checkout: 1, attempt: 1 },
  { name: 'sweep' },
]

/** What a command goes for: a hold that can be sold, units of a sale that can be shipped or come back; nothing at times. */
function aimed({ name, aim }: Plan, { holds }: StockModel): object {
  const wanted = holds.flatMap(({ checkout, status, lines }) => {
    if (name === 'extend') return status === 'HELD' ? [{ checkout }] : []
    if (name === 'commit') return status === 'HELD' || status === 'EXPIRED' ? [{ checkout }] : []
    if (status !== 'COMMITTED') return []
    const left = lines.filter(({ quantity, shipped, returned }) =>
      name === 'ship' ? shipped < quantity : returned < shipped,
    )
    return left.map(({ variantId: variant, locationId }) =>
      name === 'ship' ? { checkout, variant, location: locationId } : { checkout, variant },
    )
  })
  return aim === undefined || Number(aim) % 5 === 0 ? {} : (wanted[Number(aim) % wanted.length] ?? {})
}

function commandOf(plan: Plan, { variants, checkouts, model }: World): Command {
  const locations = [berlin, hamburg]
  const { first, second, aim: _aim, ...rest } = plan
  const named = {
    ...rest,
    variant: variants[Number(plan.variant)],
    location: locations[Number(plan.location)],
    checkout: checkouts[Number(plan.checkout)],
    from: locations[Number(plan.location)],
    to: locations[1 - Number(plan.location)],
    lines: [Number(first), Number(second)].flatMap((quantity, index) =>
      quantity > 0 ? [{ variantId: variants[index]!, quantity }] : [],
    ),
    ...aimed(plan, model),
  }
  if (plan.name === 'reserve' && named.lines.length === 0) named.lines.push({ variantId: variants[0]!, quantity: 1 })
  return named as unknown as Command
}

/** Sends a command. @returns the code of its first error, null when it was done. */
async function send(command: Command, { model, orderOf }: World, idempotencyKey = uuidv7()): Promise<string | null> {
  const ask = async (query: string, input: object, isStaff = false) => {
    const keyed = { idempotencyKey, ...input }
    const { userErrors } = isStaff ? await run(query, keyed, keeper) : await run(query, keyed)
    return (userErrors[0]?.code ?? null) as string | null
  }
  switch (command.name) {
    case 'restock': {
      const { variant: variantId, location: locationId, quantity } = command
      return await ask(RESTOCK, { variantId, locationId, quantity }, true)
    }
    case 'adjust': {
      const { variant: variantId, location: locationId, delta } = command
      return await ask(ADJUST, { changes: [{ variantId, locationId, delta }], reason: 'test' }, true)
    }
    case 'set': {
      const { variant: variantId, location: locationId, quantity, isStale } = command
      const changeFromQuantity = model.level(variantId, locationId).onHand + (isStale ? 1 : 0)
      return await ask(
        SET,
        { targets: [{ variantId, locationId, quantity, changeFromQuantity }], reason: 'test' },
        true,
      )
    }
    case 'transfer': {
      const { variant: variantId, from: fromLocationId, to: toLocationId, quantity } = command
      return await ask(TRANSFER, { variantId, fromLocationId, toLocationId, quantity }, true)
    }
    case 'reserve':
      return await ask(RESERVE, { checkoutId: command.checkout, attempt: command.attempt, lines: command.lines })
    case 'extend':
      return await ask(EXTEND, { checkoutId: command.checkout, ttlSeconds: 600 })
    case 'commit':
      return await ask(COMMIT, { checkoutId: command.checkout, orderId: orderOf(command.checkout) })
    case 'release':
      return await ask(RELEASE, { checkoutId: command.checkout, attempt: command.attempt, reason: 'test' })
    case 'sweep':
      await expireReservations({ ...ownContext(), now: () => new Date(Date.now() + 86_400_000) })
      return null
    case 'ship': {
      const { variant: variantId, location: locationId, quantity, checkout } = command
      const lines = [{ variantId, quantity }]
      return await ask(SHIP, { orderId: orderOf(checkout), shipmentId: uuidv7(), locationId, lines })
    }
    case 'return': {
      const { variant: variantId, location: locationId, quantity, checkout, restock } = command
      const lines = [{ variantId, quantity }]
      return await ask(RETURN, { orderId: orderOf(checkout), reference: uuidv7(), locationId, lines, restock })
    }
  }
}

test('any commands one after another come to what the rules say', async () => {
  const done = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.array(aPlan, { minLength: 20, maxLength: 40 }), async (planned) => {
      const world = await aWorld()
      const said: (string | null)[] = []
      const expected: (string | null)[] = []
      for (const plan of planned) {
        const command = commandOf(plan, world)
        said.push(await send(command, world))
        const code = world.model.run(command)
        expected.push(code)
        if (code === null) done.add(command.name)
      }
      expect(said).toEqual(expected)
      const rows = await levelsOf(world.variants)
      for (const { variantId, locationId, onHand, reserved, committed } of rows) {
        expect({ onHand, reserved, committed }).toEqual(
          (({ onHand, reserved, committed }) => ({ onHand, reserved, committed }))(
            world.model.level(variantId, locationId),
          ),
        )
      }
      expect(inOrder(await alertsOf(world.variants))).toEqual(inOrder(world.model.alerts))
      expect(await stockProblems(db)).toEqual([])
    }),
    { numRuns: 25, examples: [[oneOfEach]] },
  )
  // A command that is always refused would be held against nothing.
  expect(done).toEqual(new Set(Object.keys(plans)))
})

test('any commands at once, some sent twice, leave the books in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(aPlan, fc.boolean()), { minLength: 10, maxLength: 40 }), async (planned) => {
      const world = await aWorld()
      const sent = planned.flatMap(([plan, isTwice]) => {
        const command = commandOf(plan, world)
        // As if one came after the other: what later ones go for.
        world.model.run(command)
        const key = uuidv7()
        return Array.from({ length: isTwice ? 2 : 1 }, () => send(command, world, key))
      })
      await Promise.all(sent)
      expect(await stockProblems(db)).toEqual([])
      await settleAlerts(ownContext())
      const open = (await alertsOf(world.variants)).filter(({ isOpen }) => isOpen)
      const low = (await levelsOf(world.variants)).filter((level) => available(level) <= THRESHOLD)
      for (const { variantId, locationId } of open)
        expect(low).toContainEqual(expect.objectContaining({ variantId, locationId }))
    }),
    { numRuns: 15 },
  )
})
