import { inArray, notInArray, sql } from 'drizzle-orm'
import { PgBoss, fromDrizzle } from 'pg-boss'
import { openDatabase, type Database } from './database.ts'
import { outbox, subscriptions, type Announced } from './facts.ts'
import type { Logger } from './log.ts'
import type { Reaction } from './reactions.ts'

/** Schema of pg-boss; owned by the `jobs` role like `events`. */
export const QUEUE_SCHEMA = 'jobs'
const DEAD_LETTERS = 'dead-letters'
const RELAY_BATCH = 100
const BACKSTOP_MS = 30_000
// A process that dies with a job leaves it to another after this.
const EXPIRE_SECONDS = 60
// A reaction that hangs fails before its job expires, for that would fail those that came along with it too.
const REACTION_MS = (EXPIRE_SECONDS - 15) * 1_000

const queueOf = (part: string, factName: string): string => `${part}.${factName}`

function boss(url: string, options: { supervise: boolean; migrate: boolean }): PgBoss {
  return new PgBoss({
    connectionString: url,
    application_name: 'mercato queues',
    schema: QUEUE_SCHEMA,
    max: 4,
    createSchema: false,
    schedule: false,
    useListenNotify: true,
    ...options,
  })
}

/**
 * Creates the queues and subscriptions of all consumers, as the `jobs` role. Part of migrating, so that a fact announced
 * before its consumer first runs still reaches it.
 */
export async function installQueues(url: string, consumers: Record<string, readonly Reaction[]>): Promise<void> {
  await using database = openDatabase(url, { name: 'queues', max: 1 })
  const queues = boss(url, { supervise: false, migrate: true })
  await queues.start()
  try {
    await queues.createQueue(DEAD_LETTERS)
    const wanted = Object.entries(consumers).flatMap(([part, reactions]) =>
      reactions.map(({ fact }) => queueOf(part, fact.name)),
    )
    // Nobody would empty the queue of a reaction that is gone.
    await database.db.delete(subscriptions).where(notInArray(subscriptions.queue, wanted))
    for (const [part, reactions] of Object.entries(consumers)) {
      for (const { fact } of reactions) {
        const queue = queueOf(part, fact.name)
        await queues.createQueue(queue, {
          deadLetter: DEAD_LETTERS,
          // Eight tries over about ten minutes, then a person has to look.
          retryLimit: 8,
          retryDelay: 1,
          retryBackoff: true,
          retryDelayMax: 300,
          expireInSeconds: EXPIRE_SECONDS,
          deleteAfterSeconds: 3_600,
          notify: true,
        })
        await database.db.insert(subscriptions).values({ fact: fact.name, queue }).onConflictDoNothing()
      }
    }
  } finally {
    await queues.stop({ graceful: false })
  }
}

/** The relay and the workers of one process. */
export interface Queues extends AsyncDisposable {
  /** Handles what arrives for `part`, up to 20 facts at a time. A throw is retried with growing delays. */
  consume(part: string, reaction: Reaction, handle: (event: Announced) => Promise<void>): Promise<void>
  /** Hands announced facts on now. Called by itself on every commit that announces one. */
  relay(): Promise<void>
  /** Facts whose handlers gave up. */
  deadLetters(): Promise<number>
}

export async function openQueues({ url, log }: { url: string; log: Logger }): Promise<Queues> {
  const database: Database = openDatabase(url, { name: 'relay', max: 2 })
  const queues = boss(url, { supervise: true, migrate: false })
  queues.on('error', (error) => log.warn({ err: error }, 'queues'))
  await queues.start()

  let relaying: Promise<void> | null = null
  let isAskedAgain = false
  const relay = async (): Promise<void> => {
    if (relaying) {
      isAskedAgain = true
      return relaying
    }
    relaying = (async () => {
      do {
        isAskedAgain = false
        while ((await relayBatch(database, queues)) === RELAY_BATCH);
      } while (isAskedAgain)
    })().finally(() => (relaying = null))
    return relaying
  }
  const relayOrWarn = () => {
    relay().catch((error: unknown) => log.warn({ err: error }, 'facts could not be relayed; they stay in the outbox'))
  }
  const listening = await database.sql.listen('outbox', relayOrWarn, relayOrWarn)
  const backstop = setInterval(relayOrWarn, BACKSTOP_MS)

  return {
    async consume(part, { fact }, handle) {
      await queues.work<Announced>(
        queueOf(part, fact.name),
        {
          batchSize: 20,
          // The second goes on while a reaction of the first takes its time.
          localConcurrency: 2,
          perJobResults: true,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: 2,
          // Nobody is notified when the time of a retry has come: polling finds it.
          notifyPollingIntervalSeconds: 2,
        },
        async (jobs) =>
          await Promise.all(
            jobs.map(async ({ id, data }) => {
              try {
                await inTime(handle(data))
                return { id, status: 'completed' as const }
              } catch (error) {
                log.warn(
                  { err: error, queue: queueOf(part, fact.name), eventId: id },
                  'a reaction failed; it is retried',
                )
                return { id, status: 'failed' as const, output: { message: String(error) } }
              }
            }),
          ),
      )
    },
    relay,
    async deadLetters() {
      const [stats] = await queues.getQueueStats(DEAD_LETTERS, { force: true })
      return stats?.totalCount ?? 0
    },
    async [Symbol.asyncDispose]() {
      clearInterval(backstop)
      await listening.unlisten()
      await queues.stop({ graceful: true, timeout: 5_000 })
      await relaying?.catch(() => {})
      await database[Symbol.asyncDispose]()
    },
  }
}

// What hangs cannot be interrupted; it is only not waited for, and tried again.
async function inTime(reaction: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`It took longer than ${REACTION_MS} ms`)), REACTION_MS)
  await Promise.race([reaction, late]).finally(() => clearTimeout(timer))
}

// Moves one batch from the outbox into the queues of all consumers, in one transaction. Returns how many it moved.
async function relayBatch({ db }: Database, queues: PgBoss): Promise<number> {
  return await db.transaction(async (tx) => {
    const rows = await tx
      .select()
      .from(outbox)
      .orderBy(outbox.eventId)
      .limit(RELAY_BATCH)
      .for('update', { skipLocked: true })
    if (rows.length === 0) return 0
    const queuesOf = Map.groupBy(await tx.select().from(subscriptions), ({ fact }) => fact)
    const jobsOf = new Map<string, { id: string; data: Announced }[]>()
    for (const { eventId, name, event } of rows) {
      for (const { queue } of queuesOf.get(name) ?? []) {
        const jobs = jobsOf.get(queue)
        if (jobs) jobs.push({ id: eventId, data: event })
        else jobsOf.set(queue, [{ id: eventId, data: event }])
      }
    }
    for (const [queue, jobs] of jobsOf) await queues.insert(queue, jobs, { db: fromDrizzle(tx, sql) })
    const moved = rows.map(({ eventId }) => eventId)
    await tx.delete(outbox).where(inArray(outbox.eventId, moved))
    return rows.length
  })
}
