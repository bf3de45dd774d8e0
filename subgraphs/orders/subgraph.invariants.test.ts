import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, test } from 'vitest'
import { aGuest } from '../../tests/setup/viewers.ts'
import { DECLINED } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at } = await shopForTests()
let bought: string
beforeAll(async () => {
  const [paid, declined] = [await at.checkoutOf(aGuest()), await at.checkoutOf(aGuest(), undefined, DECLINED)]
  for (const { buyer, input } of [paid, declined]) await at.complete(buyer, input)
  bought = paid.input.checkoutId
})

const command = async () => {
  const child = spawn(process.execPath, ['scripts/check-invariants.ts'], {
    env: { ...process.env, NODE_ENV: 'test', DATABASE_URL: shop.config.DATABASE_URL },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { printed, code: code as number }
}

test('everything holds after a purchase and a refusal, and the command says so', async () => {
  expect(await at.broken()).toEqual([])
  const { printed, code } = await command()
  expect(printed).toMatch(/^ok {6}orders: a cart has one live checkout at most/m)
  expect(printed).toMatch(/ invariants, 0 broken$/m)
  expect(code).toBe(0)
})

test.each([
  [
    'a checkout has one order at most, and has it when and only when it was placed',
    `update orders.orders set checkout_id = null where checkout_id = $1`,
    `update orders.orders o set checkout_id = c.id from orders.checkouts c where c.order_id = o.id and c.id = $1`,
  ],
  [
    'a checkout that failed, or waits to be completed, holds no goods, no money and no cart',
    `update orders.checkouts set status = 'FAILED', placed_at = null where id = $1`,
    `update orders.checkouts set status = 'COMPLETED', placed_at = now() where id = $1`,
  ],
  [
    'a checkout that is over has neither lease nor card, and no step under way',
    `update orders.checkouts set payment_token = 'x' where id = $1`,
    `update orders.checkouts set payment_token = null where id = $1`,
  ],
  [
    'the key that an order was placed with answers with that order',
    `update orders.idempotency_keys k set reply = '{"attempt": 7}' from orders.checkouts c where c.attempt_key = k.key and c.id = $1`,
    `update orders.idempotency_keys k set reply = '{"attempt": 1}' from orders.checkouts c where c.attempt_key = k.key and c.id = $1`,
  ],
  [
    'the lines of an order add up to it',
    `update orders.orders set subtotal_minor = subtotal_minor + 1 where checkout_id = $1`,
    `update orders.orders set subtotal_minor = subtotal_minor - 1 where checkout_id = $1`,
  ],
])('it is told when it does not hold that %s', async (name, spoil, mend) => {
  await at.sql(spoil, bought)
  expect((await at.broken()).map((row) => row.name)).toContain(name)
  await at.sql(mend, bought)
  expect(await at.broken()).toEqual([])
})

test('the command fails, and shows what is wrong', async () => {
  await at.sql(`update orders.orders set discount_minor = discount_minor + 1 where checkout_id = $1`, bought)
  const { printed, code } = await command()
  expect(printed).toMatch(/^BROKEN {2}orders: the lines of an order add up to it\n {10}\{"order_id":/m)
  expect(code).toBe(1)
})
