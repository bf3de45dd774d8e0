import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import postgres, { type Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../tests/setup/until.ts'
import { removeAbandoned, startEmbeddedPostgres } from './embedded-postgres.ts'

const MODULE = new URL('./embedded-postgres.ts', import.meta.url).href
const log = { debug() {}, warn() {}, error() {} }
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo()
})

// Made once and copied: initdb is most of a first start.
const pattern = mkdtempSync(join(tmpdir(), 'embedded-pattern-'))
beforeAll(async () => (await start(pattern))[Symbol.asyncDispose]())
afterAll(() => rmSync(pattern, { recursive: true }))

function startedBefore(): string {
  const dataDir = emptyFolder()
  execFileSync('cp', ['-a', join(pattern, 'postgres'), dataDir])
  return dataDir
}

function emptyFolder(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'embedded-'))
  cleanup.push(async () => {
    if (existsSync(join(dataDir, 'postgres'))) await removeAbandoned(dataDir)
    rmSync(dataDir, { recursive: true, force: true })
  })
  return dataDir
}

const start = (dataDir: string) => startEmbeddedPostgres({ dataDir, log })
const cluster = (dataDir: string) => join(dataDir, 'postgres', 'cluster')
const postmaster = (dataDir: string) =>
  Number(readFileSync(join(cluster(dataDir), 'postmaster.pid'), 'utf8').split('\n')[0])

// A killed process stays a zombie until its new parent takes note of it.
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

async function ask<T>(url: string, question: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice() {} })
  try {
    return await question(sql)
  } finally {
    await sql.end()
  }
}

const note = (url: string) =>
  ask(url, (sql) => sql.unsafe('create table note as select 1 as kept').then(() => undefined))
const notes = (url: string) =>
  ask(url, (sql) => sql.unsafe<{ kept: number }[]>('select kept from note').then((rows) => [...rows]))

/** Another process that starts the database and then runs `rest`. */
async function owner(
  dataDir: string,
  rest = 'setInterval(() => {}, 1000)',
): Promise<{ child: ChildProcess; url: string }> {
  const code = `
    import { startEmbeddedPostgres } from '${MODULE}'
    const log = { debug() {}, warn() {}, error() {} }
    const { url } = await startEmbeddedPostgres({ dataDir: '${dataDir}', log })
    console.log(url)
    ${rest}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanup.push(async () => child.kill('SIGKILL') && (await once(child, 'exit')))
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, url }
}

describe('a data folder of its own', () => {
  test('keeps what was written, and its password, from one start to the next', async () => {
    const dataDir = startedBefore()
    {
      await using first = await start(dataDir)
      const [settings] = await ask(first.url, (sql) =>
        sql.unsafe(
          "select current_setting('server_version') as version, current_setting('fsync') as fsync, lower('ÄÖ') as folded",
        ),
      )
      expect(settings).toEqual({ version: expect.stringMatching(/^18\./), fsync: 'on', folded: 'äö' })
      await note(first.url)
    }
    await using second = await start(dataDir)
    expect(await notes(second.url)).toEqual([{ kept: 1 }])
    expect(new URL(second.url).hostname).toBe('127.0.0.1')
  })

  test('stops with a process that ends without disposing', async () => {
    const dataDir = startedBefore()
    const { child } = await owner(dataDir, '')
    if (child.exitCode === null) await once(child, 'exit')
    await until(async () => !existsSync(join(cluster(dataDir), 'postmaster.pid')))
    expect(child.exitCode).toBe(0)
  })
})

describe('the owner was killed', () => {
  test('the server it left is stopped, and what it committed is there', async () => {
    const dataDir = startedBefore()
    const { child, url } = await owner(dataDir)
    await note(url)
    const left = postmaster(dataDir)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(left)).toBe(true)

    await using next = await start(dataDir)
    expect(isAlive(left)).toBe(false)
    expect(await notes(next.url)).toEqual([{ kept: 1 }])
  })

  test('the server as well: it recovers what was committed', async () => {
    const dataDir = startedBefore()
    const { child, url } = await owner(dataDir)
    await note(url)
    child.kill('SIGKILL')
    process.kill(postmaster(dataDir), 'SIGKILL')
    await once(child, 'exit')

    await using next = await start(dataDir)
    expect(await notes(next.url)).toEqual([{ kept: 1 }])
  })

  test('its id is another program’s now, which is left alone', async () => {
    const dataDir = startedBefore()
    const other = spawn('sleep', ['60'])
    cleanup.push(() => other.kill())
    writeFileSync(
      join(cluster(dataDir), 'postmaster.pid'),
      `${other.pid}\n${cluster(dataDir)}\n1700000000\n5432\n\n\n\n`,
    )

    await using next = await start(dataDir)
    expect(next.port).toBeGreaterThan(0)
    expect(other.exitCode ?? other.signalCode).toBeNull()
  })

  test('half-way through the first start: it begins again', async () => {
    const dataDir = emptyFolder()
    mkdirSync(`${cluster(dataDir)}.new`, { recursive: true })
    writeFileSync(join(`${cluster(dataDir)}.new`, 'PG_VERSION'), '18\n')
    await using next = await start(dataDir)
    expect(await ask(next.url, (sql) => sql.unsafe('select 1 as one').then((rows) => [...rows]))).toEqual([{ one: 1 }])
  })
})

describe('the owner is alive', () => {
  test('a second start fails, names it and its folder, and does it no harm', async () => {
    const dataDir = startedBefore()
    const { child, url } = await owner(dataDir)
    await note(url)
    await expect(start(dataDir)).rejects.toThrow(
      `Process ${child.pid} is already running on the data in ${join(dataDir, 'postgres')}`,
    )
    expect(await notes(url)).toEqual([{ kept: 1 }])
  })

  test('so it is within one process', async () => {
    const dataDir = startedBefore()
    await using first = await start(dataDir)
    await expect(start(dataDir)).rejects.toThrow(`Process ${process.pid} is already running`)
    expect(first.port).toBeGreaterThan(0)
  })
})

test('data of another major version are refused, untouched', async () => {
  const dataDir = startedBefore()
  const version = join(cluster(dataDir), 'PG_VERSION')
  writeFileSync(version, '17\n')
  await expect(start(dataDir)).rejects.toThrow('belong to PostgreSQL 17; this is PostgreSQL 18')
  writeFileSync(version, '18\n')
  await using again = await start(dataDir)
  expect(again.port).toBeGreaterThan(0)
})
