import { Redis } from 'ioredis'
import type { Logger } from './log.ts'

/** How long a command may take. Redis answers in well under a millisecond; a hung one must not hold up requests. */
const COMMAND_TIMEOUT_MS = 1000
/** A peer that vanished without a word would otherwise go unnoticed for the quarter of an hour that TCP takes. */
const HEARTBEAT_MS = 10_000

export interface RedisConnections extends AsyncDisposable {
  commands: Redis
  /** For SUBSCRIBE alone. After an outage it is subscribed to nothing until its user subscribes again. */
  subscriber: Redis
  /** What every key and channel of this shop begins with. */
  prefix: string
  isUp(): Promise<boolean>
}

/**
 * Connects, and stays connected: an outage is logged once and ends by itself. Returns even when Redis is down. Without a
 * connection commands fail at once: nothing in Redis is worth waiting for.
 */
export async function connectRedis(
  url: string,
  log: Logger,
  { heartbeatMs = HEARTBEAT_MS, prefix = 'mercato' }: { heartbeatMs?: number; prefix?: string | undefined } = {},
): Promise<RedisConnections> {
  const commands = client(url, log, 'commands')
  const subscriber = client(url, log, 'live')
  const heartbeats = [commands, subscriber].map((redis) => watchOver(redis, heartbeatMs))
  // A failure has been logged by the client and is tried again.
  await Promise.allSettled([commands.connect(), subscriber.connect()])
  return {
    commands,
    subscriber,
    prefix,
    async isUp() {
      return subscriber.status === 'ready' && (await unlessDown(commands.ping())) === 'PONG'
    },
    async [Symbol.asyncDispose]() {
      for (const heartbeat of heartbeats) clearInterval(heartbeat)
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

function client(url: string, log: Logger, connection: string): Redis {
  const redis = new Redis(url, {
    connectionName: connection,
    lazyConnect: true,
    connectTimeout: 5000,
    commandTimeout: COMMAND_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    // Jitter, so that processes that lost the same Redis do not come back in step.
    retryStrategy: (attempt) => Math.min(attempt * 50, 1000) + Math.random() * 50,
  })
  let isLost = false
  redis.on('error', ({ message }: Error) => {
    // The message alone: the error of a refused AUTH holds the password.
    if (!isLost) log.warn({ connection, reason: message }, 'Redis cannot be reached')
    isLost = true
  })
  redis.on('ready', () => {
    if (isLost) log.info({ connection }, 'Redis is back')
    isLost = false
  })
  return redis
}

/** Takes another connection when one does not answer any more. */
function watchOver(redis: Redis, everyMs: number): NodeJS.Timeout {
  let isAsking = false
  return setInterval(() => {
    if (isAsking || redis.status !== 'ready') return
    isAsking = true
    const goOn = () => (isAsking = false)
    redis.ping().then(goOn, () => {
      redis.once('close', goOn)
      redis.disconnect(true)
    })
  }, everyMs)
}

/** The reply, or undefined when Redis is down, hangs or refuses: all it holds may be lost. */
export const unlessDown = <T>(reply: Promise<T>): Promise<T | undefined> => reply.catch(() => undefined)
