import { sql } from 'drizzle-orm'
import { pgSchema, integer } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../tests/setup/fresh-database.ts'
import { until } from '../tests/setup/until.ts'
import { inbox } from '../subgraphs/delivery/tables.ts'
import { loadConfig } from './config.ts'
import type { Context } from './context.ts'
import { databaseUrl, openDatabase, type Database } from './database.ts'
import { announce, fact, type Announced } from './facts.ts'
import { uuidv7 } from './ids.ts'
import { createLogger } from './log.ts'
import { installQueues, openQueues, type Queues } from './queues.ts'
import { on, once } from './reactions.ts'

const Tested = fact('Tested', 1, { number: z.number() })
const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

let database: FreshDatabase
let delivery: Database
let jobsUrl: string
const open: Queues[] = []

beforeAll(async () => {
  database = await freshDatabase()
  const config = loadConfig({ DATABASE_URL: database.url })
  jobsUrl = databaseUrl('jobs', config)
  delivery = openDatabase(databaseUrl('delivery', config), { name: 'test' })
  const reaction = on(Tested, async () => {})
  await installQueues(jobsUrl, { delivery: [reaction], orders: [reaction] })
})
afterEach(async () => {
  for (const queues of open.splice(0)) await queues[Symbol.asyncDispose]()
})
afterAll(async () => {
  await delivery[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

const ctx = { now: () => new Date(), requestId: uuidv7() }

const tell = (number: number, db = delivery.db) =>
  announce(db, ctx, Tested, { entityId: uuidv7(), entityVersion: 1, owner: null, data: { number } })

async function queuesThat(handlers: Record<string, (event: Announced) => Promise<void>>): Promise<Queues> {
  const queues = await openQueues({ url: jobsUrl, log })
  open.push(queues)
  for (const [part, handle] of Object.entries(handlers)) {
    await queues.consume(part, { fact: Tested, handle: async () => {} }, handle)
  }
  return queues
}

const numbers = (events: readonly Announced[]) => events.map(({ data }) => (data as { number: number }).number)

describe('a fact', () => {
  test('reaches every consumer once its transaction commits', async () => {
    const heard: Record<string, Announced[]> = { delivery: [], orders: [] }
    await queuesThat({
      delivery: async (event) => void heard.delivery!.push(event),
      orders: async (event) => void heard.orders!.push(event),
    })
    await tell(1)
    await until(async () => heard.delivery!.length === 1 && heard.orders!.length === 1)
    expect(heard.delivery![0]).toMatchObject({
      name: 'Tested',
      version: 1,
      requestId: ctx.requestId,
      data: { number: 1 },
    })
  })

  test('that is rolled back never was', async () => {
    const heard: Announced[] = []
    const queues = await queuesThat({ delivery: async (event) => void heard.push(event) })
    await delivery.db
      .transaction(async (tx) => {
        await tell(2, tx)
        throw new Error('changed my mind')
      })
      .catch(() => {})
    await tell(3)
    await until(async () => heard.length === 1)
    await queues.relay()
    expect(numbers(heard)).toEqual([3])
  })

  test('announced while nobody was there is heard later, by one of two relays', async () => {
    for (let number = 10; number < 260; number += 1) await tell(number)
    const heard: Announced[] = []
    const listen = () => queuesThat({ delivery: async (event) => void heard.push(event), orders: async () => {} })
    const [first, second] = await Promise.all([listen(), listen()])
    await Promise.all([first.relay(), second.relay()])
    await until(async () => new Set(numbers(heard)).size === 250, 30_000)
    expect(heard).toHaveLength(250)
  })

  test('must have its declared shape', async () => {
    await expect(
      announce(delivery.db, ctx, Tested, {
        entityId: uuidv7(),
        entityVersion: 1,
        owner: null,
        data: { number: 'x' } as never,
      }),
    ).rejects.toThrow()
  })
})

describe('a reaction that fails', () => {
  test('is tried again, and the others of its batch are not', async () => {
    const tries = new Map<number, number>()
    await queuesThat({
      delivery: async ({ data }) => {
        const { number } = data as { number: number }
        tries.set(number, (tries.get(number) ?? 0) + 1)
        if (number === 301 && tries.get(number)! < 2) throw new Error('not yet')
      },
      orders: async () => {},
    })
    for (const number of [300, 301, 302]) await tell(number)
    await until(async () => tries.get(301) === 2, 20_000)
    expect([tries.get(300), tries.get(302)]).toEqual([1, 1])
  })

  test('for good ends among the dead letters', async () => {
    const url = new URL(database.url)
    const admin = openDatabase(url.href, { name: 'admin' })
    const queues = await queuesThat({
      delivery: async () => {
        throw new Error('never')
      },
      orders: async () => {},
    })
    const before = await queues.deadLetters()
    // As if all but its last try had been made.
    await admin.db.execute(sql`update jobs.queue set retry_limit = 0 where name = 'delivery.Tested'`)
    await tell(400)
    await until(async () => {
      const [row] = await admin.db.execute<{ count: string }>(
        sql`select count(*) from jobs.job where name = 'dead-letters'`,
      )
      return Number(row!.count) > before
    }, 20_000)
    await admin[Symbol.asyncDispose]()
  })
})

describe('once', () => {
  const counters = pgSchema('delivery').table('test_counters', { value: integer().notNull() })
  const event = () => ({ eventId: uuidv7() })
  const inside = (): Pick<Context, 'db' | 'now'> => ({ db: delivery.db, now: ctx.now })
  const total = async () => await delivery.db.$count(counters)

  beforeAll(async () => {
    await delivery.db.execute(sql`create table delivery.test_counters (value int not null)`)
  })

  test('acts once for an event that comes many times at once', async () => {
    const before = await total()
    const told = event()
    const act = () =>
      once(inside(), inbox, 'count', told, async (tx) => void (await tx.insert(counters).values({ value: 1 })))
    await Promise.all(Array.from({ length: 10 }, act))
    expect((await total()) - before).toBe(1)
  })

  test('acts again for an event whose first try failed', async () => {
    const before = await total()
    const told = event()
    await expect(
      once(inside(), inbox, 'count', told, async (tx) => {
        await tx.insert(counters).values({ value: 1 })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await once(inside(), inbox, 'count', told, async (tx) => void (await tx.insert(counters).values({ value: 1 })))
    expect((await total()) - before).toBe(1)
  })
})
