import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../tests/setup/fresh-database.ts'
import { idempotencyKeys as table, inbox } from '../subgraphs/orders/tables.ts'
import { loadConfig } from './config.ts'
import { databaseUrl, openDatabase, type Database } from './database.ts'
import type { Context } from './context.ts'
import { forgetting } from './forgetting.ts'
import { idempotent, idempotentStatement, type Keyed } from './idempotency.ts'
import { uuidv7 } from './ids.ts'
import { reject } from './user-errors.ts'

let fresh: FreshDatabase
let database: Database
beforeAll(async () => {
  fresh = await freshDatabase()
  database = openDatabase(databaseUrl('orders', loadConfig({ DATABASE_URL: fresh.url })), { name: 'test' })
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await fresh[Symbol.asyncDispose]()
})

const ctx = () => ({ db: database.db, now: () => new Date() })
const keyed = (more: Partial<Keyed> = {}): Keyed => ({ scope: 'test', key: uuidv7(), request: { a: 1 }, ...more })

test('a key sent many times at once acts once, and everybody gets its reply', async () => {
  let acted = 0
  const command = keyed()
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => idempotent(ctx(), table, command, async () => ({ number: (acted += 1) }))),
  )
  expect(acted).toBe(1)
  expect(answers.map(({ reply }) => reply)).toEqual(Array.from({ length: 8 }, () => ({ number: 1 })))
  expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
})

test('a key is refused with another request, and free in another scope', async () => {
  const command = keyed()
  await idempotent(ctx(), table, command, async () => 1)
  const again = (more: Partial<Keyed>) => idempotent(ctx(), table, { ...command, ...more }, async () => 2)
  await expect(again({ request: { a: 2 } })).rejects.toMatchObject({
    errors: [{ code: 'IDEMPOTENCY_KEY_REUSED', field: ['input', 'idempotencyKey'] }],
  })
  expect(await again({ scope: 'another' })).toEqual({ reply: 2, isReplay: false })
})

test('a rejected try leaves nothing behind', async () => {
  const command = keyed()
  await expect(idempotent(ctx(), table, command, async () => reject('NOT_FOUND', 'No.'))).rejects.toMatchObject({
    errors: [{ code: 'NOT_FOUND' }],
  })
  expect(await idempotent(ctx(), table, command, async () => 3)).toEqual({ reply: 3, isReplay: false })
})

test('a key has 1 to 128 characters', async () => {
  for (const key of ['', 'x'.repeat(129)]) {
    await expect(idempotent(ctx(), table, keyed({ key }), async () => 1)).rejects.toMatchObject({
      errors: [{ code: 'INVALID' }],
    })
  }
})

test('a key is forgotten after 30 days, and not before', async () => {
  const command = keyed()
  const act = async () => 4
  await idempotent(ctx(), table, command, act)
  const forgetAfter = (days: number) =>
    forgetting({ keys: table }).run({ ...ctx(), now: () => new Date(Date.now() + days * 86_400_000) } as Context)
  await forgetAfter(29)
  expect((await idempotent(ctx(), table, command, act)).isReplay).toBe(true)
  await forgetAfter(31)
  expect((await idempotent(ctx(), table, command, act)).isReplay).toBe(false)
})

describe('a command of one statement', () => {
  // Its effect: a line in the inbox of a reaction that no fact has.
  const noteOnce = (command: Keyed, eventId = uuidv7(), guard = sql`true`) =>
    idempotentStatement(ctx(), table, command, async (remember) => {
      const [row] = await database.db.execute<{ id: string }>(sql`
        with noted as (
          insert into ${inbox} (reaction, event_id, handled_at) select ${command.key}, ${eventId}::uuid, now() where ${guard}
          returning event_id as id
        ), remembered as (${remember(sql`jsonb_build_object('id', noted.id)`, sql`noted`)})
        select id from noted`)
      return row
    })
  const notesOf = ({ key }: Keyed) => database.db.$count(inbox, sql`reaction = ${key}`)

  test('acts once for many calls at once, and everybody gets its reply', async () => {
    const command = keyed()
    const answers = await Promise.all(Array.from({ length: 8 }, () => noteOnce(command)))
    expect(await notesOf(command)).toBe(1)
    expect(new Set(answers.map((answer) => answer?.reply.id)).size).toBe(1)
    expect(answers.filter((answer) => !answer?.isReplay)).toHaveLength(1)
    await expect(noteOnce({ ...command, request: { a: 2 } })).rejects.toMatchObject({
      errors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }],
    })
    expect(await notesOf(command)).toBe(1)
  })

  test('that its guard held back leaves the key free', async () => {
    const command = keyed()
    expect(await noteOnce(command, uuidv7(), sql`false`)).toBeNull()
    expect(await noteOnce(command)).toMatchObject({ isReplay: false })
  })

  test('that fails for another reason fails', async () => {
    const [command, eventId] = [keyed(), uuidv7()]
    await database.db.insert(inbox).values({ reaction: command.key, eventId, handledAt: new Date() })
    await expect(noteOnce(command, eventId)).rejects.toThrow('Failed query')
  })
})
