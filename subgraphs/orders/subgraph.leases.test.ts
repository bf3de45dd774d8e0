// Who carries a checkout or an errand on: one process at a time, and no other records anything.
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { onceAt, otherTransaction } from './locking.fixture.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at, our } = await shopForTests()

afterEach(() => holdAtFailpoints(async () => {}))

type Step = { status: string; attempts: number }
const lostCapture = ['capture lost-request', 'lookup lost-request']
const lostRefund = ['refund lost-request', 'lookup lost-request']
const lockCheckout = 'select from orders.checkouts where id = $1 for update'

describe('what a live process carries on', () => {
  test('is taken from it by no recovery: a checkout', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    onceAt('AUTHORIZE_PAYMENT:before', () => recoverCheckouts(at.later(0)))
    const { checkout } = await at.complete(buyer, input)
    expect(checkout.status).toBe('COMPLETED')
    expect(checkout.steps.every(({ attempts }: Step) => attempts <= 1)).toBe(true)
  })

  test('is taken from it by no recovery: an errand', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer)
    onceAt('CANCEL:GIVE_BACK:before', () => our.recover(0))
    expect(await our.cancel(buyer, id)).toMatchObject({ order: { status: 'CANCELLED' } })
    const leases = `select lease_token as token, status from orders.errands where order_id = $1`
    expect(await at.sql(leases, id)).toEqual([{ token: 1, status: 'DONE' }])
  })
})

describe('what another recovery is just taking up', () => {
  test('is not waited for: the next checkout is taken up', async () => {
    const both = [await at.checkoutOf(aGuest()), await at.checkoutOf(aGuest())]
    for (const { buyer, input } of both) {
      await at.planFaults(...lostCapture)
      await at.complete(buyer, input)
    }
    const [first, second] = both.map(({ input }) => input.checkoutId) as [string, string]
    const other = await otherTransaction(shop, lockCheckout, first)
    const recovered = recoverCheckouts(at.later(60))
    try {
      await until(async () => (await at.heldFor(second)).cart === 'CONVERTED', 5_000)
    } finally {
      await other.commit()
    }
    await recovered
    expect(await at.heldFor(first)).toMatchObject({ money: ['AUTHORIZED'] })
    await recoverCheckouts(at.later(60))
    expect(await at.heldFor(first)).toEqual(BOUGHT)
  })

  test('is not waited for: the next errand is taken up', async () => {
    const both = [await our.bought(aGuest()), await our.bought(aGuest())]
    for (const { id } of both) {
      await at.planFaults(...lostRefund)
      await our.cancel(our.staff, id)
    }
    const [first, second] = both.map(({ id }) => id) as [string, string]
    const other = await otherTransaction(shop, 'select from orders.errands where order_id = $1 for update', first)
    const recovered = our.recover()
    try {
      await until(async () => (await our.errandsOf(second))[0]!.status === 'DONE', 5_000)
    } finally {
      await other.commit()
    }
    await recovered
    expect(await our.errandsOf(first)).toMatchObject([{ status: 'RUNNING' }])
    await our.recover()
    expect(await our.errandsOf(first)).toMatchObject([{ status: 'DONE' }])
  })
})

test('a process whose checkout another took over records nothing, though the other is not done', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  const slow = Promise.withResolvers<void>()
  const quick = Promise.withResolvers<void>()
  const reached: string[] = []
  holdAtFailpoints(async (point) => {
    reached.push(point)
    const times = reached.filter((each) => each === point).length
    if (point === 'AUTHORIZE_PAYMENT:effect' && times === 1) await slow.promise
    if (point === 'COMMIT_STOCK:before' && times === 1) await quick.promise
  })
  const completed = at.complete(buyer, input)
  await until(async () => reached.includes('AUTHORIZE_PAYMENT:effect'))
  const recovered = recoverCheckouts(at.later(60))
  await until(async () => reached.includes('COMMIT_STOCK:before'))
  slow.resolve()
  expect(await completed).toMatchObject({ order: null, checkout: { status: 'PROCESSING' }, userErrors: [] })
  expect(await at.heldFor(input.checkoutId)).toMatchObject({ holds: ['HELD'], orders: 0 })
  quick.resolve()
  await recovered
  expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
})

test('a process whose checkout another finished does not note once more that the money was taken', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  onceAt('CAPTURE_PAYMENT:effect', () => recoverCheckouts(at.later(60)))
  const { order } = await at.complete(buyer, input)
  const names = (await at.factsOf(order.id)).map(({ name }) => name)
  expect(names).toEqual(['OrderPlaced', 'OrderReadyToShip'])
  const { timeline } = await our.read(buyer, order.id)
  expect(timeline.nodes.map(({ kind }: { kind: string }) => kind)).toEqual(['PAID', 'PLACED'])
})

test('a process whose errand another took over records nothing, though the other is not done', async () => {
  const buyer = aGuest()
  const { id } = await our.bought(buyer)
  const slow = Promise.withResolvers<void>()
  const quick = Promise.withResolvers<void>()
  const reached: string[] = []
  holdAtFailpoints(async (point) => {
    reached.push(point)
    const times = reached.filter((each) => each === point).length
    if (point === 'CANCEL:CALL_OFF_SHIPMENTS:effect' && times === 1) await slow.promise
    if (point === 'CANCEL:GIVE_BACK:before' && times === 1) await quick.promise
  })
  const cancelled = our.cancel(buyer, id)
  await until(async () => reached.includes('CANCEL:CALL_OFF_SHIPMENTS:effect'))
  const recovered = our.recover()
  await until(async () => reached.includes('CANCEL:GIVE_BACK:before'))
  slow.resolve()
  expect(await cancelled).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
  expect(await our.errandsOf(id)).toMatchObject([{ status: 'RUNNING', step: 1, setbacks: 0 }])
  quick.resolve()
  await recovered
  expect(await our.errandsOf(id)).toMatchObject([{ status: 'DONE', step: 2, setbacks: 0 }])
  expect((await at.factsOf(id)).filter(({ name }) => name === 'OrderCancelled')).toHaveLength(1)
})
