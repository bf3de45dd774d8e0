import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from './log.ts'
import { environment, type ServerUser } from './server-user.ts'

// Seven pools of ten, queues, listeners, and a second set of them in tests.
const MAX_CONNECTIONS = 300
const STOP_TIMEOUT_MS = 20_000
const START_ATTEMPTS = 5

export interface ServerOptions {
  cluster: string
  program: string
  user: ServerUser
  log: Pick<Logger, 'debug' | 'warn' | 'error'>
  durable: boolean
  port: number | undefined
}

/** @throws with what the server printed when it does not come up. */
export async function startServer(options: ServerOptions): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort())
    const started = await launch(options, port)
    if ('child' in started) return { child: started.child, port }
    // Somebody took the port since, or the processes of a killed server have not all gone yet.
    const isPassing = /could not bind|Address already in use|shared memory block|lock file .* already exists/.test(
      started.problem,
    )
    if (!isPassing || attempt === START_ATTEMPTS) throw new Error(`PostgreSQL did not start: ${started.problem}`)
    await delay(attempt * 200)
  }
}

async function launch(options: ServerOptions, port: number): Promise<{ child: ChildProcess } | { problem: string }> {
  const { cluster, program, user, log, durable } = options
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${MAX_CONNECTIONS}`,
    'timezone=UTC',
    'log_timezone=UTC',
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ]
  const [command, args] = user.command(program, [
    '-D',
    cluster,
    '-p',
    String(port),
    ...settings.flatMap((each) => ['-c', each]),
  ])
  const child = spawn(command, args, {
    ...environment(user),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C goes to us alone, and the database outlives the requests that still use it.
    detached: true,
  })
  const lines = createInterface(child.stderr)
  const printed: string[] = []
  const started = await new Promise<boolean>((resolve) => {
    child.once('error', (error) => {
      printed.push(error.message)
      resolve(false)
    })
    child.once('close', () => resolve(false))
    lines.on('line', (line) => {
      printed.push(line)
      if (line.includes('ready to accept connections')) resolve(true)
    })
  })
  if (!started) return { problem: printed.join('\n') }
  lines.removeAllListeners('line').on('line', (line) => log[/\b(FATAL|PANIC):/.test(line) ? 'warn' : 'debug'](line))
  child.once('exit', (code, signal) => {
    if (code !== 0) log.error({ code, signal }, 'PostgreSQL ended')
  })
  // Whoever forgets to dispose may still end; the handler of `exit` stops the server.
  child.unref()
  if (child.stderr instanceof Socket) child.stderr.unref()
  return { child }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No free port')
  await new Promise((resolve) => server.close(resolve))
  return address.port
}

/**
 * To be called with the folder locked: a server on it has lost the process that started it. @returns whether there was one
 */
export async function stopAbandoned(cluster: string): Promise<boolean> {
  const pidFile = join(cluster, 'postmaster.pid')
  if (!existsSync(pidFile)) return false
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  const isServer = () => commandOf(pid).includes(`-D ${cluster} `)
  const isLeft = isServer()
  if (isLeft) await stopProcess((signal) => process.kill(pid, signal), isServer)
  // The id is another program's now. PostgreSQL would take that one for a running server and refuse.
  else if (commandOf(pid) !== '') rmSync(pidFile)
  return isLeft
}

// The command line of a process; empty when there is none.
function commandOf(pid: number): string {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** SIGINT: roll back what is open, write what is committed, end. In vain, SIGQUIT: end; the next start recovers. */
export async function stopProcess(kill: (signal: NodeJS.Signals) => unknown, isAlive: () => boolean): Promise<void> {
  const began = performance.now()
  if (isAlive()) kill('SIGINT')
  while (isAlive()) {
    if (performance.now() - began > STOP_TIMEOUT_MS) kill('SIGQUIT')
    await delay(20)
  }
}
