import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const STOP_TIMEOUT_MS = 15_000

const started = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})

/** One of our programs as a child process. Disposal stops it as an operator would; what does not stop is killed. */
export interface Program extends AsyncDisposable {
  pid: number
  /** What it has printed so far, without colours. */
  output(): string
  isRunning(): boolean
  signal(name: NodeJS.Signals): void
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>
}

/** Starts `node ARGS…` with nothing of this process's environment but its PATH. */
export function startProgram(args: readonly string[], env: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (printed += stripVTControlCharacters(text)))
  }
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode!)
  const kill = () => child.kill('SIGKILL')
  started.add(child)
  return {
    pid: child.pid!,
    output: () => printed,
    isRunning,
    signal: (name) => void child.kill(name),
    ended,
    async [Symbol.asyncDispose]() {
      if (isRunning()) child.kill('SIGTERM')
      const timer = setTimeout(kill, STOP_TIMEOUT_MS)
      await ended
      clearTimeout(timer)
      started.delete(child)
    },
  }
}

/** Waits until `url` answers 200. @throws with what the program printed when it ends first, or takes too long. */
export async function whenReady(program: Program, url: string, timeoutMs = 180_000): Promise<void> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => undefined,
    )
    if (status === 200) return
    if (!program.isRunning()) throw new Error(`It ended before it was ready:\n${program.output()}`)
    if (performance.now() > end) throw new Error(`Not ready within ${timeoutMs} ms (${status}):\n${program.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Ports that nobody listened on a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening(createServer())))
  const ports = servers.map((server) => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('No free port')
    return address.port
  })
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  return ports
}

async function listening(server: Server): Promise<Server> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}
