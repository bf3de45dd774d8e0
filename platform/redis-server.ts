import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'

export interface RedisServer extends AsyncDisposable {
  url: string
  port: number
  /** `SIGSTOP` makes it hang, `SIGCONT` go on. */
  signal(name: NodeJS.Signals): void
}

/** Where the `redis-server` program is, if it is on the PATH. */
export function redisServerProgram(): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'))
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Starts a Redis of the caller's own: loopback only, nothing written to disk, killed on disposal.
 * @throws when `redis-server` is not on the PATH or does not start.
 */
export async function startRedisServer({ port }: { port?: number } = {}): Promise<RedisServer> {
  const program = redisServerProgram()
  if (!program) throw new Error('redis-server is not on the PATH; on Debian, install the package redis-server')
  const ownPort = port ?? (await freePort())
  const server = spawn(program, ['--port', `${ownPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(server, 'exit')
  const kill = () => server.kill('SIGKILL')
  process.once('exit', kill)
  await ready(server.stdout)
  return {
    url: `redis://127.0.0.1:${ownPort}`,
    port: ownPort,
    signal: (name) => server.kill(name),
    async [Symbol.asyncDispose]() {
      process.off('exit', kill)
      kill()
      await exited
    },
  }
}

async function ready(output: Readable): Promise<void> {
  let said = ''
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    said += String(chunk)
    if (said.includes('Ready to accept connections')) {
      output.resume()
      return
    }
  }
  throw new Error(`redis-server did not start:\n${said}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No free port')
  server.close()
  await once(server, 'close')
  return address.port
}
