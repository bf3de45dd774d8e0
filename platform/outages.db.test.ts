import { sql } from 'drizzle-orm'
import { createServer, connect, type Socket } from 'node:net'
import { z } from 'zod'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import postgres, { type Sql } from 'postgres'
import { freshDatabase, type FreshDatabase } from '../tests/setup/fresh-database.ts'
import { until } from '../tests/setup/until.ts'
import { loadConfig } from './config.ts'
import { databaseUrl, openDatabase, type Database } from './database.ts'
import { announce, fact, type Announced } from './facts.ts'
import { uuidv7 } from './ids.ts'
import { createLogger } from './log.ts'
import { installQueues, openQueues, type Queues } from './queues.ts'
import { on } from './reactions.ts'

const Tested = fact('Tested', 1, { number: z.number() })
const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
// Well under the backstop of 30 s, which would deliver anyhow.
const SOON_MS = 12_000

let database: FreshDatabase
let admin: Sql
let delivery: Database
let jobsUrl: string
const open: AsyncDisposable[] = []

beforeAll(async () => {
  database = await freshDatabase()
  const config = loadConfig({ DATABASE_URL: database.url })
  jobsUrl = databaseUrl('jobs', config)
  delivery = openDatabase(databaseUrl('delivery', config), { name: 'test' })
  admin = postgres(database.url, { max: 1, onnotice: () => {} })
  await installQueues(jobsUrl, { delivery: [on(Tested, async () => {})] })
})
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})
afterAll(async () => {
  await admin.end()
  await delivery[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

const tell = (number: number) =>
  announce(delivery.db, { now: () => new Date(), requestId: uuidv7() }, Tested, {
    entityId: uuidv7(),
    entityVersion: 1,
    owner: null,
    data: { number },
  })

async function queuesThat(handle: (event: Announced) => Promise<void>, url = jobsUrl): Promise<Queues> {
  const queues = await openQueues({ url, log })
  open.push(queues)
  await queues.consume('delivery', { fact: Tested, handle: async () => {} }, handle)
  return queues
}

/** A way to the database that can be cut. */
async function cuttable(url: string) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect(Number(target.port), target.hostname)
    for (const socket of [from, to]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (from.destroy(), to.destroy(), sockets.delete(socket)))
    }
    from.pipe(to).pipe(from)
  })
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  await listen(0)
  const { port } = server.address() as { port: number }
  const cut = async () => {
    const closed = new Promise((done) => server.close(done))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(port)
  open.push({ [Symbol.asyncDispose]: cut })
  return { url: through.href, cut, mend: () => listen(port) }
}

const numberOf = ({ data }: Announced) => (data as { number: number }).number

describe('facts', () => {
  test('go on being delivered at once after the database ended every connection', async () => {
    const heard: number[] = []
    await queuesThat(async (event) => void heard.push(numberOf(event)))
    await tell(1)
    await until(async () => heard.includes(1), SOON_MS)
    await admin`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name in ('mercato relay', 'mercato queues')`
    await tell(2)
    await until(async () => heard.includes(2), SOON_MS)
    await tell(3)
    await until(async () => heard.includes(3), SOON_MS)
  })

  test('go on being delivered at once after the database could not be reached for a while', async () => {
    const heard: number[] = []
    const way = await cuttable(jobsUrl)
    await queuesThat(async (event) => void heard.push(numberOf(event)), way.url)
    await tell(4)
    await until(async () => heard.includes(4), SOON_MS)
    await way.cut()
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await way.mend()
    await tell(5)
    await until(async () => heard.includes(5), SOON_MS)
    await tell(6)
    await until(async () => heard.includes(6), SOON_MS)
  })

  test('do not wait behind one whose reaction hangs', async () => {
    const heard: number[] = []
    const { promise: stuck, resolve: release } = Promise.withResolvers<void>()
    await queuesThat(async (event) => {
      if (numberOf(event) === 7) await stuck
      heard.push(numberOf(event))
    })
    try {
      await tell(7)
      await new Promise((resolve) => setTimeout(resolve, 500))
      await tell(8)
      await until(async () => heard.includes(8), SOON_MS)
    } finally {
      release()
    }
  })
})

describe('a transaction whose connection is lost', () => {
  const openThrough = async () => {
    const way = await cuttable(jobsUrl)
    const through = openDatabase(way.url, { name: 'test', max: 1 })
    open.push(through)
    return { way, db: through.db }
  }
  const one = sql`select 1 as one`

  test('while a statement runs, fails, and the pool goes on', async () => {
    const { way, db } = await openThrough()
    const lost = db.transaction(async (tx) => await tx.execute(sql`select pg_sleep(60)`))
    const failed = expect(lost).rejects.toThrow()
    await until(async () => (await admin`select from pg_stat_activity where query like '%pg_sleep(60)%'`).length > 1)
    await way.cut()
    await failed
    await way.mend()
    expect(await db.execute(one)).toMatchObject([{ one: 1 }])
  })

  test.each([
    ['sends a further statement', true],
    ['ends', false],
  ])('between two statements, fails when its body %s, and nothing of it is sent', async (_what, sendsMore) => {
    const { way, db } = await openThrough()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: mended, resolve: mend } = Promise.withResolvers<void>()
    let late: unknown
    const lost = db.transaction(async (tx) => {
      await tx.execute(one)
      begin()
      await mended
      if (sendsMore) late = await tx.execute(sql`create table left_over ()`).catch(() => 'refused')
    })
    const failed = expect(lost).rejects.toThrow()
    await begun
    await way.cut()
    await failed
    await way.mend()
    mend()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(late).toBe(sendsMore ? 'refused' : undefined)
    expect(await db.execute(one)).toMatchObject([{ one: 1 }])
  })

  test('because the database ended it, fails, and the pool goes on', async () => {
    const { db } = await openThrough()
    const lost = db.transaction(async (tx) => {
      await tx.transaction(async (inner) => await inner.execute(sql`select pg_sleep(61)`))
    })
    const failed = expect(lost).rejects.toThrow()
    await until(async () => {
      const ended = await admin`select pg_terminate_backend(pid) from pg_stat_activity
        where query like '%pg_sleep(61)%' and pid <> pg_backend_pid()`
      return ended.length > 0
    })
    await failed
    // The farewell of the old connection is told once more, to the first statement of the new one.
    expect(await until(() => db.execute(one).catch(() => null))).toMatchObject([{ one: 1 }])
  })
})

test('what is asked to stop while a reaction hangs, stops', async () => {
  const queues = await queuesThat(() => new Promise(() => {}))
  await tell(9)
  await new Promise((resolve) => setTimeout(resolve, 500))
  open.splice(open.indexOf(queues), 1)
  const began = performance.now()
  await queues[Symbol.asyncDispose]()
  expect(performance.now() - began).toBeLessThan(SOON_MS)
})
