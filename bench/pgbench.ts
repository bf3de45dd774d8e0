// PostgreSQL's own yardstick: what the same server does of the simplest purchase there is, five statements and a commit.
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Sql } from 'postgres'

const run = promisify(execFile)
const SCALE = 16

/** Why there is no yardstick on this machine, or undefined. */
export const missingPgbench = (): string | undefined =>
  program()
    ? undefined
    : 'pgbench is not here; with it its TPC-B-like rate stands beside. Debian: apt-get install postgresql (and leave that server stopped)'

const program = (): string | undefined => globSync('/usr/lib/postgresql/*/bin/pgbench').toSorted().at(-1)

/** The yardstick on a database of its own on the server of `admin`. */
export async function openPgbench(
  admin: Sql,
  serverUrl: string,
): Promise<(clients: number, seconds: number) => Promise<number>> {
  await admin.unsafe('create database pgbench')
  const url = new URL(serverUrl)
  const env = {
    ...process.env,
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: url.username,
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: 'pgbench',
  }
  const pgbench = async (...args: string[]) => (await run(program()!, args, { env })).stdout
  await pgbench('--initialize', '--quiet', `--scale=${SCALE}`)
  return async (clients, seconds) => {
    const printed = await pgbench(`--client=${clients}`, '--jobs=1', `--time=${seconds}`, '--protocol=prepared')
    return Number(/tps = ([\d.]+)/.exec(printed)![1])
  }
}
