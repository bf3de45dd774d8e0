// What a delivered event and an idle subscription cost: `node bench/subscriptions.ts`. Three processes on loopback: the
// router over a small supergraph, a bare `ws` server that sends the same bytes, and the clients of both.
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { WebSocket, WebSocketServer } from 'ws'

const HELP = `node bench/subscriptions.ts [options]

  --subscribers N   anonymous graphql-ws subscribers of one live-only field (2000)
  --events N        events measured, each sent to all of them (40)
  --rounds N        times that router and bare ws take turns (5)
  --idle N          idle subscriptions, one per socket (10000); 0 leaves memory out
  --cycles N        times that they all connect and leave (5)

CPU is user and system time of the serving process per event delivered; the clients' is not in it. An event is hydrated
with fields of two other subgraphs, in process. The next event is sent when all clients have the last one.`

const QUERY = `subscription {
  passing { id name gravity moons { id name } discoverer { name works: planets { name } } }
}`

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    subscribers: { type: 'string', default: '2000' },
    events: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '5' },
    idle: { type: 'string', default: '10000' },
    cycles: { type: 'string', default: '5' },
  },
})

type Command =
  | { do: 'open'; url: string; count: number; address: string }
  | { do: 'close' }
  | { do: 'send'; frame?: string }
  | { do: 'cpu' }
  | { do: 'memory' }
type Answer = {
  url?: string
  frame?: string
  received?: number
  cpuMicros?: number
  bytes?: { rss: number; heap: number }
}

const micros = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}
async function memory() {
  // What has just been closed has yet to be let go.
  for (let pass = 0; pass < 4; pass++) {
    await setTimeout(250)
    globalThis.gc?.()
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

/** Carries out commands of the parent, one at a time. */
function serve(handle: (command: Command) => Promise<Answer> | Answer): void {
  process.on('message', (command: Command) => {
    void (async () => {
      if (command.do === 'cpu') process.send!({ cpuMicros: micros() })
      else if (command.do === 'memory') process.send!({ bytes: await memory() })
      else process.send!(await handle(command))
    })()
  })
}

async function routerRole(): Promise<void> {
  const { startSky } = await import('../router/testing/router-under-test.ts')
  const sky = await startSky('local')
  serve(() => {
    sky.sightings.see('p2')
    return {}
  })
  process.send!({ url: `${sky.url.replace('http', 'ws')}/graphql` })
}

async function bareRole(): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  serve((command) => {
    if (command.do === 'send') for (const socket of server.clients) socket.send(command.frame!)
    return {}
  })
  process.send!({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

function clientsRole(): void {
  let sockets: WebSocket[] = []
  let received = 0
  let frame = ''
  let awaited = 0
  const openOne = async (url: string, localAddress: string): Promise<void> => {
    const socket = new WebSocket(url, 'graphql-transport-ws', { localAddress, perMessageDeflate: false })
    sockets.push(socket)
    await once(socket, 'open')
    const acknowledged = once(socket, 'message')
    socket.send('{"type":"connection_init"}')
    if (!url.endsWith('/graphql')) return
    await acknowledged
    socket.send(JSON.stringify({ id: randomUUID(), type: 'subscribe', payload: { query: QUERY } }))
    // It has begun when what was sent after it is answered.
    const begun = once(socket, 'message')
    socket.send('{"type":"ping"}')
    await begun
  }
  serve(async (command) => {
    if (command.do === 'open') {
      for (let at = 0; at < command.count; at += 50) {
        const batch = Math.min(50, command.count - at)
        await Promise.all(Array.from({ length: batch }, () => openOne(command.url, command.address)))
      }
      for (const socket of sockets) {
        socket.on('message', (data: Buffer) => {
          frame = String(data)
          if (++received === awaited) process.send!({ received, frame })
        })
      }
      awaited = sockets.length
    }
    if (command.do === 'close') {
      await Promise.all(sockets.map((socket) => (socket.close(), once(socket, 'close'))))
      sockets = []
    }
    if (command.do === 'send') received = 0
    return {}
  })
  process.send!({})
}

/** A part of the bench in a process of its own. */
class Part {
  readonly #child: ChildProcess

  constructor(role: string) {
    this.#child = fork(import.meta.filename, [], {
      env: { ...process.env, BENCH_ROLE: role },
      execArgv: ['--expose-gc'],
    })
  }

  async answer(): Promise<Answer> {
    const [answer] = await once(this.#child, 'message')
    return answer as Answer
  }

  async ask(command: Command): Promise<Answer> {
    const answer = this.answer()
    this.#child.send(command)
    return await answer
  }

  stop(): void {
    this.#child.kill()
  }
}

const microsOf = async (part: Part) => (await part.ask({ do: 'cpu' })).cpuMicros!
const bytesOf = async (part: Part) => (await part.ask({ do: 'memory' })).bytes!
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!

/** CPU per delivered event, and the last frame. */
async function deliver(server: Part, clients: Part, frame?: string) {
  const run = async (events: number): Promise<string> => {
    let last = ''
    for (let event = 0; event < events; event++) {
      await clients.ask({ do: 'send' })
      const arrived = clients.answer()
      await server.ask({ do: 'send', ...(frame ? { frame } : {}) })
      last = (await arrived).frame!
    }
    return last
  }
  const subscribers = Number(options.subscribers)
  await run(Math.ceil(Number(options.events) / 4))
  const before = await microsOf(server)
  const last = await run(Number(options.events))
  return { micros: ((await microsOf(server)) - before) / (Number(options.events) * subscribers), frame: last }
}

async function bench(): Promise<void> {
  const parts = ['router', 'bare', 'clients', 'clients'].map((role) => new Part(role))
  const [router, bare, ours, theirs] = parts as [Part, Part, Part, Part]
  try {
    const [{ url: routerUrl }, { url: bareUrl }] = await Promise.all([
      router.answer(),
      bare.answer(),
      ours.answer(),
      theirs.answer(),
    ])
    console.log(`node ${process.version}, ws, ${cpus().length} × ${cpus()[0]?.model}\n`)
    const count = Number(options.subscribers)
    await ours.ask({ do: 'open', url: routerUrl!, count, address: '127.0.0.1' })
    await theirs.ask({ do: 'open', url: bareUrl!, count, address: '127.0.0.1' })

    const [routerMicros, bareMicros]: [number[], number[]] = [[], []]
    let frame = ''
    for (let round = 0; round < Number(options.rounds); round++) {
      const delivered = await deliver(router, ours)
      frame = delivered.frame
      routerMicros.push(delivered.micros)
      bareMicros.push((await deliver(bare, theirs, frame)).micros)
    }
    const ratios = routerMicros.map((value, round) => value / bareMicros[round]!)
    console.log(
      `${count} subscribers, ${options.events} events × ${options.rounds} rounds, ${frame.length} bytes per frame`,
    )
    console.table({
      'router, federated': { 'CPU per event delivered (µs, median)': median(routerMicros).toFixed(2) },
      'bare ws': { 'CPU per event delivered (µs, median)': median(bareMicros).toFixed(2) },
      ratio: { 'CPU per event delivered (µs, median)': median(ratios).toFixed(2) },
    })
    await ours.ask({ do: 'close' })
    await theirs.ask({ do: 'close' })
    if (Number(options.idle) > 0) await idle(router, ours, routerUrl!)
  } finally {
    for (const part of parts) part.stop()
  }
}

async function idle(router: Part, clients: Part, url: string): Promise<void> {
  const count = Number(options.idle)
  const before = await bytesOf(router)
  const rows = []
  for (let cycle = 1; cycle <= Number(options.cycles); cycle++) {
    // An address of its own for each cycle: closed connections keep their ports for a while.
    await clients.ask({ do: 'open', url, count, address: `127.0.0.${cycle + 1}` })
    const held = await bytesOf(router)
    await clients.ask({ do: 'close' })
    const after = await bytesOf(router)
    rows.push({
      'heap per subscription (KB)': ((held.heap - before.heap) / count / 1024).toFixed(1),
      'RSS while held (MB)': (held.rss / 2 ** 20).toFixed(0),
      'heap after all left (MB)': (after.heap / 2 ** 20).toFixed(1),
      'RSS after all left (MB)': (after.rss / 2 ** 20).toFixed(0),
    })
  }
  console.log(
    `${count} idle subscriptions; before: heap ${(before.heap / 2 ** 20).toFixed(1)} MB, RSS ${(before.rss / 2 ** 20).toFixed(0)} MB`,
  )
  console.table(rows)
}

const role = process.env.BENCH_ROLE
if (options.help) console.log(HELP)
else if (role === 'router') await routerRole()
else if (role === 'bare') await bareRole()
else if (role === 'clients') clientsRole()
else await bench()
