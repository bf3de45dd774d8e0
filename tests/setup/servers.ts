// The servers that a test run shares: one PostgreSQL with a migrated template, and Redis where the machine has it.
import { glob, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { loadConfig } from '#platform/config.ts'
import { removeAbandoned, startEmbeddedPostgres } from '#platform/embedded-postgres.ts'
import { redisServerProgram, startRedisServer } from '#platform/redis-server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The superuser's connection to the run's own PostgreSQL. */
    databaseUrl: string
    /** undefined on a machine without redis-server. */
    redisUrl: string | undefined
  }
}

interface Servers {
  databaseUrl: string
  redisUrl: string | undefined
}

// Each project loads this file anew; the servers are one set per run.
const shared = globalThis as { [key: symbol]: Promise<Servers> | undefined }
const PREFIX = join(tmpdir(), 'mercato-test-')
const RUN = Symbol.for('mercato.test.servers')

export default async function setup(project: TestProject): Promise<void> {
  shared[RUN] ??= start((stop) => project.vitest.onClose(stop))
  const { databaseUrl, redisUrl } = await shared[RUN]
  project.provide('databaseUrl', databaseUrl)
  project.provide('redisUrl', redisUrl)
}

async function start(atEnd: (stop: () => Promise<void>) => void): Promise<Servers> {
  await using servers = new AsyncDisposableStack()
  await removeOldRuns()
  const dataDir = await mkdtemp(PREFIX)
  servers.defer(() => rm(dataDir, { recursive: true, force: true }))
  const quiet = { debug() {}, warn() {}, error: console.error }
  const { url } = servers.use(await startEmbeddedPostgres({ dataDir, log: quiet, durable: false }))
  const redis = redisServerProgram() ? servers.use(await startRedisServer()) : undefined
  const { migrateTemplate } = await import('../../drizzle/migrate.ts')
  await migrateTemplate(url, loadConfig({ NODE_ENV: 'test' }))
  const running = servers.move()
  atEnd(() => running.disposeAsync())
  return { databaseUrl: url, redisUrl: redis?.url }
}

// What a killed run left. One that is this young may not have taken its folder yet.
async function removeOldRuns(): Promise<void> {
  for await (const dataDir of glob(`${PREFIX}*`)) {
    // Another run may be removing it, too.
    const found = await stat(dataDir).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > 60_000) await removeAbandoned(dataDir).catch(() => {})
  }
}
