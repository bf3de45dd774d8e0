import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Viewer } from '#platform/viewer.ts'

/** What a process is told to do. */
export type Deed =
  | { ask: 'orders' | 'payments'; viewer: Viewer; query: string; variables: Record<string, unknown> }
  /** Goes on with a checkout, as on news of its payment. */
  | { resume: string }
  /** Does what the jobs do that many minutes later, with one checkout. */
  | { expire: string; minutes: number }

export type ToVictim = { id: string; deed: Deed; points: readonly string[] } | { goOn: string }

export interface FromVictim {
  id: string
  /** The failpoint; `answer` when it was done without coming to one. */
  reached: string
}

const COMPLETE =
  'mutation ($input: CheckoutCompleteInput!) { checkoutComplete(input: $input) { isReplay userErrors { code } } }'
const CONFIRM =
  'mutation ($input: PaymentActionConfirmInput!) { paymentActionConfirm(input: $input) { userErrors { code } } }'

/** Whatever comes to a failpoint is meant. */
const ANY = ''

/** A process of its own that does what it is told and is held at failpoints; see child.ts. */
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

  /** Completes a checkout. Resolves with its first failpoint once it is held there, or with `answer`. */
  complete({ viewer, input, points }: { viewer: Viewer; input: { checkoutId: string }; points: readonly string[] }) {
    const deed: Deed = { ask: 'orders', viewer, query: COMPLETE, variables: { input } }
    return this.#do(input.checkoutId, deed, points)
  }

  /** Asks orders for something else, to be held wherever it comes to a failpoint. */
  ask(viewer: Viewer, query: string, input: object, points: readonly string[]): Promise<string> {
    return this.#do(ANY, { ask: 'orders', viewer, query, variables: { input } }, points)
  }

  /** The buyer says that the bank's question was answered. */
  confirm(viewer: Viewer, paymentId: string): Promise<string> {
    const deed: Deed = { ask: 'payments', viewer, query: CONFIRM, variables: { input: { paymentId } } }
    return this.#do(paymentId, deed, [])
  }

  resume(checkoutId: string, points: readonly string[]): Promise<string> {
    return this.#do(checkoutId, { resume: checkoutId }, points)
  }

  expire(checkoutId: string, minutes: number, points: readonly string[]): Promise<string> {
    return this.#do(checkoutId, { expire: checkoutId, minutes }, points)
  }

  /** Lets a checkout go on to its next failpoint or its answer. */
  goOn(checkoutId: string): Promise<string> {
    return this.#tell({ goOn: checkoutId }, checkoutId)
  }

  #do(id: string, deed: Deed, points: readonly string[]): Promise<string> {
    return this.#tell({ id, deed, points }, id)
  }

  #tell(message: ToVictim, id: string): Promise<string> {
    const reached = new Promise<string>((resolve) => this.#waiting.set(id, resolve))
    this.#process.send(message)
    return reached
  }

  /** The whole process stands still, as under a debugger or on an overcommitted machine. */
  stop(): void {
    this.#process.kill('SIGSTOP')
  }

  /** It goes on where it stood. */
  wake(): void {
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
