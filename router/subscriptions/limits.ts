/** How much clients that stay connected may ask for. */
export interface SubscriptionLimits {
  /** graphql-ws sockets and HTTP streams at once. */
  connections: number
  connectionsPerAddress: number
  /** Of one account, guest or API key. */
  connectionsPerCaller: number
  /** Operations under way on one socket. */
  operationsPerSocket: number
  frameBytes: number
  /** Until `connection_init` must have come. */
  initMs: number
  /** How long a connection may stay; clients of a longer need connect again. */
  lifetimeMs: number
  /** How often a connection is asked whether somebody is there. Who does not answer until the next time is not. */
  keepAliveMs: number
  /** How often something goes out over an HTTP stream, at least. */
  heartbeatMs: number
  /** Events that may wait for one slow operation. */
  waitingEvents: number
  /** Characters of events that may wait for one slow connection. */
  waitingSize: number
  /** Bytes that may wait in a connection's own buffer; beyond, nobody is reading and it is ended. */
  bufferedBytes: number
}

export const defaultSubscriptionLimits = (isDevelopment: boolean): SubscriptionLimits => ({
  connections: 50_000,
  // A developer's clients, and their load tests, all come from one address.
  connectionsPerAddress: isDevelopment ? Infinity : 1_000,
  connectionsPerCaller: isDevelopment ? Infinity : 100,
  operationsPerSocket: 100,
  frameBytes: 1_048_576,
  initMs: 3_000,
  lifetimeMs: 24 * 60 * 60 * 1000,
  keepAliveMs: 12_000,
  heartbeatMs: 5_000,
  waitingEvents: 1_000,
  waitingSize: 1_048_576,
  bufferedBytes: 16 * 1_048_576,
})
