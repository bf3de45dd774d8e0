import { startRuntime, warm, type Lasting, type Runtime } from './runtime.ts'

/** The runtime that answers now. Another takes its place whole, or not at all. */
export class Runtimes implements AsyncDisposable {
  /** How often another supergraph was taken up, and how often one was refused. */
  readonly counts = { loaded: 0, refused: 0 }
  readonly #lasting: Lasting
  #current: Runtime
  #sdl: string
  #reloading: Promise<void> = Promise.resolve()
  readonly #retiring = new Set<Promise<void>>()
  #isStopped = false

  private constructor(sdl: string, current: Runtime, lasting: Lasting) {
    this.#sdl = sdl
    this.#current = current
    this.#lasting = lasting
  }

  /** @throws Error when the supergraph cannot be served */
  static async start(sdl: string, lasting: Lasting): Promise<Runtimes> {
    return new Runtimes(sdl, await startRuntime(sdl, lasting), lasting)
  }

  get current(): Runtime {
    return this.#current
  }

  /**
   * Serves another supergraph from now on. It is made ready beside the one that answers meanwhile; what is under way then
   * ends where it began. One reload after the other.
   * @param onSwap takes live operations over
   * @throws Error when it cannot be served; all stays as it was
   */
  reload(sdl: string, onSwap: (next: Runtime) => void): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload(sdl, onSwap))
    this.#reloading = reloaded.catch(() => {})
    return reloaded
  }

  async #reload(sdl: string, onSwap: (next: Runtime) => void): Promise<void> {
    if (sdl === this.#sdl || this.#isStopped) return
    const older = this.#current
    const next = await this.#ready(sdl, older).catch((error: unknown) => {
      this.counts.refused++
      throw error
    })
    this.#sdl = sdl
    this.#current = next
    this.counts.loaded++
    onSwap(next)
    const retired = this.#retire(older).finally(() => this.#retiring.delete(retired))
    this.#retiring.add(retired)
  }

  async #retire(older: Runtime): Promise<void> {
    try {
      await older[Symbol.asyncDispose]()
    } catch (error) {
      this.#lasting.log.error({ err: error }, 'an old supergraph was not put away')
    }
  }

  async #ready(sdl: string, older: Runtime): Promise<Runtime> {
    await using made = new AsyncDisposableStack()
    const next = made.use(await startRuntime(sdl, this.#lasting))
    await warm(next, older)
    made.move()
    return next
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    await this.#reloading
    await Promise.all(this.#retiring)
    await this.#current[Symbol.asyncDispose]()
  }
}
