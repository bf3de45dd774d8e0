import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Viewer } from '#platform/viewer.ts'

export interface Completion {
  viewer: Viewer
  input: { checkoutId: string }
  /** Failpoints at which it is held, one after the other. */
  points: readonly string[]
}

export type ToVictim = Completion | { goOn: string }

export interface FromVictim {
  id: string
  /** The failpoint; `answer` when the caller was answered without coming to one. */
  reached: string
}

/** A process of its own that completes checkouts and holds each at its failpoint; see child.ts. */
export class Victim implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #waiting = new Map<string, (reached: string) => void>()

  private constructor(child: ChildProcess) {
    this.#process = child
    child.on('message', ({ id, reached }: FromVictim) => this.#waiting.get(id)?.(reached))
  }

  static async start(databaseUrl: string): Promise<Victim> {
    const child = fork(new URL('child.ts', import.meta.url), {
      execArgv: [],
      env: { ...process.env, NODE_ENV: 'test', DATABASE_URL: databaseUrl, CHECKOUT_LEASE_SECONDS: '1' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    return new Victim(child)
  }

  /** Completes a checkout. Resolves with its failpoint once it is held there, or with `answer`. */
  complete(completion: Completion): Promise<string> {
    return this.#ask(completion.input.checkoutId, completion)
  }

  /** Lets a checkout go on to its next failpoint or its answer. */
  goOn(checkoutId: string): Promise<string> {
    return this.#ask(checkoutId, { goOn: checkoutId })
  }

  #ask(id: string, message: ToVictim): Promise<string> {
    const reached = new Promise<string>((resolve) => this.#waiting.set(id, resolve))
    this.#process.send(message)
    return reached
  }

  /** The whole process stands still, as under a debugger or on an overcommitted machine. */
  stop(): void {
    this.#process.kill('SIGSTOP')
  }

  resume(): void {
    this.#process.kill('SIGCONT')
  }

  /** Everything it was doing ends where it is. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exit
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
