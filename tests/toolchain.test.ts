import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import postgres from 'postgres'
import { afterEach, describe, expect, test } from 'vitest'
import { freshDatabase } from './setup/fresh-database.ts'

describe('a fresh database', () => {
  test('has the migrated schemas and is nobody else’s', async () => {
    await using one = await freshDatabase()
    await using other = await freshDatabase()
    expect(one.url).not.toBe(other.url)
    const sql = postgres(one.url, { max: 1 })
    const schemas = await sql<{ nspname: string }[]>`select nspname from pg_namespace`
    await sql.end()
    expect(schemas.map(({ nspname }) => nspname)).toContain('events')
  })
})

describe('npm start and npm test', () => {
  const clones: string[] = []
  afterEach(() => {
    for (const clone of clones.splice(0)) rmSync(clone, { recursive: true })
  })

  const lock = (version: string) => JSON.stringify({ packages: { '': {}, 'node_modules/thing': { version } } })

  /** A clone with a program, and an npm that installs what the lock file says and notes that it was called. */
  function clone(program: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'clone-'))
    clones.push(folder)
    mkdirSync(join(folder, 'scripts'))
    cpSync('scripts/run.mjs', join(folder, 'scripts/run.mjs'))
    writeFileSync(join(folder, 'program.mjs'), program)
    writeFileSync(join(folder, 'package-lock.json'), lock('1.0.0'))
    writeFileSync(
      join(folder, 'npm.cjs'),
      `const fs = require('node:fs')
       fs.mkdirSync('node_modules/.bin', { recursive: true })
       fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json')
       fs.rmSync('node_modules/.bin/node', { force: true })
       fs.symlinkSync(${JSON.stringify(process.execPath)}, 'node_modules/.bin/node')
       fs.appendFileSync('calls', process.argv[2] + ' ')`,
    )
    return folder
  }

  const start = (folder: string, ...args: string[]) =>
    spawn(process.execPath, ['scripts/run.mjs', 'program.mjs', ...args], {
      cwd: folder,
      env: { ...process.env, npm_execpath: join(folder, 'npm.cjs') },
      stdio: ['ignore', 'pipe', 'inherit'],
    })

  async function run(folder: string, ...args: string[]): Promise<{ code: number | null; printed: string }> {
    const child = start(folder, ...args)
    const [printed, [code]] = (await Promise.all([text(child.stdout), once(child, 'exit')])) as [
      string,
      [number | null],
    ]
    return { code, printed }
  }

  const installs = (folder: string) => readFileSync(join(folder, 'calls'), 'utf8').trim().split(' ')

  test('install on a fresh clone, say so, and run the program with its arguments and exit code', async () => {
    const folder = clone('console.log(process.argv.slice(2).join()); process.exitCode = 7')
    const { code, printed } = await run(folder, 'one', 'two')
    expect(code).toBe(7)
    expect(printed).toMatch(/^Installing .+\nInstalled in \d+ s\.\none,two\n$/)
  })

  test('do not install again, whatever the times of the files, until the lock file asks for something else', async () => {
    const folder = clone('')
    await run(folder)
    utimesSync(join(folder, 'package-lock.json'), new Date(), new Date(Date.now() + 3_600_000))
    await run(folder)
    expect(installs(folder)).toEqual(['install'])
    writeFileSync(join(folder, 'package-lock.json'), lock('1.0.1'))
    await run(folder)
    expect(installs(folder)).toEqual(['install', 'install'])
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('pass %s on and end as the program ends', async (signal) => {
    const folder = clone(`
      process.once('${signal}', () => { console.log('orderly'); process.exit(3) })
      setInterval(() => {}, 1000)
      console.log('up')`)
    const child = start(folder)
    let printed = ''
    for await (const chunk of child.stdout) {
      printed += String(chunk)
      if (printed.endsWith('up\n')) child.kill(signal)
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(printed).toMatch(/up\norderly\n$/)
    expect(child.exitCode).toBe(3)
  })
})
