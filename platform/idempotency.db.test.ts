import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../tests/setup/fresh-database.ts'
import { idempotencyKeys as table } from '../subgraphs/support/tables.ts'
import { loadConfig } from './config.ts'
import { databaseUrl, openDatabase, type Database } from './database.ts'
import type { Context } from './context.ts'
import { forgetting } from './forgetting.ts'
import { idempotent, type Keyed } from './idempotency.ts'
import { uuidv7 } from './ids.ts'
import { reject } from './user-errors.ts'

let fresh: FreshDatabase
let database: Database
beforeAll(async () => {
  fresh = await freshDatabase()
  database = openDatabase(databaseUrl('support', loadConfig({ DATABASE_URL: fresh.url })), { name: 'test' })
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
