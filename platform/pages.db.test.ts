import { and, eq, getTableColumns, inArray, lte, sql } from 'drizzle-orm'
import { boolean, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freshDatabase } from '../tests/setup/fresh-database.ts'
import { columns } from './columns.ts'
import { openDatabase, type Database } from './database.ts'
import { uuidv7 } from './ids.ts'
import { loadGrouped } from './loader.ts'
import { keyset, type Connection, type Key, type PageArgs } from './pages.ts'

const notes = pgTable('notes', {
  id: uuid().primaryKey(),
  shelf: text().notNull(),
  at: columns.at().notNull(),
  stars: integer().notNull(),
  title: text().notNull(),
  isPinned: boolean().notNull().default(false),
})
type Note = typeof notes.$inferSelect

const newestFirst: Key[] = [
  { column: notes.at, direction: 'desc' },
  { column: notes.id, direction: 'desc' },
]
const starsThenTitle: Key[] = [
  { column: notes.stars, direction: 'desc' },
  { column: notes.title, direction: 'asc' },
  { column: notes.id, direction: 'desc' },
]

const cleanup = new AsyncDisposableStack()
const statements: string[] = []
let database: Database

beforeAll(async () => {
  const { url } = cleanup.use(await freshDatabase())
  database = cleanup.use(openDatabase(url, { name: 'pages', max: 2, onStatement: (sent) => statements.push(sent) }))
  await database.sql`create table notes (
    id uuid primary key, shelf text not null, at timestamptz(3) not null, stars int not null, title text not null,
    is_pinned boolean not null)`
  await database.sql`create index on notes (at desc, id desc)`
})
afterAll(() => cleanup.disposeAsync())
beforeEach(async () => {
  await database.sql`truncate notes`
})

const note = (over: Partial<Note> = {}): Note => ({
  id: uuidv7(),
  shelf: 'a',
  at: new Date('2026-03-01T09:30:00.123Z'),
  stars: 0,
  title: 'untitled',
  isPinned: false,
  ...over,
})

/** Notes titled `0`, `1` …; always three with the same time. */
async function shelve(count: number, shelf = 'a'): Promise<Note[]> {
  const rows = Array.from({ length: count }, (_, n) =>
    note({ shelf, title: `${n}`, at: new Date(1_700_000_000_001 + Math.floor(n / 3)), stars: n % 4 }),
  )
  await database.db.insert(notes).values(rows)
  return rows
}

async function read(args: PageArgs, keys = newestFirst): Promise<Connection<Note>> {
  const page = keyset(args, keys)
  const rows = await database.db
    .select()
    .from(notes)
    .where(page.where)
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, keys === newestFirst ? byTime : byStars, { totalCount: () => database.db.$count(notes) })
}
const byTime = ({ at, id }: Note) => [at, id]
const byStars = ({ stars, title, id }: Note) => [stars, title, id]
const titles = ({ nodes }: Connection<Note>) => nodes.map(({ title }) => title)

describe('walking a list', () => {
  test('forwards meets every row once, in order', async () => {
    const rows = await shelve(10)
    const seen: string[] = []
    let after: string | null = null
    for (;;) {
      const page: Connection<Note> = await read({ first: 3, after })
      seen.push(...titles(page))
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null)
      after = page.pageInfo.endCursor
      if (!page.pageInfo.hasNextPage) break
    }
    expect(seen).toEqual(rows.map(({ title }) => title).reverse())
  })

  test('backwards gives the same pages from the end, each in the order of the list', async () => {
    await shelve(7)
    const last = await read({ last: 3 })
    expect(titles(last)).toEqual(['2', '1', '0'])
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
    const middle = await read({ last: 3, before: last.pageInfo.startCursor })
    expect(titles(middle)).toEqual(['5', '4', '3'])
    expect(middle.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true })
    const top = await read({ before: middle.pageInfo.startCursor })
    expect(titles(top)).toEqual(['6'])
    expect(top.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false })
  })

  test('stays between two cursors', async () => {
    await shelve(9)
    const { edges } = await read({})
    const between = await read({ after: edges[1]!.cursor, before: edges[6]!.cursor, first: 2 })
    expect(titles(between)).toEqual(['6', '5'])
    expect(between.pageInfo.hasNextPage).toBe(true)
  })

  test('goes on in place when rows come and go, the cursor’s own among them', async () => {
    const rows = await shelve(6)
    const first = await read({ first: 2 })
    expect(titles(first)).toEqual(['5', '4'])
    await database.db.delete(notes).where(eq(notes.id, rows[4]!.id))
    await database.db.insert(notes).values(note({ at: new Date(1_800_000_000_000), title: 'new' }))
    expect(titles(await read({ first: 2, after: first.pageInfo.endCursor }))).toEqual(['3', '2'])
  })

  test('in mixed directions meets every row once', async () => {
    const rows = await shelve(25)
    const expected = rows
      .toSorted((a, b) => b.stars - a.stars || (a.title < b.title ? -1 : 1))
      .map(({ title }) => title)
    for (const step of [{ first: 4 }, { last: 4 }]) {
      const seen: string[] = []
      let { edges, pageInfo }: Connection<Note> = await read(step, starsThenTitle)
      for (;;) {
        const batch = edges.map(({ node }) => node.title)
        seen.splice(step.first ? seen.length : 0, 0, ...batch)
        if (!(step.first ? pageInfo.hasNextPage : pageInfo.hasPreviousPage)) break
        const cursor = step.first ? { after: pageInfo.endCursor } : { before: pageInfo.startCursor }
        ;({ edges, pageInfo } = await read({ ...step, ...cursor }, starsThenTitle))
      }
      expect(seen).toEqual(expected)
    }
  })

  test('by an expression works as by a column', async () => {
    await shelve(9)
    const keys: Key[] = [
      { column: sql`length(${notes.title}) + ${notes.stars}`, kind: 'number', direction: 'desc' },
      { column: notes.id, direction: 'asc' },
    ]
    const seen: string[] = []
    for (let after: string | null = null; ;) {
      const page = keyset({ first: 2, after }, keys)
      const rows = await database.db
        .select()
        .from(notes)
        .where(page.where)
        .orderBy(...page.orderBy)
        .limit(page.limit)
      const { nodes, pageInfo } = page.connection(rows, ({ title, stars, id }) => [title.length + stars, id])
      seen.push(...nodes.map(({ title }) => title))
      after = pageInfo.endCursor
      if (!pageInfo.hasNextPage) break
    }
    expect(seen).toEqual(['3', '7', '2', '6', '1', '5', '0', '4', '8'])
  })

  test('finds its place in an index', async () => {
    await shelve(100)
    const { pageInfo } = await read({ first: 50 })
    const page = keyset({ first: 2, after: pageInfo.endCursor }, newestFirst)
    const plan = await database.db.transaction(async (tx) => {
      await tx.execute(sql`set local enable_seqscan = off`)
      return tx.execute(
        sql`explain select * from ${notes} where ${page.where} order by ${sql.join(page.orderBy, sql`, `)} limit 3`,
      )
    })
    const lines = plan.map((row) => String(row['QUERY PLAN'])).join('\n')
    expect(lines).toContain('Index Cond: (ROW(at, id) < ROW(')
    expect(lines).not.toContain('Sort')
  })
})

describe('a page', () => {
  test('has 20 items unless told', async () => {
    await shelve(21)
    const { nodes, edges, pageInfo } = await read({ first: null, last: null, after: null, before: null })
    expect(nodes).toHaveLength(20)
    expect(edges.map(({ node }) => node)).toEqual(nodes)
    expect(pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: edges[0]!.cursor,
      endCursor: edges[19]!.cursor,
    })
  })

  test('may be empty', async () => {
    expect(await read({})).toMatchObject({
      nodes: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    })
  })

  test('counts the list only when asked to', async () => {
    await shelve(3)
    statements.length = 0
    const { totalCount } = await read({ first: 1 })
    expect(statements).toHaveLength(1)
    expect(await totalCount?.()).toBe(3)
    expect(keyset({}, newestFirst).connection([], byTime).totalCount).toBeNull()
  })

  test('is refused with a size that is out of range, or two', () => {
    for (const args of [
      { first: 0 },
      { first: -1 },
      { first: 101 },
      { last: 0 },
      { last: 101 },
      { first: 1, last: 1 },
    ]) {
      expect(() => keyset(args, newestFirst), JSON.stringify(args)).toThrow(badInput)
    }
    expect(keyset({ first: 100 }, newestFirst).limit).toBe(101)
  })

  test('is refused with a cursor that is not one of its list', () => {
    const id = uuidv7()
    const time = '2026-03-01T09:30:00.123Z'
    const forged = [
      [],
      [time],
      [time, id, 1],
      [time, 'x'],
      ['2026-03-01', id],
      ['-000001-01-01T00:00:00.000Z', id],
      [1, id],
      {},
    ]
    for (const cursor of ['', '!', 'bm9uc2Vuc2U', ...forged.map(encoded)]) {
      expect(() => keyset({ after: cursor }, newestFirst), cursor).toThrow(badInput)
      expect(() => keyset({ before: cursor }, newestFirst), cursor).toThrow(badInput)
    }
    for (const values of [
      [2 ** 31, 'a', id],
      [0.5, 'a', id],
      [1, 'a\0', id],
      [null, 'a', id],
      ['1', 'a', id],
    ]) {
      expect(() => keyset({ after: encoded(values) }, starsThenTitle), JSON.stringify(values)).toThrow(badInput)
    }
  })
})

describe('pages of many parents', () => {
  const pageOfShelf = loadGrouped<object, { shelf: string; args: PageArgs }, Connection<Note>>(
    async (_, wanted) => {
      const page = keyset(wanted[0]!.args, newestFirst)
      const shelves = wanted.map(({ shelf }) => shelf)
      const ranked = database.db
        .select({ ...getTableColumns(notes), rank: page.rank(notes.shelf) })
        .from(notes)
        .where(and(inArray(notes.shelf, shelves), page.where))
        .as('ranked')
      const rows = await database.db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(ranked.rank)
      const byShelf = Map.groupBy(rows, ({ shelf }) => shelf)
      return shelves.map((shelf) => page.connection(byShelf.get(shelf) ?? [], byTime))
    },
    { keyOf: ({ shelf }) => shelf, argsOf: ({ args }) => JSON.stringify(args) },
  )

  test('are read in one statement and equal the pages read one by one', async () => {
    await shelve(5, 'a')
    await shelve(2, 'b')
    const request = {}
    statements.length = 0
    const pages = await pageOfShelf(request).loadMany(
      ['a', 'b', 'none'].map((shelf) => ({ shelf, args: { first: 3 } })),
    )
    expect(statements).toHaveLength(1)
    expect(pages).toMatchObject([
      { nodes: [{ title: '4' }, { title: '3' }, { title: '2' }], pageInfo: { hasNextPage: true } },
      { nodes: [{ title: '1' }, { title: '0' }], pageInfo: { hasNextPage: false } },
      { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } },
    ])
  })

  test('go on after a cursor, and come from the end', async () => {
    await shelve(5, 'a')
    await shelve(4, 'b')
    const request = {}
    const first = await pageOfShelf(request).load({ shelf: 'a', args: { first: 2 } })
    const args = { first: 2, after: first.pageInfo.endCursor }
    expect(titles(await pageOfShelf(request).load({ shelf: 'a', args }))).toEqual(['2', '1'])
    const ends = ['a', 'b'].map((shelf) => pageOfShelf(request).load({ shelf, args: { last: 2 } }))
    expect((await Promise.all(ends)).map(titles)).toEqual([
      ['1', '0'],
      ['1', '0'],
    ])
  })
})

const badInput = expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } })
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
