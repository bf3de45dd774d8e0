import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer } from '../../tests/setup/viewers.ts'
import { stockProblems } from './stock-problems.ts'
import {
  ADJUST,
  COMMIT,
  RETURN,
  SET,
  SHIP,
  TRANSFER,
  berlin,
  hamburg,
  keeper,
  openWarehouse,
} from './test-warehouse.ts'

const { shop, db, run, stockOf, reserve, aVariant, aLocation } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(await stockProblems(db)).toEqual([])
})

describe('a count', () => {
  const target = (variantId: string, quantity: number, changeFromQuantity: number) => ({
    variantId,
    locationId: berlin,
    quantity,
    changeFromQuantity,
  })

  test('sets the stock to what is there, once per key', async () => {
    const [shirt, mug] = [await aVariant(10), await aVariant(5)]
    const input = {
      targets: [target(shirt, 7, 10), target(mug, 5, 5)],
      reason: 'stocktaking',
      idempotencyKey: uuidv7(),
    }
    const first = await run(SET, input, keeper)
    expect(first).toMatchObject({
      movements: [{ kind: 'ADJUST', quantity: -3, reason: 'stocktaking', actor: { id: keeper.id } }],
      isReplay: false,
      userErrors: [],
    })
    expect(await run(SET, input, keeper)).toEqual({ ...first, isReplay: true })
    expect(await stockOf(shirt)).toMatchObject({ onHand: 7 })
  })

  test('is refused, whole, where it is not what was read, and where units are promised', async () => {
    const [shirt, mug, hat] = [await aVariant(10), await aVariant(10), await aVariant(10)]
    await reserve([[mug, 8]])
    const targets = [target(shirt, 4, 9), target(mug, 7, 10), target(hat, 1, 10)]
    expect(await run(SET, { targets, reason: 'count' }, keeper)).toMatchObject({
      movements: null,
      userErrors: [
        { code: 'CONFLICT', field: ['input', 'targets', '0', 'changeFromQuantity'] },
        { code: 'INSUFFICIENT_STOCK', field: ['input', 'targets', '1'], requested: 3, available: 2 },
      ],
    })
    expect(await stockOf(hat)).toMatchObject({ onHand: 10 })
  })

  test('of many who read the same is one', async () => {
    const shirt = await aVariant(10)
    const answers = await Promise.all(
      [1, 2, 3, 4].map((units) => run(SET, { targets: [target(shirt, units, 10)], reason: 'count' }, keeper)),
    )
    expect(answers.filter(({ movements }) => movements)).toHaveLength(1)
  })

  test('is refused with all problems at once', async () => {
    const targets = [target('x', -1, 1), target('y', 1, -1)]
    expect(
      (await run(SET, { targets, reason: ' ' }, keeper)).userErrors.map(({ field }: { field: string[] }) =>
        field.join('.'),
      ),
    ).toEqual([
      'input.targets.0.quantity',
      'input.targets.1.changeFromQuantity',
      'input.reason',
      'input.targets.0.variantId',
      'input.targets.1.variantId',
    ])
    const { userErrors } = await run(SET, { targets: [target('x', 1, 1)], reason: 'count' }, keeper)
    expect(userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'targets', '0', 'variantId'] }])
  })
})

describe('a transfer', () => {
  const move = (variantId: string, quantity: number, more: object = {}) =>
    run(TRANSFER, { variantId, fromLocationId: berlin, toLocationId: hamburg, quantity, ...more }, keeper)

  test('moves units that nobody was promised, once per key', async () => {
    const shirt = await aVariant(10, 1)
    await reserve([[shirt, 6]])
    const idempotencyKey = uuidv7()
    const first = await move(shirt, 4, { idempotencyKey })
    expect(first).toMatchObject({
      movements: [
        { kind: 'TRANSFER', quantity: -4, location: { id: berlin } },
        { kind: 'TRANSFER', quantity: 4, location: { id: hamburg } },
      ],
      userErrors: [],
    })
    expect(await move(shirt, 4, { idempotencyKey })).toEqual({ ...first, isReplay: true })
    expect(await move(shirt, 1)).toMatchObject({ userErrors: [{ code: 'INSUFFICIENT_STOCK', available: 0 }] })
    expect(await stockOf(shirt)).toEqual({ onHand: 11, reserved: 6, committed: 0, available: 5 })
  })

  test('needs two locations that are there', async () => {
    const shirt = await aVariant(1)
    expect(await move(shirt, 1, { toLocationId: berlin })).toMatchObject({
      userErrors: [{ code: 'INVALID', field: ['input', 'toLocationId'] }],
    })
    const { userErrors } = await move('x', 1, { fromLocationId: uuidv7(), toLocationId: 'y' })
    expect(userErrors.map(({ field }: { field: string[] }) => field[1])).toEqual([
      'variantId',
      'fromLocationId',
      'toLocationId',
    ])
  })
})

test('what staff book tells all that is wrong with it at once', async () => {
  const shirt = await aVariant(1)
  const change = (locationId: string, delta: number, variantId = shirt) => ({ variantId, locationId, delta })
  const input = {
    changes: [change(berlin, 0), change(uuidv7(), 2_000_000), change('nowhere', 1, 'nothing')],
    reason: ' ',
    idempotencyKey: '',
  }
  const { userErrors } = await run(ADJUST, input, keeper)
  expect(userErrors.map(({ code, field }: { code: string; field: string[] }) => `${code} ${field.join('.')}`)).toEqual([
    'INVALID input.changes.0.delta',
    'INVALID input.changes.1.delta',
    'INVALID input.reason',
    'INVALID input.idempotencyKey',
    'NOT_FOUND input.changes.1.locationId',
    'NOT_FOUND input.changes.2.variantId',
    'NOT_FOUND input.changes.2.locationId',
  ])
})

describe('a return', () => {
  async function aDelivery(quantity: number) {
    const shirt = await aVariant(10)
    const [checkoutId, orderId] = [uuidv7(), uuidv7()]
    await reserve([[shirt, quantity]], { checkoutId })
    await run(COMMIT, { checkoutId, orderId })
    const lines = [{ variantId: shirt, quantity }]
    await run(SHIP, { orderId, shipmentId: uuidv7(), locationId: berlin, lines })
    const bringBack = (units: number, more: object = {}) =>
      run(RETURN, {
        orderId,
        reference: uuidv7(),
        locationId: hamburg,
        lines: [{ variantId: shirt, quantity: units }],
        restock: true,
        ...more,
      })
    return { shirt, bringBack }
  }

  test('brings units back to where they came in, once per key', async () => {
    const { shirt, bringBack } = await aDelivery(3)
    const key = { idempotencyKey: uuidv7(), reference: uuidv7() }
    expect(await bringBack(2, key)).toEqual({ ok: true, isReplay: false, userErrors: [] })
    expect(await bringBack(2, key)).toEqual({ ok: true, isReplay: true, userErrors: [] })
    expect(await stockOf(shirt)).toEqual({ onHand: 9, reserved: 0, committed: 0, available: 9 })
  })

  test('of what cannot be sold again brings nothing into stock, and is counted all the same', async () => {
    const { shirt, bringBack } = await aDelivery(3)
    expect(await bringBack(2, { restock: false })).toMatchObject({ ok: true })
    expect(await bringBack(2)).toMatchObject({
      ok: false,
      userErrors: [{ code: 'STATE_TRANSITION', field: ['input', 'lines', '0', 'quantity'] }],
    })
    expect(await bringBack(1)).toMatchObject({ ok: true })
    expect(await stockOf(shirt)).toMatchObject({ onHand: 8 })
  })

  test('is of what the order had', async () => {
    const { bringBack } = await aDelivery(1)
    expect(await bringBack(1, { orderId: uuidv7() })).toMatchObject({ userErrors: [{ field: ['input', 'orderId'] }] })
    expect(await bringBack(1, { locationId: uuidv7() })).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND', field: ['input', 'locationId'] }],
    })
    const lines = [{ variantId: uuidv7(), quantity: 1 }]
    expect(await bringBack(1, { lines })).toMatchObject({ userErrors: [{ code: 'NOT_FOUND' }] })
  })
})

describe('a location', () => {
  const UPSERT = `mutation ($input: StockLocationUpsertInput!) { stockLocationUpsert(input: $input) {
    stockLocation { id name priority isActive address { city } } userErrors { code field }
  } }`
  const upsert = async (input: object) => (await shop.ask('inventory', keeper, UPSERT, { input })).stockLocationUpsert
  const address = { line1: 'Am Sandtorkai 1', city: 'Bremen', countryCode: 'DE' }

  test('is added, and changed; what is left out stays', async () => {
    const { stockLocation } = await upsert({ name: ' Bremen ', address, priority: 7 })
    expect(stockLocation).toMatchObject({ name: 'Bremen', priority: 7, isActive: true, address: { city: 'Bremen' } })
    const moved = { id: stockLocation.id, name: 'Bremen', address: { ...address, city: 'Kassel' }, isActive: false }
    expect(await upsert(moved)).toMatchObject({
      stockLocation: { priority: 7, isActive: false, address: { city: 'Kassel' } },
      userErrors: [],
    })
  })

  test('has a name of its own', async () => {
    const name = uuidv7()
    await upsert({ name, address })
    expect(await upsert({ name, address })).toMatchObject({
      userErrors: [{ code: 'CONFLICT', field: ['input', 'name'] }],
    })
    expect(await upsert({ id: await aLocation(1, false), name, address })).toMatchObject({
      userErrors: [{ code: 'CONFLICT' }],
    })
    expect(await upsert({ id: uuidv7(), name: 'Ulm', address })).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND', field: ['input', 'id'] }],
    })
  })

  test('is refused with all problems at once, and to customers', async () => {
    const { userErrors } = await upsert({
      name: ' ',
      address: { line1: '', city: 'x', countryCode: 'DE' },
      priority: -1,
    })
    expect(userErrors.map(({ field }: { field: string[] }) => field.join('.'))).toEqual([
      'input.name',
      'input.address.line1',
      'input.priority',
    ])
    const { errors } = await shop.answer('inventory', aCustomer(), UPSERT, { input: { name: 'Ulm', address } })
    expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
  })
})
