/**
 * Fan-out of live updates to whoever listens now. A message is a hint that may be lost; the truth is in PostgreSQL with a
 * sequence number. Drivers: `live-memory.ts` (one process) and `live-redis.ts` (many).
 */
export interface Live extends AsyncDisposable {
  /**
   * Tells everybody who listens to `topic`, in this process or another. `message` is JSON. Never throws for an outage:
   * the hint is lost, and what it hinted at has been committed anyway.
   */
  publish(topic: string, message: unknown): Promise<void>
  /**
   * Listens to `topics`. Resolves once the subscription stands: what is published after that arrives, in order, each
   * message as a copy of the reader's own. Ends when the iterator returns, `signal` aborts or the port is disposed; what
   * was not read yet is dropped. When a reader falls more than `capacity` (default 1,000) messages behind, the iterator
   * throws `LiveOverflow`; whoever serves it resumes from its last sequence. After an outage the subscription stands
   * again by itself, without what was published meanwhile.
   * @throws when the subscription cannot be confirmed within 5 s.
   */
  subscribe(
    topics: readonly string[],
    options?: { signal?: AbortSignal; capacity?: number },
  ): Promise<AsyncIterableIterator<LiveMessage>>
}

export interface LiveMessage {
  topic: string
  message: unknown
}

/** A reader was too slow; messages were dropped. */
export class LiveOverflow extends Error {
  override name = 'LiveOverflow'
}
