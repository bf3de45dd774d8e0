import { eq } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { staffWith } from '../../tests/setup/viewers.ts'
import { invariants } from './invariants.ts'
import { openShop } from './shopping.fixture.ts'
import { priceEpoch, promotionCustomers, promotionUses, promotions } from './tables.ts'
import { anAttempt, okOf, undoing, usesIn } from './usage.fixture.ts'

const { shop, db, pricesChanged, somebodyWaits } = await openShop('cart')
afterAll(() => shop[Symbol.asyncDispose]())

const { promote, reserve, release, used } = usesIn({ shop, db })

describe('uses of a promotion', () => {
  test('are counted once per attempt, whatever key the command has', async () => {
    const id = await promote()
    const attempt = { ...anAttempt([id]), idempotencyKey: uuidv7() }
    const answers = await Promise.all(Array.from({ length: 6 }, () => reserve(attempt)))
    expect(okOf(answers)).toBe(6)
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect((await reserve({ ...attempt, idempotencyKey: uuidv7() })).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION' },
    ])
    expect((await reserve({ ...attempt, attempt: 2 })).userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_REUSED' }])
    expect(await used(id)).toBe(1)
  })

  test('never pass the limit, however many come at once', async () => {
    const id = await promote({ usageLimit: 5 })
    const answers = await Promise.all(Array.from({ length: 30 }, () => reserve(anAttempt([id]))))
    expect(okOf(answers)).toBe(5)
    expect(answers.find(({ ok }) => !ok).userErrors).toEqual([
      { code: 'LIMIT_EXCEEDED', field: ['input', 'promotionIds', '0'] },
    ])
    expect(await used(id)).toBe(5)
  })

  test('never pass it by one that was under way', async () => {
    const id = await promote({ usageLimit: 1 })
    let reserving!: ReturnType<typeof reserve>
    await db().transaction(async (tx) => {
      // What the command of another checkout does, slowly.
      await tx.update(promotions).set({ usageCount: 1 }).where(eq(promotions.id, id))
      const use = { ...undoing(anAttempt([id])), promotionIds: [id], counted: 1, createdAt: new Date() }
      await tx.insert(promotionUses).values({ ...use, status: 'RESERVED' })
      reserving = reserve(anAttempt([id]))
      await somebodyWaits()
    })
    expect((await reserving).userErrors).toMatchObject([{ code: 'LIMIT_EXCEEDED' }])
    expect(await used(id)).toBe(1)
  })

  test('never pass a customer’s limit: an account by its id, a guest by address', async () => {
    const id = await promote({ perCustomerLimit: 2 })
    const [customerId, email] = [uuidv7(), 'ada@example.com']
    const many = (buyer: object) => Promise.all(Array.from({ length: 10 }, () => reserve(anAttempt([id], buyer))))
    expect(okOf(await many({ customerId }))).toBe(2)
    expect(okOf(await many({ email }))).toBe(2)
    const again = await reserve(anAttempt([id], { email: 'Ada@Example.com' }))
    expect(again.userErrors).toEqual([{ code: 'LIMIT_EXCEEDED', field: ['input', 'promotionIds', '0'] }])
    expect(await used(id)).toBe(4)
  })

  test('are all counted or none, with every reason', async () => {
    const [free, gone, full] = [await promote(), uuidv7(), await promote({ usageLimit: 1 })]
    expect((await reserve(anAttempt([full]))).ok).toBe(true)
    expect(await reserve(anAttempt([free, gone, full]))).toEqual({
      ok: false,
      isReplay: false,
      userErrors: [
        { code: 'NOT_FOUND', field: ['input', 'promotionIds', '1'] },
        { code: 'LIMIT_EXCEEDED', field: ['input', 'promotionIds', '2'] },
      ],
    })
    expect(await used(free)).toBe(0)
  })

  test('of many promotions at once add up, and are given back alike', async () => {
    const ids = [await promote(), await promote(), await promote()]
    const orderings = [ids, ids.toReversed(), [ids[1]!, ids[2]!, ids[0]!]]
    const customerId = uuidv7()
    const attempts = Array.from({ length: 24 }, (_, index) => anAttempt(orderings[index % 3]!, { customerId }))
    expect(okOf(await Promise.all(attempts.map(reserve)))).toBe(24)
    expect(await Promise.all(ids.map(used))).toEqual([24, 24, 24])
    expect(okOf(await Promise.all(attempts.map((attempt) => release(undoing(attempt)))))).toBe(24)
    expect(await Promise.all(ids.map(used))).toEqual([0, 0, 0])
  })

  test('are counted in one order, however they are named, so that none wait for each other in a circle', async () => {
    const [first, second] = [await promote(), await promote()]
    const attempt = anAttempt([second, first])
    const whileHeld = async (run: () => Promise<{ ok: boolean }>) => {
      let running!: Promise<{ ok: boolean }>
      await db().transaction(async (tx) => {
        const lock = (id: string) => tx.select().from(promotions).where(eq(promotions.id, id))
        await lock(first).for('update')
        running = run()
        await somebodyWaits()
        // It waits for the first and holds nothing else.
        await lock(second).for('update', { noWait: true })
      })
      expect(await running).toMatchObject({ ok: true })
    }
    await whileHeld(() => reserve(attempt))
    await whileHeld(() => release(undoing(attempt)))
  })

  test('wait for staff who change the promotion, and staff for them, never both', async () => {
    await pricesChanged()
    const staff = staffWith('promotions:manage')
    const id = await promote()
    const changes: [string, object][] = [
      ['promotionUpsert', { id, name: 'Free', kind: 'FREE_SHIPPING' }],
      ['promotionDelete', { id }],
    ]
    for (const [field, input] of changes) {
      const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
      const document = `mutation ($input: ${type}) { ${field}(input: $input) { userErrors { code } } }`
      let changing!: Promise<unknown>
      await db().transaction(async (tx) => {
        await tx.select().from(promotions).where(eq(promotions.id, id)).for('update')
        changing = shop.ask('cart', staff, document, { input })
        await somebodyWaits()
        // What a checkout that uses an offer up does next.
        await tx.select().from(priceEpoch).for('update', { noWait: true })
      })
      expect(await changing).toEqual({ [field]: { userErrors: [] } })
    }
  })

  test('have all their promotions before they have prices raised', async () => {
    await pricesChanged()
    const [first, second] = [await promote({ usageLimit: 1 }), await promote()]
    const attempt = anAttempt([first, second])
    const whileSecondIsHeld = async (run: () => Promise<{ ok: boolean }>) => {
      let running!: Promise<{ ok: boolean }>
      await db().transaction(async (tx) => {
        await tx.select().from(promotions).where(eq(promotions.id, second)).for('update')
        running = run()
        await somebodyWaits()
        await tx.select().from(priceEpoch).for('update', { noWait: true })
      })
      expect(await running).toMatchObject({ ok: true })
    }
    await whileSecondIsHeld(() => reserve(attempt))
    await whileSecondIsHeld(() => release(undoing(attempt)))
  })

  test('stand when staff switch the promotion off or remove it; removed, it counts no more', async () => {
    const id = await promote({ usageLimit: 2 })
    const counted = { ...anAttempt([id]), idempotencyKey: uuidv7() }
    await reserve(counted)
    await db()
      .update(promotions)
      .set({ isActive: false, endsAt: new Date(0) })
      .where(eq(promotions.id, id))
    expect((await reserve(anAttempt([id]))).ok).toBe(true)
    await db().delete(promotions).where(eq(promotions.id, id))
    expect((await reserve(anAttempt([id]))).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await reserve(counted)).toMatchObject({ ok: true, isReplay: true })
    expect((await release(undoing(counted))).ok).toBe(true)
  })

  test('are whose they were first when the buyer signs in before the command is sent again', async () => {
    const id = await promote({ perCustomerLimit: 1 })
    const { email, ...attempt } = { ...anAttempt([id], {}), email: 'ada@example.com', idempotencyKey: uuidv7() }
    expect(await reserve({ ...attempt, email })).toMatchObject({ ok: true, isReplay: false })
    const customerId = uuidv7()
    expect(await reserve({ ...attempt, customerId })).toMatchObject({ ok: true, isReplay: true, userErrors: [] })
    expect(await used(id)).toBe(1)
    await release(undoing(attempt))
    expect(await used(id)).toBe(0)
    expect((await reserve(anAttempt([id], { email }))).ok).toBe(true)
  })

  test('need a buyer', async () => {
    expect((await reserve(anAttempt([await promote()], {}))).userErrors).toEqual([
      { code: 'REQUIRED', field: ['input', 'email'] },
    ])
  })
})

describe('uses given back', () => {
  test('can be had by others, and are given back once', async () => {
    const id = await promote({ usageLimit: 1, perCustomerLimit: 1 })
    const attempt = anAttempt([id])
    await reserve(attempt)
    expect((await reserve(anAttempt([id]))).ok).toBe(false)
    const undo = { ...undoing(attempt), idempotencyKey: uuidv7() }
    const answers = await Promise.all([release(undo), release(undo), release(undoing(attempt))])
    expect(okOf(answers)).toBe(3)
    expect(await used(id)).toBe(0)
    expect((await reserve({ ...attempt, attempt: 2 })).ok).toBe(true)
  })

  test('before they were counted leave a tombstone for that attempt alone', async () => {
    const id = await promote()
    const attempt = anAttempt([id])
    expect(await release(undoing(attempt))).toMatchObject({ ok: true })
    expect((await reserve(attempt)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    expect(await used(id)).toBe(0)
    expect((await reserve({ ...attempt, attempt: 2 })).ok).toBe(true)
  })

  test('are not believed in by a replay that comes late', async () => {
    const attempt = { ...anAttempt([await promote()]), idempotencyKey: uuidv7() }
    await reserve(attempt)
    await release(undoing(attempt))
    expect((await reserve(attempt)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
  })

  test('are none, whichever of command and undo comes first', async () => {
    const id = await promote()
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const attempt = anAttempt([id])
        await Promise.all([reserve(attempt), release(undoing(attempt))])
      }),
    )
    expect(await used(id)).toBe(0)
  })

  test('are given back from what another checkout has counted meanwhile', async () => {
    const id = await promote()
    const attempt = anAttempt([id])
    await reserve(attempt)
    let undone!: Promise<unknown>
    await db().transaction(async (tx) => {
      // What the command of another checkout does, slowly.
      await tx.update(promotions).set({ usageCount: 2 }).where(eq(promotions.id, id))
      const use = { ...undoing(anAttempt([id])), promotionIds: [id], counted: 1, createdAt: new Date() }
      await tx.insert(promotionUses).values({ ...use, status: 'RESERVED' })
      undone = release(undoing(attempt))
      await somebodyWaits()
    })
    expect(await undone).toMatchObject({ ok: true })
    expect(await used(id)).toBe(1)
  })

  test('are given back when the command comes once more while the undo is under way', async () => {
    const id = await promote()
    const attempt = { ...anAttempt([id]), idempotencyKey: uuidv7() }
    await reserve(attempt)
    let both!: ReturnType<typeof reserve>[]
    await db().transaction(async (tx) => {
      await tx.select().from(promotions).where(eq(promotions.id, id)).for('update')
      both = [reserve(attempt)]
      await somebodyWaits()
      both.push(release(undoing(attempt)))
      await somebodyWaits(2)
    })
    // Whether the command is told of the undo is a matter of when it looks.
    expect((await Promise.all(both)).at(-1)).toMatchObject({ ok: true })
    expect(await used(id)).toBe(0)
  })

  test('are given back when the undo comes while the command is still under way', async () => {
    const id = await promote()
    const { checkoutId, attempt, customerId } = { ...anAttempt([id]), customerId: uuidv7() }
    const customer = `user:${customerId}`
    let undone!: Promise<unknown>
    await db().transaction(async (tx) => {
      // What the command does, slowly.
      await tx.update(promotions).set({ usageCount: 1 }).where(eq(promotions.id, id))
      await tx.insert(promotionCustomers).values({ promotionId: id, customer, used: 1 })
      const use = { checkoutId, attempt, promotionIds: [id], customer, counted: 1, createdAt: new Date() }
      await tx.insert(promotionUses).values({ ...use, status: 'RESERVED' })
      undone = release({ checkoutId, attempt })
      await somebodyWaits()
    })
    expect(await undone).toMatchObject({ ok: true })
    expect(await used(id)).toBe(0)
    const [counter] = await db().select().from(promotionCustomers).where(eq(promotionCustomers.promotionId, id))
    expect(counter).toMatchObject({ used: 0 })
  })

  test('also when their order is called off, once', async () => {
    const id = await promote()
    const attempt = anAttempt([id])
    await reserve(attempt)
    const { ownContext } = shop.part('cart')
    const cancelled = shop.part('cart').subgraph.reactions!.find(({ fact }) => fact.name === 'OrderCancelled')!
    const data = { checkoutId: attempt.checkoutId, number: '1', email: null, reason: 'changed my mind', lines: [] }
    const event = { eventId: uuidv7(), name: 'OrderCancelled', version: 1, occurredAt: '', requestId: '', data }
    for (let times = 0; times < 2; times += 1) {
      await cancelled.handle(ownContext(), { ...event, entityId: uuidv7(), entityVersion: 1, owner: null })
    }
    expect(await used(id)).toBe(0)
  })
})

test('each is one statement', async () => {
  const attempt = anAttempt([await promote(), await promote()])
  expect(await shop.statements(() => reserve(attempt))).toHaveLength(1)
  expect(await shop.statements(() => release(undoing(attempt)))).toHaveLength(1)
})

describe('the invariants of promotions', () => {
  const broken = async () => {
    const admin = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
    try {
      const all = await Promise.all(invariants.map(async ({ name, sql }) => [name, await admin.unsafe(sql)] as const))
      return all.flatMap(([name, rows]) => (rows.length > 0 ? [name] : []))
    } finally {
      await admin.end()
    }
  }
  const [, , countsUses, countsCustomers, isOfAnOrder] = invariants.map(({ name }) => name)

  test('hold after all of this, but for uses whose checkouts exist here alone', async () => {
    expect(await broken()).toEqual([isOfAnOrder])
  })

  test('find a counter that is wrong', async () => {
    await db().update(promotions).set({ usageCount: 99 })
    await db().update(promotionCustomers).set({ used: 98 })
    expect(await broken()).toEqual([countsUses, countsCustomers, isOfAnOrder])
  })
})
