import { afterEach, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { createLogger } from '#platform/log.ts'
import type { Viewer } from '#platform/viewer.ts'
import { localTransport } from '#platform/transport-local.ts'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT, NOTHING } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const WAITED_MS = 1_500

const { shop, at, our } = await shopForTests()
afterEach(() => holdAtFailpoints(async () => {}))

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const { schema, createContext } = shop.part('orders')
const orders = localTransport({ name: 'orders', schema, createContext, log })

/** Asks as a router does that waits for so long and no longer. */
const asked = (viewer: Viewer, field: string, input: object, selection: string) => {
  const query = `mutation ($input: ${field[0]!.toUpperCase()}${field.slice(1)}Input!) { ${field}(input: $input) { ${selection} } }`
  const deadline = Date.now() + WAITED_MS
  return orders.execute({ viewer, query, variables: { input }, requestId: uuidv7(), deadline })
}

/** Lets nobody past a failpoint before `goOn`. */
function held(point: string) {
  const { promise, resolve: goOn } = Promise.withResolvers<void>()
  holdAtFailpoints(async (reached) => {
    if (reached === point) await promise
  })
  return goOn
}

test('whoever waits for a purchase that takes long is answered in time, and it is finished without them', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  const goOn = held('AUTHORIZE_PAYMENT:before')
  const asking = Date.now()
  const answer = await asked(buyer, 'checkoutComplete', input, 'checkout { status } order { id } userErrors { code }')
  expect(answer).toEqual({
    data: { checkoutComplete: { checkout: { status: 'PROCESSING' }, order: null, userErrors: [] } },
  })
  await until(async () => Date.now() > asking + WAITED_MS)
  goOn()
  // It gives its lease up as soon as it can: nobody has to wait for the end of that.
  const leaseOver = `select 1 from orders.checkouts where id = $1 and lease_until <= now()`
  await until(async () => (await at.sql(leaseOver, input.checkoutId)).length > 0)
  await recoverCheckouts(at.later(0))
  expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
  expect(await at.complete(buyer, input)).toMatchObject({ isReplay: true, checkout: { status: 'COMPLETED' } })
})

test('whoever waits for the end of somebody else’s attempt is answered in time', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  const goOn = held('RESERVE_STOCK:before')
  const first = at.complete(buyer, input)
  await until(async () => (await at.read(buyer, input.checkoutId)).status === 'PROCESSING')
  const again = await asked(buyer, 'checkoutComplete', input, 'checkout { status } isReplay userErrors { code }')
  expect(again).toEqual({
    data: { checkoutComplete: { checkout: { status: 'PROCESSING' }, isReplay: true, userErrors: [] } },
  })
  const { checkoutId } = input
  const calledOff = await asked(buyer, 'checkoutCancel', { checkoutId }, 'checkout { status } userErrors { code }')
  expect(calledOff).toEqual({ data: { checkoutCancel: { checkout: { status: 'PROCESSING' }, userErrors: [] } } })
  goOn()
  await first
  expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
})

test('whoever waits for a cancellation that takes long is answered in time, and it is finished without them', async () => {
  const buyer = aGuest()
  const { id: orderId, checkoutId } = await our.bought(buyer)
  const goOn = held('CANCEL:GIVE_BACK:before')
  const input = { orderId, reason: 'CUSTOMER', idempotencyKey: uuidv7() }
  const answer = await asked(buyer, 'orderCancel', input, 'order { status } userErrors { code }')
  expect(answer).toEqual({ data: { orderCancel: { order: { status: 'CANCELLED' }, userErrors: [] } } })
  goOn()
  await until(async () => (await our.errandsOf(orderId))[0]!.status !== 'RUNNING' || (await our.recover(), false))
  expect(await at.heldFor(checkoutId)).toMatchObject({ holds: [], money: ['REFUNDED'] })
})
