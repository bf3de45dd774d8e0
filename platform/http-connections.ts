import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ResponseReader } from './http-response.ts'

const MAX_CONNECTIONS = 128
const CONNECT_MS = 3_000
// Servers close what is idle, Node.js after 5 s; what is sent at that moment is lost.
const IDLE_MS = 4_000
const IDLE_MARGIN_MS = 1_000
const READ_BYTES = 65_536

export interface HttpConnectionsOptions {
  /** `http://…` or `https://…`; its path does not count. */
  url: URL
  /** How large an answer may be. */
  maxBytes: number
}

export interface Waiting {
  /** Epoch milliseconds. */
  until: number
  /** What to reject with when nothing has come by then. */
  late: () => Error
  /** Aborts when nobody waits any more, with what to reject with as its reason. */
  signal?: AbortSignal | undefined
}

/**
 * Kept-alive HTTP/1.1 connections to one server, each with one request at a time, the first to be idle used last. A
 * general client, undici's too, spends more on a request to a subgraph than the engine does on its answer: this one
 * writes a request in one piece, reads into memory of its own and parses no header that nobody asks for.
 */
export class HttpConnections implements AsyncDisposable {
  readonly #options: HttpConnectionsOptions
  readonly #open = new Set<Connection>()
  readonly #idle: Connection[] = []
  readonly #queue: Exchange[] = []

  constructor(options: HttpConnectionsOptions) {
    this.#options = options
  }

  /**
   * @param request the whole of it, head and body
   * @returns the body of the answer, whatever its status. Rejects when there is none.
   */
  send(request: string, waiting: Waiting): Promise<string> {
    const exchange = new Exchange(request, waiting)
    if (exchange.isOver) return exchange.answer
    const connection = this.#idleOne() ?? (this.#open.size < MAX_CONNECTIONS ? this.#connect() : undefined)
    if (connection) connection.begin(exchange)
    else this.#queue.push(exchange)
    return exchange.answer
  }

  #idleOne(): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (!connection || connection.isFresh) return connection
      connection.break()
    }
  }

  #connect(): Connection {
    const connection = new Connection(this.#options, {
      onIdle: () => {
        const next = this.#next()
        if (next) connection.begin(next)
        else this.#idle.push(connection)
      },
      onEnd: () => {
        this.#open.delete(connection)
        const at = this.#idle.indexOf(connection)
        if (at >= 0) this.#idle.splice(at, 1)
        const next = this.#next()
        if (next) this.#connect().begin(next)
      },
    })
    this.#open.add(connection)
    return connection
  }

  #next(): Exchange | undefined {
    for (;;) {
      const exchange = this.#queue.shift()
      if (!exchange?.isOver) return exchange
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const exchange of this.#queue.splice(0)) exchange.fail(new Error('The connections are closed'))
    await Promise.all([...this.#open].map((connection) => connection.close()))
  }
}

/** A request and what becomes of it. */
class Exchange {
  readonly request: string
  readonly answer: Promise<string>
  isOver = false
  /** Hears when nobody waits any more. */
  onGivenUp: (() => void) | undefined
  readonly #resolve: (body: string) => void
  readonly #reject: (reason: unknown) => void
  readonly #waiting: Waiting
  readonly #timer: NodeJS.Timeout

  constructor(request: string, waiting: Waiting) {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    this.request = request
    this.answer = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#waiting = waiting
    const { until, signal } = waiting
    this.#timer = setTimeout(this.#onLate, Math.max(0, until - Date.now()))
    signal?.addEventListener('abort', this.#onGone, { once: true })
    if (signal?.aborted) this.#onGone()
  }

  succeed(body: string): void {
    this.#settle()
    this.#resolve(body)
  }

  fail(reason: unknown): void {
    if (this.isOver) return
    this.#settle()
    this.#reject(reason)
  }

  readonly #onLate = () => this.#giveUp(this.#waiting.late())
  readonly #onGone = () => this.#giveUp(this.#waiting.signal?.reason)

  #giveUp(reason: unknown): void {
    this.fail(reason)
    this.onGivenUp?.()
  }

  #settle(): void {
    this.isOver = true
    clearTimeout(this.#timer)
    this.#waiting.signal?.removeEventListener('abort', this.#onGone)
  }
}

interface ConnectionListener {
  /** It can take another request. */
  onIdle(): void
  onEnd(): void
}

class Connection {
  readonly #socket: Socket
  readonly #reader: ResponseReader
  readonly #listener: ConnectionListener
  #exchange: Exchange | undefined
  #idleSince = 0
  #problem: Error | undefined

  constructor({ url, maxBytes }: HttpConnectionsOptions, listener: ConnectionListener) {
    this.#reader = new ResponseReader(maxBytes)
    this.#listener = listener
    const isSecure = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const memory = Buffer.allocUnsafeSlow(READ_BYTES)
    const options = {
      host,
      port: Number(url.port) || (isSecure ? 443 : 80),
      noDelay: true,
      keepAlive: true,
      onread: { buffer: memory, callback: (count: number) => this.#read(memory.subarray(0, count)) },
    }
    this.#socket = isSecure ? connectTls({ ...options, ...servername(host) }) : connectPlain(options)
    const connecting = setTimeout(() => this.break(new Error('It took too long to connect')), CONNECT_MS)
    this.#socket
      .once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
      .once('end', () => this.#ended())
      .on('error', (error) => this.break(error))
      .once('close', () => {
        clearTimeout(connecting)
        this.#listener.onEnd()
        this.#exchange?.fail(this.#problem)
      })
  }

  /** Whether the server is sure to keep it open for another request. */
  get isFresh(): boolean {
    const { keptMs = Infinity } = this.#reader
    if (this.#problem) return false
    return Date.now() - this.#idleSince < Math.min(IDLE_MS, keptMs - IDLE_MARGIN_MS)
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange
    exchange.onGivenUp = () => this.break()
    this.#socket.write(exchange.request)
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return
    const closed = new Promise<void>((done) => this.#socket.once('close', () => done()))
    this.break()
    await closed
  }

  #read(bytes: Buffer): boolean {
    try {
      const body = this.#reader.read(bytes)
      if (body !== undefined) this.#answered(body)
    } catch (error) {
      this.break(error as Error)
    }
    return true
  }

  #answered(body: string): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    const isIdle = exchange && this.#reader.isReusable && !this.#problem
    if (!isIdle) this.break()
    exchange?.succeed(body)
    if (!isIdle) return
    this.#idleSince = Date.now()
    this.#listener.onIdle()
  }

  #ended(): void {
    const body = this.#exchange && this.#reader.end()
    if (body === undefined) this.break()
    else this.#answered(body)
  }

  break(problem: Error = new Error('The connection ended before the answer did')): void {
    this.#problem ??= problem
    this.#socket.destroy()
  }
}

// Addresses are no names that a certificate could be asked for.
const servername = (host: string) => (/^[\d.]+$|:/.test(host) ? {} : { servername: host })
