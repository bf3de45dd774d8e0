import type { Live, LiveMessage } from './live.ts'
import { LiveReader, type LiveReaderOptions } from './live-reader.ts'
import { LiveTopics } from './live-topics.ts'
import { unlessDown, type RedisConnections } from './redis.ts'

/** How long a new subscription waits for a Redis that is just restarting. */
const OUTAGE_PATIENCE_MS = 5000

/** Live updates among processes: Redis pub/sub, one subscribing connection per process, one SUBSCRIBE per topic. */
export class RedisLive implements Live {
  readonly #redis: RedisConnections
  readonly #prefix: string
  readonly #topics = new LiveTopics()
  /** Topic → Redis' confirmation, for the connection as it stands. */
  readonly #confirmations = new Map<string, Promise<unknown>>()
  readonly #waitingForRedis = new Set<() => void>()

  constructor(redis: RedisConnections) {
    this.#redis = redis
    this.#prefix = `${redis.prefix}:live:`
    redis.subscriber.on('message', (channel: string, text: string) =>
      this.#topics.deliver(channel.slice(this.#prefix.length), text),
    )
    redis.subscriber.on('close', () => this.#confirmations.clear())
    redis.subscriber.on('ready', () => {
      this.#resubscribe()
      for (const resume of this.#waitingForRedis) resume()
    })
  }

  async publish(topic: string, message: unknown): Promise<void> {
    await unlessDown(this.#redis.commands.publish(this.#prefix + topic, JSON.stringify(message ?? null)))
  }

  async subscribe(
    topics: readonly string[],
    options: LiveReaderOptions = {},
  ): Promise<AsyncIterableIterator<LiveMessage>> {
    const reader = new LiveReader(options, () => this.#unsubscribe(this.#topics.leave(reader, topics)))
    if (options.signal?.aborted) {
      reader.end()
      return reader
    }
    this.#topics.join(reader, topics)
    try {
      await this.#stand(topics).catch(async () => {
        await this.#back()
        if (!options.signal?.aborted) await this.#stand(topics)
      })
    } catch (cause) {
      reader.end()
      throw new Error('Redis cannot be reached: no live updates for now', { cause })
    }
    return reader
  }

  async #stand(topics: readonly string[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.#confirmations.get(topic) ?? this.#confirm([topic])))
  }

  /** Resolves when Redis is back, rejects when that takes too long. */
  #back(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error('Not back in time')), OUTAGE_PATIENCE_MS)
    this.#waitingForRedis.add(resolve)
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waitingForRedis.delete(resolve)
    })
  }

  async #confirm(topics: readonly string[]): Promise<void> {
    const confirmation = this.#redis.subscriber.subscribe(...topics.map((topic) => this.#prefix + topic))
    for (const topic of topics) this.#confirmations.set(topic, confirmation)
    try {
      await confirmation
    } catch (error) {
      for (const topic of topics) {
        if (this.#confirmations.get(topic) === confirmation) this.#confirmations.delete(topic)
      }
      throw error
    }
  }

  #resubscribe(): void {
    const topics = this.#topics.names()
    if (topics.length === 0) return
    // A connection that does not confirm would leave readers deaf without their knowing: take another.
    this.#confirm(topics).catch(() => {
      if (this.#redis.subscriber.status === 'ready') this.#redis.subscriber.disconnect(true)
    })
  }

  #unsubscribe(topics: readonly string[]): void {
    if (topics.length === 0) return
    for (const topic of topics) this.#confirmations.delete(topic)
    // A later SUBSCRIBE to the same topic is sent behind this and wins. Without a connection this fails, and may: the
    // next one subscribes to what is read then.
    this.#redis.subscriber.unsubscribe(...topics.map((topic) => this.#prefix + topic)).catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#topics.end()
  }
}
