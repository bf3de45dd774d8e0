import { beforeAll, describe, expect, test } from 'vitest'
import type { Guest, User } from '#platform/viewer.ts'
import { Victim } from '../../tests/crash/victim.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { BOUGHT, DECLINED, MUG, NOTHING } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { PIVOT, stepNames, undoNames } from './checkout.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at, our } = await shopForTests()

interface Claimed {
  guest: Guest
  account: User
  checkoutId: string
}

/** Guests whose checkouts died at each of these failpoints, and who signed in before anybody went on with them. */
async function claimedAt(points: readonly string[], card?: string) {
  const claimed = new Map<string, Claimed>()
  await using victim = await Victim.start(shop.config.DATABASE_URL!)
  for (const point of points) {
    const guest = aGuest()
    const { input } = await at.checkoutOf(guest, [[MUG, 1]], card)
    expect(await victim.complete({ viewer: guest, input, points: [point] })).toBe(point)
    claimed.set(point, { guest, account: aCustomer(), checkoutId: input.checkoutId })
  }
  await victim.kill()
  for (const { guest, account } of claimed.values()) {
    const claim = { guestId: guest.id, userId: account.id, cartMergeStrategy: 'SUM_QUANTITIES' }
    await our.hear('GuestClaimed', claim)
    await our.hear('GuestClaimed', claim, undefined, 'payments')
  }
  for (const minutes of [1, 60, 120]) await recoverCheckouts(at.later(minutes))
  return claimed
}

const effects = (names: readonly string[]) => names.map((name) => `${name}:effect`)
const customersOf = (checkoutId: string) =>
  at.sql<{ customer: string }>('select customer from cart.promotion_uses where checkout_id = $1', checkoutId)

beforeAll(async () => {
  const offer = { name: 'Ten off', kind: 'PERCENT_OFF', percentOff: '10', isActive: true }
  await at.mutate('cart', staffWith('promotions:manage'), 'promotionUpsert', offer, 'userErrors { code field }')
})

describe('a guest who signs in between the death of a process and recovery', () => {
  const points = effects(stepNames)
  let claimed: Map<string, Claimed>
  beforeAll(async () => {
    claimed = await claimedAt(points)
  })

  test.each(points)('at %s has the order, which the guest has no more', async (point) => {
    const { guest, account, checkoutId } = claimed.get(point)!
    expect(await at.read(guest, checkoutId)).toBeNull()
    const checkout = await at.read(account, checkoutId)
    expect(checkout).toMatchObject({ status: 'COMPLETED', failure: null })
    expect(await at.heldFor(checkoutId)).toEqual(BOUGHT)
    expect(await at.chargedFor(checkoutId)).toMatchObject({ authorizations: 1 })
    expect(await at.paymentOf(account, checkoutId)).toMatchObject({ status: 'CAPTURED' })
    // The same use, asked for by the same.
    expect(await customersOf(checkoutId)).toEqual([{ customer: expect.stringContaining('buyer@example.com') }])
    const [placed] = await at.factsOf(checkout.order.id)
    // The confirmation goes where the guest wanted it; whose the order is decides whether it has a guest's link.
    const isClaimedFirst = stepNames.findIndex((name) => point.startsWith(name)) <= stepNames.indexOf(PIVOT)
    expect(placed).toMatchObject({
      name: 'OrderPlaced',
      data: { email: 'buyer@example.com' },
      owner: isClaimedFirst ? { kind: 'user', id: account.id } : { kind: 'guest', id: guest.id },
    })
  })
})

test('a guest who signs in just before the order is created has it as an account', async () => {
  const guest = aGuest()
  const account = aCustomer()
  const { input } = await at.checkoutOf(guest)
  holdAtFailpoints(async (point) => {
    if (point !== 'CREATE_ORDER:effect') return
    await our.hear('GuestClaimed', { guestId: guest.id, userId: account.id, cartMergeStrategy: 'SUM_QUANTITIES' })
  })
  await at.complete(guest, input).finally(() => holdAtFailpoints(async () => {}))
  const { order } = await at.read(account, input.checkoutId)
  expect(await our.read(account, order.id)).toMatchObject({ status: 'CONFIRMED' })
  expect((await at.factsOf(order.id)).map(({ owner }) => owner)).toEqual([
    { kind: 'user', id: account.id },
    { kind: 'user', id: account.id },
  ])
})

describe('a guest who signs in while a declined checkout is undone', () => {
  const points = effects(undoNames.slice(1).map((name) => `undo:${name}`))
  let claimed: Map<string, Claimed>
  beforeAll(async () => {
    claimed = await claimedAt(points, DECLINED)
  })

  test.each(points)('at %s can try it again', async (point) => {
    const { account, checkoutId } = claimed.get(point)!
    expect(await at.read(account, checkoutId)).toMatchObject({ status: 'OPEN', failure: { code: 'PAYMENT_DECLINED' } })
    expect(await at.heldFor(checkoutId)).toEqual(NOTHING)
  })
})

test('and all that has to hold holds after all that', async () => {
  expect(await at.broken()).toEqual([])
})
