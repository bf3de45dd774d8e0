import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { errorResponse } from './http.ts'
import type { Logger } from './log.ts'
import { isSameSecret } from './sealed.ts'

// What cannot be read in time is left out: whoever looks because something hangs wants the other figures all the more.
const PATIENCE_MS = 2_000

/** A number for one set of labels. Their values are few and known beforehand: never an id, never what somebody typed. */
export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

/** A figure that is read whenever somebody asks for it. */
export interface Figure {
  /** As Prometheus has it: `mercato_queue_dead_letters`, with `_total` at the end of what only grows. */
  name: string
  help: string
  /** Names of the labels that its samples have. */
  labels?: readonly string[]
  read(): number | readonly Sample[] | Promise<number | readonly Sample[]>
}

export interface MetricsOptions {
  /** What a reader has to show as `authorization: Bearer …`. */
  token?: string | undefined
  /** Without a token: whether anybody may read, or nobody. */
  isOpen: boolean
  log: Logger
}

/** The figures of one process, as text that Prometheus reads. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #figures = new Map<string, Figure[]>()
  readonly #options: MetricsOptions

  constructor(options: MetricsOptions) {
    this.#options = options
  }

  /** Adds what any process has: lag of the event loop, garbage collection, memory, processor time. */
  addProcess(): void {
    collectDefaultMetrics({ register: this.#registry })
  }

  /** Adds something that goes up and down. Several may add to one name, with samples whose labels differ. */
  gauge(figure: Figure): void {
    if (this.#join(figure)) return
    const gauge: Gauge = new Gauge({
      ...this.#described(figure),
      collect: () => this.#fill(gauge, figure, (labels, value) => gauge.set(labels, value)),
    })
  }

  /** Adds something that only grows, until the process or what counts it is replaced. */
  counter(figure: Figure): void {
    if (this.#join(figure)) return
    const counter: Counter = new Counter({
      ...this.#described(figure),
      collect: () => this.#fill(counter, figure, (labels, value) => counter.inc(labels, value)),
    })
  }

  /** Adds durations in seconds, to be observed as they come. */
  durations(figure: Omit<Figure, 'read'>, buckets: readonly number[]): Histogram {
    return new Histogram({ ...this.#described(figure), buckets: [...buckets] })
  }

  /** Answers whoever may read, by their `authorization` header. */
  async answer(authorization: string | undefined): Promise<Response> {
    const { token, isOpen } = this.#options
    if (!token && !isOpen) return errorResponse(404, 'NOT_FOUND', 'There is nothing here.')
    if (token && !isSameSecret(authorization?.replace(/^Bearer +/i, ''), token)) {
      return errorResponse(401, 'UNAUTHENTICATED', 'Show the token of the metrics.')
    }
    const text = await this.#registry.metrics()
    return new Response(text, { headers: { 'content-type': this.#registry.contentType, 'cache-control': 'no-store' } })
  }

  #described({ name, help, labels = [] }: Omit<Figure, 'read'>) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] }
  }

  /** Whether the name is there already, and one more adds to it. */
  #join(figure: Figure): boolean {
    const figures = this.#figures.get(figure.name)
    figures?.push(figure)
    if (!figures) this.#figures.set(figure.name, [figure])
    return figures !== undefined
  }

  async #fill(metric: Gauge | Counter, { name }: Figure, add: (labels: Sample['labels'], value: number) => void) {
    const samples = await Promise.all((this.#figures.get(name) ?? []).map((figure) => this.#read(figure)))
    metric.reset()
    // prom-client has a zero for what has no labels, which would be a lie about a figure that could not be read.
    metric.remove({})
    for (const { labels, value } of samples.flat()) add(labels, value)
  }

  async #read({ name, read }: Figure): Promise<readonly Sample[]> {
    try {
      const reading = await inTime(read())
      return typeof reading === 'number' ? [{ labels: {}, value: reading }] : reading
    } catch (error) {
      this.#options.log.warn({ err: error, figure: name }, 'a figure cannot be read')
      return []
    }
  }
}

async function inTime<T>(reading: T | Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`It took longer than ${PATIENCE_MS} ms`)), PATIENCE_MS)
  return await Promise.race([reading, late]).finally(() => clearTimeout(timer))
}
