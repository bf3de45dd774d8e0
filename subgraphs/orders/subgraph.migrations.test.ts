import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { aCustomer } from '../../tests/setup/viewers.ts'
import { MUG } from './buying.fixture.ts'
import { OrderCancelled } from './events.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { shopForTests } from './shop.fixture.ts'

const { at, our } = await shopForTests()

afterEach(() => holdAtFailpoints(async () => {}))

const migration = (name: string) => readFileSync(new URL(`../../drizzle/orders/${name}.sql`, import.meta.url), 'utf8')

test('an order that was being called off in three steps is called off to the end, and that is told', async () => {
  const buyer = aCustomer()
  const { id, checkoutId } = await our.bought(buyer)
  holdAtFailpoints(async (point) => {
    if (point === 'CANCEL:GIVE_BACK:before') throw new Error('The process ends')
  })
  await our.cancel(buyer, id)
  holdAtFailpoints(async () => {})
  // Its money was being given back, or its goods; what came of it was not told yet.
  const told = (await at.factsOf(id)).find(({ name }) => name === 'OrderCancelled')!
  await at.sql(`delete from events.outbox where event_id = $1`, told.eventId)
  await at.sql('update orders.errands set step = 2 where order_id = $1', id)

  const { committed } = await our.stockOf(MUG)
  await at.sql(migration('0005_called-off-in-two-steps'))
  await our.recover()
  expect(await our.errandsOf(id)).toMatchObject([{ kind: 'CANCEL', status: 'DONE' }])
  expect(await our.stockOf(MUG)).toMatchObject({ committed: committed - 2 })
  expect(await at.chargedFor(checkoutId)).toMatchObject({ captured: 0 })
  const facts = (await at.factsOf(id)).filter(({ name }) => name === 'OrderCancelled')
  const { eventId: _, occurredAt: __, requestId: ___, data, ...about } = told
  expect(facts).toMatchObject([about])
  expect(facts[0]!.occurredAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(OrderCancelled.data.parse(facts[0]!.data)).toEqual(data)
})
