import { afterAll, describe, expect, test } from 'vitest'
import { announce } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest, aService } from '../../tests/setup/viewers.ts'
import { GuestClaimed } from '../users/events.ts'
import { reactions } from './reactions.ts'
import { contents, openShop } from './shopping.fixture.ts'

const { shop, mutate, read, create, fill } = await openShop('cart')
afterAll(() => shop[Symbol.asyncDispose]())

describe('a guest who signs in', () => {
  const merge = (guestId: string, userId: string, strategy = 'SUM_QUANTITIES', idempotencyKey = uuidv7()) =>
    mutate(aService('users'), 'cartMerge', { guestId, userId, strategy, idempotencyKey }, 'isReplay')

  test.each([
    ['SUM_QUANTITIES', ['2 tee', '5 mug', '1 bag']],
    ['PREFER_GUEST', ['2 tee', '4 mug', '1 bag']],
    ['PREFER_ACCOUNT', ['2 tee', '1 mug', '1 bag']],
    ['REPLACE_WITH_GUEST', ['4 mug', '1 bag']],
  ])('finds the lines of both carts in the account’s: %s', async (strategy, expected) => {
    const [guest, user] = [aGuest(), aCustomer()]
    const [theirs, own] = [await create(guest), await create(user)]
    await fill(theirs, { mug: 4, bag: 1 })
    await fill(own, { tee: 2, mug: 1 })
    await mutate(guest, 'cartBuyerUpdate', { cartId: theirs, email: 'guest@example.com', note: 'From the guest' })
    await mutate(user, 'cartBuyerUpdate', { cartId: own, note: 'From the account' })
    const key = uuidv7()
    const { cart, isReplay } = await merge(guest.id, user.id, strategy, key)
    expect(cart).toMatchObject({ id: own, buyerEmail: 'guest@example.com', note: 'From the account' })
    expect(contents(cart)).toEqual(expected)
    expect(isReplay).toBe(false)
    const again = await merge(guest.id, user.id, strategy, key)
    expect(again).toMatchObject({ isReplay: true, cart: { id: own } })
    expect(contents(again.cart)).toEqual(expected)
    // The guest's cart is closed and is the account's now.
    expect(await read(guest)).toBeNull()
    expect(await read(user, theirs)).toMatchObject({ status: 'MERGED' })
  })

  test('brings the cart along when the account has none, and the fact after the command changes nothing', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 3 })
    const { cart } = await merge(guest.id, user.id)
    expect(contents(cart)).toEqual(['3 tee'])
    await claim(guest.id, user.id)
    expect(await read(user)).toMatchObject({ id: cart.id, version: cart.version, totalQuantity: 3 })
  })

  test('finds the cart merged by the fact alone when the command was lost, once for each event', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 3 })
    const eventId = uuidv7()
    await claim(guest.id, user.id, eventId)
    expect(contents(await read(user))).toEqual(['3 tee'])
    await fill(await create(guest), { mug: 1 })
    await claim(guest.id, user.id, eventId)
    expect(contents(await read(user))).toEqual(['3 tee'])
  })

  test('finds it merged within moments of the fact being announced', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 1 })
    await shop.work()
    const ctx = shop.part('cart').ownContext()
    const data = { guestId: guest.id, userId: user.id, cartMergeStrategy: 'PREFER_GUEST' as const }
    await announce(ctx.db, ctx, GuestClaimed, { entityId: guest.id, entityVersion: 1, owner: guest, data })
    expect(contents(await until(() => read(user)))).toEqual(['1 tee'])
  })

  test('has none when neither had one', async () => {
    expect(await merge(uuidv7(), uuidv7())).toMatchObject({ cart: null, userErrors: [] })
  })

  test('merges once when sent many times at once', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 2 })
    await fill(await create(user), { tee: 1 })
    await Promise.all(Array.from({ length: 6 }, () => merge(guest.id, user.id)))
    expect(contents(await read(user))).toEqual(['3 tee'])
  })

  async function claim(guestId: string, userId: string, eventId = uuidv7()) {
    const about = { name: 'GuestClaimed', version: 1, occurredAt: new Date().toISOString(), requestId: uuidv7() }
    const data = { guestId, userId, cartMergeStrategy: 'SUM_QUANTITIES' }
    const event = { ...about, eventId, entityId: guestId, entityVersion: 1, owner: null, data }
    const reaction = reactions.find(({ fact }) => fact.name === event.name)!
    await reaction.handle(shop.part('cart').ownContext(), event)
  }
})
