import { and, asc, Column, desc, is, sql, type AnyColumn, type SQL } from 'drizzle-orm'
import { badUserInput } from './errors.ts'
import { isId } from './ids.ts'

const DEFAULT_SIZE = 20
const MAX_SIZE = 100

/** The arguments of every list field. */
export interface PageArgs {
  first?: number | null
  after?: string | null
  last?: number | null
  before?: string | null
}

/**
 * One part of a list's order. Never null, and together unique: end with the id. An expression instead of a column says
 * what its values are.
 */
export type Key =
  | { column: AnyColumn; direction: 'asc' | 'desc' }
  | { column: SQL; direction: 'asc' | 'desc'; kind: 'number' | 'string' }

export type KeyValue = Date | string | number | boolean

/** A page as GraphQL's default resolvers read it: `totalCount` is counted only for who asks. */
export interface Connection<Row = unknown> {
  edges: { cursor: string; node: Row }[]
  nodes: Row[]
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  totalCount: (() => Promise<number>) | null
}

/** What a select needs to read one page, and what turns its rows into the answer. */
export interface Page {
  /** Rows beyond the cursors; undefined without one. */
  where: SQL | undefined
  /** For a page from the end, the list's order turned round; `connection` turns it back. */
  orderBy: SQL[]
  /** One more than the page has: the row that says whether the list goes on. */
  limit: number
  /**
   * The place of each row among those of its parent, for the pages of many parents in one statement: select it beside
   * the row with `where`, keep ranks up to `limit` in the select around that one, order by it, and give each parent's
   * rows to `connection`.
   */
  rank(parent: AnyColumn): SQL.Aliased<number>
  /** `rows` as the select returned them; `keyOf` names a row's values of the page's keys, in their order. */
  connection<Row>(
    rows: readonly Row[],
    keyOf: (row: Row) => readonly KeyValue[],
    options?: { totalCount?: () => Promise<number> },
  ): Connection<Row>
}

/**
 * A page of a list by the Relay cursor specification: 20 items by default, 100 at most. A cursor holds the values of
 * `keys` themselves and not a row's number, so a page stays right while rows come and go.
 * `keyset(args, [{ column: orders.placedAt, direction: 'desc' }, { column: orders.id, direction: 'desc' }])`
 * @throws BAD_USER_INPUT for a size under 1 or over 100, `first` with `last`, and a cursor that is not one of this list's.
 */
export function keyset({ first, after, last, before }: PageArgs, keys: readonly Key[]): Page {
  if (first != null && last != null) badUserInput('Give first or last, not both.')
  // Who names only the item to stop before wants those next to it.
  const isBackward = last != null || (first == null && before != null && after == null)
  const size = first ?? last ?? DEFAULT_SIZE
  if (size < 1 || size > MAX_SIZE) badUserInput(`${isBackward ? 'last' : 'first'} must be from 1 to ${MAX_SIZE}.`)
  const orderBy = keys.map(({ column, direction }) => ((direction === 'desc') === isBackward ? asc : desc)(column))
  return {
    where: and(
      after == null ? undefined : beyond(keys, decodeCursor(after, keys), 'after'),
      before == null ? undefined : beyond(keys, decodeCursor(before, keys), 'before'),
    ),
    orderBy,
    limit: size + 1,
    rank: (parent) =>
      sql`row_number() over (partition by ${parent} order by ${sql.join(orderBy, sql`, `)})`.mapWith(Number).as('rank'),
    connection(rows, keyOf, { totalCount } = {}) {
      const page = rows.slice(0, size)
      const hasMore = rows.length > size
      if (isBackward) page.reverse()
      const edges = page.map((node) => ({ cursor: encodeCursor(keyOf(node)), node }))
      return {
        edges,
        nodes: page,
        pageInfo: {
          // On the side it was not read towards, a page has its cursor's item.
          hasNextPage: isBackward ? before != null : hasMore,
          hasPreviousPage: isBackward ? hasMore : after != null,
          startCursor: edges[0]?.cursor ?? null,
          endCursor: edges.at(-1)?.cursor ?? null,
        },
        totalCount: totalCount ?? null,
      }
    },
  }
}

/** Rows on one side of a cursor, written so that an index on the keys finds where to begin. */
function beyond(keys: readonly Key[], values: readonly KeyValue[], side: 'after' | 'before'): SQL {
  const { column, direction } = keys[0]!
  const comparison = (direction === 'asc') === (side === 'after') ? sql`>` : sql`<`
  const cursor = keys.map((key, index) => bound(values[index]!, key.column))
  if (keys.every((key) => key.direction === direction)) {
    const columns = keys.map((key) => key.column)
    return sql`(${sql.join(columns, sql`, `)}) ${comparison} (${sql.join(cursor, sql`, `)})`
  }
  const rest = beyond(keys.slice(1), values.slice(1), side)
  return sql`(${column} ${comparison}= ${cursor[0]} and (${column} ${comparison} ${cursor[0]} or ${rest}))`
}

const bound = (value: KeyValue, column: AnyColumn | SQL) =>
  is(column, Column) ? sql.param(value, column) : sql.param(value)

const encodeCursor = (values: readonly KeyValue[]): string => Buffer.from(JSON.stringify(values)).toString('base64url')

function decodeCursor(cursor: string, keys: readonly Key[]): KeyValue[] {
  const values = jsonOf(Buffer.from(cursor, 'base64url').toString())
  if (!Array.isArray(values) || values.length !== keys.length) return malformed()
  return keys.map((key, index) => keyValue(values[index], key) ?? malformed())
}

function malformed(): never {
  badUserInput('This is not a cursor of this list.')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A cursor's value, if PostgreSQL will take it for the key: a cursor that was tampered with is the caller's mistake. */
function keyValue(value: unknown, key: Key): KeyValue | undefined {
  const column = 'kind' in key ? undefined : key.column
  const kind = 'kind' in key ? key.kind : key.column.dataType
  if (kind === 'date') return typeof value === 'string' ? timeOf(value) : undefined
  if (kind === 'number') return typeof value === 'number' && isInRange(value, column) ? value : undefined
  if (kind === 'string') return typeof value === 'string' && isText(value, column) ? value : undefined
  if (kind === 'boolean') return typeof value === 'boolean' ? value : undefined
  throw new TypeError(`A list cannot be ordered by a column of ${kind}`)
}

function timeOf(text: string): Date | undefined {
  const time = new Date(text)
  return !Number.isNaN(time.getTime()) && time.toISOString() === text && /^\d{4}-/.test(text) ? time : undefined
}

function isInRange(value: number, column: AnyColumn | undefined): boolean {
  if (column?.columnType === 'PgInteger') return (value | 0) === value
  if (column?.columnType === 'PgBigInt53') return Number.isSafeInteger(value)
  return Number.isFinite(value)
}

function isText(value: string, column: AnyColumn | undefined): boolean {
  if (column?.columnType === 'PgUUID') return isId(value)
  if (column?.columnType === 'PgNumeric') return /^-?\d+(\.\d+)?$/.test(value)
  if (column?.columnType === 'PgEnumColumn') return column.enumValues?.includes(value) ?? false
  // PostgreSQL's text holds no NUL.
  return !value.includes('\0')
}
