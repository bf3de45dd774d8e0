import { readFile } from 'node:fs/promises'
import type { ExecutionResult, GraphQLFormattedError } from 'graphql'
import { createClient, type Client as SocketClient } from 'graphql-ws'
import { WebSocket } from 'ws'

export type Data = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- a test reads what it asked for
type Variables = Record<string, unknown>

interface Problem {
  code: string
  field: string[] | null
}

export interface Answer {
  status: number
  data?: Data | null
  errors?: readonly GraphQLFormattedError[]
}

/** Text of a golden operation, `schema/operations/NAME.graphql`: what the README tells people to send. */
const operation = (name: string): Promise<string> =>
  readFile(new URL(`../../schema/operations/${name}.graphql`, import.meta.url), 'utf8')

/** Somebody at the shop's counter: a router, and tokens once they have some. */
export class Visitor implements AsyncDisposable {
  readonly router: string
  accessToken: string | undefined
  refreshToken: string | undefined
  #socket: SocketClient | undefined

  constructor(router: string, tokens: { accessToken?: string; refreshToken?: string } = {}) {
    this.router = router
    this.accessToken = tokens.accessToken
    this.refreshToken = tokens.refreshToken
  }

  /** The same person at another router. */
  at(router: string): Visitor {
    return new Visitor(router, { ...(this.accessToken && { accessToken: this.accessToken }) })
  }

  keep({ accessToken, refreshToken }: { accessToken: string; refreshToken: string }): this {
    this.accessToken = accessToken
    this.refreshToken = refreshToken
    return this
  }

  /** Sends a golden operation. Fails the test on top-level errors. */
  async ask(name: string, variables?: Variables): Promise<Data> {
    return await this.query(await operation(name), variables)
  }

  /** Sends the operation `text`. Fails the test on top-level errors. */
  async query(text: string, variables?: Variables): Promise<Data> {
    const { data, errors } = await this.send(text, variables)
    if (errors || !data) throw new Error(JSON.stringify(errors))
    return data
  }

  /**
   * Carries out a mutation: `change('cartClear', { cartId }, 'cart { id }')`.
   * @returns its payload, with the code and the dotted path of each of its errors.
   */
  async change(mutation: string, input: Variables, selection: string): Promise<Data> {
    const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!`
    const text = `mutation ($input: ${type}) {
      ${mutation}(input: $input) { ${selection} userErrors { code field } } }`
    const { userErrors, ...payload } = (await this.query(text, { input }))[mutation]
    const errors = userErrors.map(({ code, field }: Problem) => [code, ...(field ? [field.join('.')] : [])].join(' '))
    return { ...payload, errors }
  }

  /** A golden operation's answer, errors and all. */
  async answer(name: string, variables?: Variables): Promise<Answer> {
    return await this.send(await operation(name), variables)
  }

  async send(query: string, variables?: Variables): Promise<Answer> {
    const response = await fetch(`${this.router}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.accessToken && { authorization: `Bearer ${this.accessToken}` }),
      },
      body: JSON.stringify({ query, variables }),
    })
    return { ...((await response.json()) as Omit<Answer, 'status'>), status: response.status }
  }

  /** Subscribes with a golden operation over this visitor's one socket. */
  async watch(name: string, variables?: Variables): Promise<Watch> {
    return this.subscribe(await operation(name), variables)
  }

  /** Subscribes with the operation `text`. */
  subscribe(text: string, variables?: Variables): Watch {
    this.#socket ??= createClient({
      url: `${this.router.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: this.accessToken ? { authorization: `Bearer ${this.accessToken}` } : {},
      retryAttempts: 0,
    })
    return new Watch(this.#socket, text, variables)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket?.dispose()
  }
}

/** What a subscription brought so far. */
export class Watch implements Disposable {
  readonly events: Data[] = []
  /** Errors that came with it or ended it. */
  readonly errors: GraphQLFormattedError[] = []
  /** Resolves when the server ends it. */
  readonly ended: Promise<void>
  readonly #stop: () => void

  constructor(socket: SocketClient, query: string, variables: Variables = {}) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#stop = socket.subscribe(
      { query, variables },
      {
        next: ({ data, errors }: ExecutionResult<Data>) => {
          if (data) this.events.push(Object.values(data)[0])
          if (errors) this.errors.push(...errors)
        },
        error: (problem) => {
          if (Array.isArray(problem)) this.errors.push(...problem)
          else this.errors.push({ message: String(problem) })
          resolve()
        },
        complete: resolve,
      },
    )
  }

  [Symbol.dispose](): void {
    this.#stop()
  }
}
