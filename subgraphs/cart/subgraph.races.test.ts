import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest, aService } from '../../tests/setup/viewers.ts'
import { abandonCarts } from './carts.ts'
import { contents, openShop } from './shopping.fixture.ts'
import { cartLines, carts } from './tables.ts'

const { shop, db, somebodyWaits, mutate, read, create, fill } = await openShop('cart')
afterAll(() => shop[Symbol.asyncDispose]())

describe('two who change a cart at once', () => {
  test('a line that is taken out is not set any more', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    await fill(cartId, { tee: 1 })
    const lines = [{ lineId: (await read(viewer)).lines[0].id, quantity: 5 }]
    let set!: ReturnType<typeof mutate>
    await db().transaction(async (tx) => {
      // What taking it out does, slowly.
      await tx.update(carts).set({ version: 2 }).where(eq(carts.id, cartId))
      await tx.delete(cartLines).where(eq(cartLines.cartId, cartId))
      set = mutate(viewer, 'cartLinesUpdate', { cartId, lines })
      await somebodyWaits()
    })
    expect((await set).userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'lines', '0', 'lineId'] }])
    expect(contents(await read(viewer))).toEqual([])
  })

  test('an account with the id of a guest is another owner', async () => {
    const guest = aGuest()
    const cartId = await create(guest)
    const namesake = { ...aCustomer(), id: guest.id }
    expect((await mutate(namesake, 'cartClear', { cartId })).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  test('no line of another cart is taken out', async () => {
    const [viewer, other] = [aGuest(), aGuest()]
    const [cartId, foreign] = [await create(viewer), await create(other)]
    await fill(foreign, { tee: 1 })
    const lineIds = [(await read(other)).lines[0].id]
    expect((await mutate(viewer, 'cartLinesRemove', { cartId, lineIds })).userErrors).toEqual([])
    expect(contents(await read(other))).toEqual(['1 tee'])
  })

  test('a cart whose buyer comes back is not given up', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const day = (days: number) => new Date(Date.now() + days * 86_400_000)
    let givingUp!: Promise<void>
    await db().transaction(async (tx) => {
      await tx
        .update(carts)
        .set({ expiresAt: day(60) })
        .where(eq(carts.id, cartId))
      givingUp = abandonCarts({ ...shop.part('cart').ownContext(), now: () => day(31) })
      await somebodyWaits()
    })
    await givingUp
    expect(await read(viewer, cartId)).toMatchObject({ status: 'ACTIVE' })
  })
})

describe('a sign-in', () => {
  const frozen = { status: 'FROZEN', checkoutId: uuidv7(), attempt: 1, frozen: { lines: [] } as never } as const
  const merge = (guest: { id: string }, user: { id: string }) => {
    const claim = { guestId: guest.id, userId: user.id, strategy: 'SUM_QUANTITIES', idempotencyKey: uuidv7() }
    return mutate(aService('users'), 'cartMerge', claim)
  }
  const quantitiesIn = async (cartId: string): Promise<number[]> =>
    (await db().select().from(cartLines).where(eq(cartLines.cartId, cartId))).map(({ quantity }) => quantity)
  const [FROZEN, DONE] = [[{ code: 'STATE_TRANSITION', fromState: 'FROZEN' }], []]
  const isLocked = (id: string): Promise<boolean> =>
    db()
      .transaction(async (tx) => await tx.select().from(carts).where(eq(carts.id, id)).for('update', { noWait: true }))
      .then(
        () => false,
        () => true,
      )

  test.each(['guest', 'account'])(
    'waits for a checkout that takes the %s’s cart, and is refused then',
    async (whose) => {
      const [guest, user] = [aGuest(), aCustomer()]
      const [theirs, own] = [await create(guest), await create(user)]
      await fill(theirs, { tee: 1 })
      let merging!: ReturnType<typeof merge>
      await db().transaction(async (tx) => {
        await tx
          .update(carts)
          .set(frozen)
          .where(eq(carts.id, whose === 'guest' ? theirs : own))
        merging = merge(guest, user)
        await somebodyWaits()
      })
      expect((await merging).userErrors).toMatchObject(FROZEN)
      expect(await quantitiesIn(theirs)).toEqual([1])
      expect(await quantitiesIn(own)).toEqual([])
    },
  )

  test('locks both carts in one order, so that no two wait for each other in a circle', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    const [own, theirs] = [await create(user), await create(guest)]
    // Its row now lies behind the other's.
    await mutate(user, 'cartBuyerUpdate', { cartId: own, note: 'Changed' })
    let merging!: ReturnType<typeof merge>
    await db().transaction(async (tx) => {
      await tx.select().from(carts).where(eq(carts.id, own)).for('update')
      merging = merge(guest, user)
      await somebodyWaits()
      expect(await isLocked(theirs)).toBe(false)
    })
    expect((await merging).userErrors).toEqual(DONE)
  })

  /** While a sign-in waits for the guest's cart, and has seen none of the account's, `meanwhile` opens one. */
  async function mergeWhile(meanwhile: (own: string) => Promise<unknown>) {
    const [guest, user] = [aGuest(), aCustomer()]
    const theirs = await create(guest)
    await fill(theirs, { tee: 1 })
    return await db().transaction(async (tx) => {
      await tx.select().from(carts).where(eq(carts.id, theirs)).for('update')
      const merging = merge(guest, user)
      await somebodyWaits()
      const own = await create(user)
      await fill(own, { tee: 1 })
      await meanwhile(own)
      return { merging, user, own }
    })
  }

  test('adds nothing to a cart that was opened and taken by a checkout meanwhile', async () => {
    const { merging, own } = await mergeWhile((id) => db().update(carts).set(frozen).where(eq(carts.id, id)))
    expect((await merging).userErrors).toMatchObject(FROZEN)
    expect(await quantitiesIn(own)).toEqual([1])
  })

  test('holds a cart that was opened meanwhile until its lines are in', async () => {
    const merging = await db().transaction(async (tx) => {
      const started = await mergeWhile((own) =>
        tx.select().from(cartLines).where(eq(cartLines.cartId, own)).for('update'),
      )
      await until(() => isLocked(started.own))
      return started
    })
    expect((await merging.merging).userErrors).toEqual(DONE)
    expect(contents(await read(merging.user))).toEqual(['2 tee'])
  })
})
