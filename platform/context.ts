import type { Calls } from './calls.ts'
import type { Cache } from './cache.ts'
import type { Config } from './config.ts'
import type { Db } from './database.ts'
import type { Live } from './live.ts'
import type { Logger } from './log.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Device, Viewer } from './viewer.ts'

/** What a resolver, a reaction or a job works with: one per request, event or run. */
export interface Context {
  /** The subgraph's own schema, through its own role. */
  db: Db
  viewer: Viewer
  /** What the client came with. Tells sessions apart and slows down guessing; proves nothing. */
  device: Device
  /** The clock. Use cases never ask another. */
  now(): Date
  log: Logger
  requestId: string
  /** Aborts when the caller has gone or its deadline has passed. */
  signal: AbortSignal
  /** Epoch milliseconds after which nobody waits for the answer. */
  deadline: number
  live: Live
  cache: Cache
  rateLimit: RateLimit
  config: Config
  /** Asks another subgraph. See calls.ts. */
  call: Calls
}
