// The SQL of one request, read off PostgreSQL's own log: what really arrives there, with its parameters.
import type { Sql } from 'postgres'

export interface Statement {
  text: string
  parameters: readonly (string | null)[]
}

/** Statements that one part sent in a row over one connection; in a transaction or not. */
export interface Batch {
  part: string
  isTransaction: boolean
  statements: Statement[]
}

interface Entry extends Statement {
  application: string
  connection: string
}

const PREFIX = '|%a|%p|'
const LINE = /^\|([^|]*)\|(\d+)\|(\w+):  (.*)$/
const PARAMETER = /\$\d+ = (?:NULL|'((?:[^']|'')*)')/g
const MARKER = 'mercato bench'
// Relay, queues and this benchmark: not part of answering a request.
const BESIDES = new Set(['mercato relay', 'mercato queues', MARKER])
const RELOAD_MS = 200

/** Collects the server's log lines. Nothing is logged, and nothing slowed down, but while `during` runs. */
export class StatementLog {
  #lines: string[] = []
  #seen: ((line: string) => void) | undefined

  /** To be called with each line of the server's log. */
  add(line: string): void {
    if (line.startsWith('\t') && this.#lines.length > 0) this.#lines.push(`${this.#lines.pop()}\n${line.slice(1)}`)
    else this.#lines.push(line)
    this.#seen?.(line)
  }

  /** What each run of `send` makes the parts send. Statements of jobs that happen to run are among them. */
  async during(admin: Sql, runs: number, send: () => Promise<unknown>): Promise<Batch[][]> {
    await this.#set(admin, 'all')
    const batches: Batch[][] = []
    for (let run = 0; run < runs; run += 1) {
      await this.#mark(admin, `before ${run}`)
      this.#lines = []
      await send()
      await this.#mark(admin, `after ${run}`)
      batches.push(batched(this.#entries()))
    }
    await this.#set(admin, 'none')
    return batches
  }

  async #set(admin: Sql, which: 'all' | 'none'): Promise<void> {
    await admin.unsafe(`alter system set log_line_prefix = '${PREFIX}'`)
    await admin.unsafe(`alter system set log_statement = '${which}'`)
    await admin`select pg_reload_conf(), set_config('application_name', ${MARKER}, false)`
    await new Promise((resolve) => setTimeout(resolve, RELOAD_MS))
  }

  // The log arrives later than the answers: whatever was sent before a statement of ours is there once that one is.
  async #mark(admin: Sql, mark: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#seen = (line) => line.includes(`'${mark}'`) && resolve()
    await admin.unsafe(`select '${mark}'`)
    await promise
  }

  #entries(): Entry[] {
    const entries: Entry[] = []
    for (const line of this.#lines) {
      const [, application = '', connection = '', level, said = ''] = LINE.exec(line.replaceAll('\n', '\0')) ?? []
      const message = said.replaceAll('\0', '\n')
      const text = /^(?:execute [^:]+|statement): (.*)$/s.exec(message)?.[1]
      const last = entries.at(-1)
      if (level === 'LOG' && text !== undefined && application.startsWith('mercato ') && !BESIDES.has(application))
        entries.push({ application, connection, text, parameters: [] })
      else if (level === 'DETAIL' && last?.connection === connection) last.parameters = parametersOf(message)
    }
    return entries
  }
}

const parametersOf = (detail: string): (string | null)[] =>
  [...detail.matchAll(PARAMETER)].map(([, value]) => value?.replaceAll("''", "'") ?? null)

function batched(entries: readonly Entry[]): Batch[] {
  const batches: Batch[] = []
  const open = new Map<string, Batch>()
  for (const { application, connection, text, parameters } of entries) {
    const current = open.get(connection)
    const [verb = ''] = text.trim().toLowerCase().split(/\W/)
    if (verb === 'commit' || verb === 'rollback') open.delete(connection)
    else if (current) current.statements.push({ text, parameters })
    else {
      const isTransaction = verb === 'begin'
      const statements = isTransaction ? [] : [{ text, parameters }]
      const batch = { part: application.slice('mercato '.length), isTransaction, statements }
      batches.push(batch)
      if (isTransaction) open.set(connection, batch)
    }
  }
  return batches
}

/** Statements in all, transaction control left out. */
export const countOf = (batches: readonly Batch[]): number =>
  batches.reduce((count, { statements }) => count + statements.length, 0)
