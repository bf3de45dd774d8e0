import { afterAll, describe, expect, test } from 'vitest'
import { announce } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest, aService } from '../../tests/setup/viewers.ts'
import { GuestClaimed } from '../users/events.ts'
import { reactions } from './reactions.ts'
import { contents, openShop } from './shopping.fixture.ts'

const { shop, db, somebodyWaits, mutate, read, create, fill } = await openShop('cart')
afterAll(() => shop[Symbol.asyncDispose]())

/** `['2 tee']` of the lines that a sign-in left out for this reason. */
const linesLeftOut = ({ problems }: Awaited<ReturnType<typeof read>>, why: string): string[] =>
  problems
    .filter(({ reason }: { reason?: string }) => reason === why)
    .map(({ quantity, sku }: { quantity: number; sku: string }) => `${quantity} ${sku}`)

describe('a guest who signs in', () => {
  const merge = (guestId: string, userId: string, strategy = 'SUM_QUANTITIES', idempotencyKey = uuidv7()) =>
    mutate(aService('users'), 'cartMerge', { guestId, userId, strategy, idempotencyKey }, 'isReplay')

  test.each([
    ['SUM_QUANTITIES', ['2 tee', '5 mug', '1 bag'], []],
    ['PREFER_GUEST', ['2 tee', '4 mug', '1 bag'], ['1 mug']],
    ['PREFER_ACCOUNT', ['2 tee', '1 mug', '1 bag'], ['4 mug']],
    ['REPLACE_WITH_GUEST', ['4 mug', '1 bag'], ['2 tee', '1 mug']],
  ])('finds the lines of both carts in the account’s: %s', async (strategy, expected, leftOut) => {
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
    expect(linesLeftOut(cart, 'OTHER_CART_CHOSEN')).toEqual(leftOut)
    expect(cart.problems.at(-1)).toEqual({ __typename: 'BuyerDetailLeftOut', detail: 'NOTE' })
    expect(isReplay).toBe(false)
    const again = await merge(guest.id, user.id, strategy, key)
    expect(again).toMatchObject({ isReplay: true, cart: { id: own } })
    expect(contents(again.cart)).toEqual(expected)
    expect(again.cart.problems).toEqual(cart.problems)
    expect((await read(user)).problems).toEqual(cart.problems)
    // The guest's cart is closed and is the account's now.
    expect(await read(guest)).toBeNull()
    expect(await read(user, theirs)).toMatchObject({ status: 'MERGED' })
  })

  test('finds them in the cart in use, not in a closed one; the carts of others are as they were', async () => {
    const [first, second, user, other] = [aGuest(), aGuest(), aCustomer(), aGuest()]
    await fill(await create(first), { tee: 1 })
    const own = await create(user)
    await fill(await create(second), { mug: 1 })
    await fill(await create(other), { pen: 1 })
    await merge(first.id, user.id)
    expect((await merge(second.id, user.id)).cart.id).toBe(own)
    expect(contents(await read(user))).toEqual(['1 tee', '1 mug'])
    expect(contents(await read(other))).toEqual(['1 pen'])
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
    await claim(guest.id, user.id, undefined, eventId)
    expect(contents(await read(user))).toEqual(['3 tee'])
    await fill(await create(guest), { mug: 1 })
    await claim(guest.id, user.id, undefined, eventId)
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

  test.each(['SUM_QUANTITIES', 'PREFER_GUEST', 'PREFER_ACCOUNT', 'REPLACE_WITH_GUEST'])(
    'is told what a full cart has no place for, by the command and by the fact: %s',
    async (strategy) => {
      for (const how of [merge, claim]) {
        const [guest, user] = [aGuest(), aCustomer()]
        await fill(await create(guest), { tee: 2, ...many('guest', 99) })
        await fill(await create(user), { tee: 2, ...many('own', 98) })
        await how(guest.id, user.id, strategy)
        const cart = await read(user)
        const isReplaced = strategy === 'REPLACE_WITH_GUEST'
        expect(cart.lineCount).toBe(100)
        expect(linesLeftOut(cart, 'CART_FULL')).toEqual(
          isReplaced
            ? []
            : Object.keys(many('guest', 99))
                .slice(1)
                .map((sku) => `1 ${sku}`),
        )
        expect(linesLeftOut(cart, 'OTHER_CART_CHOSEN')).toEqual(
          isReplaced ? Object.keys(many('own', 98)).map((sku) => `1 ${sku}`) : [],
        )
      }
    },
  )

  test('is told the codes that are too many, and what the account’s cart says otherwise of its buyer', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    const [theirs, own] = [await create(guest), await create(user)]
    const codes = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`)
    await mutate(guest, 'cartDiscountCodesSet', { cartId: theirs, codes: ['OWN-1', ...codes('guest', 4)] })
    await mutate(user, 'cartDiscountCodesSet', { cartId: own, codes: codes('own', 8) })
    const address = { line1: 'Kastanienallee 12', city: 'Berlin', countryCode: 'DE' }
    await mutate(guest, 'cartBuyerUpdate', {
      cartId: theirs,
      email: 'same@example.com',
      shippingAddress: address,
      billingAddress: address,
    })
    await mutate(user, 'cartBuyerUpdate', {
      cartId: own,
      email: 'same@example.com',
      shippingAddress: { ...address, city: 'Wien' },
    })
    const { cart } = await merge(guest.id, user.id)
    expect(cart).toMatchObject({ shippingAddress: { city: 'Wien' }, billingAddress: { line1: address.line1 } })
    expect(cart.discountCodes).toHaveLength(10)
    expect(cart.problems).toEqual([
      { __typename: 'DiscountCodeLeftOut', code: 'guest-2' },
      { __typename: 'DiscountCodeLeftOut', code: 'guest-3' },
      { __typename: 'BuyerDetailLeftOut', detail: 'SHIPPING_ADDRESS' },
    ])
  })

  test('is told of each until that part of the cart is changed, also after another sign-in', async () => {
    const user = aCustomer()
    const cartId = await create(user)
    await fill(cartId, { tee: 2, mug: 1 })
    await mutate(user, 'cartBuyerUpdate', { cartId, note: 'From the account' })
    const codes = Array.from({ length: 10 }, (_, index) => `code-${index}`)
    await mutate(user, 'cartDiscountCodesSet', { cartId, codes })
    for (const [lines, code] of [
      [{ tee: 3, mug: 5 }, 'first'],
      [{ mug: 7 }, 'second'],
    ] as const) {
      const guest = aGuest()
      const theirs = await create(guest)
      await fill(theirs, lines)
      await mutate(guest, 'cartBuyerUpdate', { cartId: theirs, note: code })
      await mutate(guest, 'cartDiscountCodesSet', { cartId: theirs, codes: [code] })
      await merge(guest.id, user.id, 'PREFER_ACCOUNT')
    }
    const told = async () =>
      (await read(user)).problems.map(({ __typename, quantity, sku, code, detail }: Record<string, unknown>) =>
        [__typename, quantity, sku, code, detail].filter(Boolean).join(' '),
      )
    const lines = ['LineLeftOut 3 tee', 'LineLeftOut 7 mug']
    const others = ['DiscountCodeLeftOut first', 'DiscountCodeLeftOut second', 'BuyerDetailLeftOut NOTE']
    expect(await told()).toEqual([...lines, ...others])
    await mutate(user, 'cartLinesRemove', { cartId, lineIds: [] })
    expect(await told()).toEqual(others)
    await mutate(user, 'cartDiscountCodesSet', { cartId, codes: [] })
    expect(await told()).toEqual(others.slice(2))
    await mutate(user, 'cartBuyerUpdate', { cartId, note: 'Seen' })
    expect(await told()).toEqual([])
  })

  test('is not told any more of what a later sign-in took over after all', async () => {
    const user = aCustomer()
    await fill(await create(user), { tee: 2, mug: 1, pen: 4 })
    const brought: Record<string, number>[] = [{ bag: 1 }, { tee: 2, pen: 3 }]
    for (const lines of brought) {
      const guest = aGuest()
      await fill(await create(guest), lines)
      await merge(guest.id, user.id, 'REPLACE_WITH_GUEST')
    }
    const cart = await read(user)
    expect(contents(cart).toSorted()).toEqual(['2 tee', '3 pen'])
    expect(linesLeftOut(cart, 'OTHER_CART_CHOSEN').toSorted()).toEqual(['1 bag', '1 mug', '4 pen'])
  })

  test('finds the cart that the fact opens while the command waits for it', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 1 })
    let merging!: ReturnType<typeof merge>
    await db().transaction(async (tx) => {
      await claim(guest.id, user.id, undefined, undefined, tx)
      merging = merge(guest.id, user.id)
      await somebodyWaits()
    })
    const { cart } = await merging
    expect(contents(cart)).toEqual(['1 tee'])
  })

  test.each(['the command', 'the fact'])(
    'sees it where the account’s cart is watched, by %s; the guest’s is watched no more',
    async (way) => {
      const [guest, user] = [aGuest(), aCustomer()]
      const [theirs, own] = [await create(guest), await create(user)]
      await fill(theirs, { tee: 1 })
      const document = 'subscription ($id: ID!) { cartUpdated(cartId: $id) { totalQuantity } }'
      const [watched, over] = [
        shop.watch('cart', user, document, { id: own }),
        shop.watch('cart', guest, document, { id: theirs }),
      ]
      expect((await watched.next()).value.data.cartUpdated).toEqual({ totalQuantity: 0 })
      expect((await over.next()).value.data.cartUpdated).toEqual({ totalQuantity: 1 })
      const [seen, end] = [watched.next(), over.next()]
      await (way === 'the fact' ? claim : merge)(guest.id, user.id)
      expect((await seen).value.data.cartUpdated).toEqual({ totalQuantity: 1 })
      expect((await end).done).toBe(true)
      await watched.return?.()
    },
  )

  const many = (name: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}-${index}`, 1]))

  async function claim(
    guestId: string,
    userId: string,
    strategy = 'SUM_QUANTITIES',
    eventId = uuidv7(),
    within = db(),
  ) {
    const about = { name: 'GuestClaimed', version: 1, occurredAt: new Date().toISOString(), requestId: uuidv7() }
    const data = { guestId, userId, cartMergeStrategy: strategy }
    const event = { ...about, eventId, entityId: guestId, entityVersion: 1, owner: null, data }
    const reaction = reactions.find(({ fact }) => fact.name === event.name)!
    await reaction.handle({ ...shop.part('cart').ownContext(), db: within }, event)
  }
})
