// A process of its own, for the crash tests to kill or to stop. It is told over IPC what to do, says when that has come to
// a failpoint, and holds it there until it is told to go on.
import { loadConfig } from '#platform/config.ts'
import { uuidv7 } from '#platform/ids.ts'
import { createLogger } from '#platform/log.ts'
import { openPorts } from '#platform/ports.ts'
import { runSubgraph, type RunningSubgraph } from '#platform/run-subgraph.ts'
import type { Transport } from '#platform/transport.ts'
import { localTransport } from '#platform/transport-local.ts'
import { loadSubgraph } from '../../subgraphs/all.ts'
import { holdAtFailpoints } from '../../subgraphs/orders/failpoint.ts'
import { expireCheckouts, resumeCheckout, takeUpNow } from '../../subgraphs/orders/recovery.ts'
import type { Deed, FromVictim, ToVictim } from './victim.ts'

const tell = (message: FromVictim): void => void process.send!(message)

const config = loadConfig()
const log = createLogger({ level: 'silent', pretty: false, name: 'crash' })
const ports = await openPorts({ log })
const transports = new Map<string, Transport>()
const parts = new Map<string, RunningSubgraph>()
for (const name of ['inventory', 'cart', 'orders', 'payments', 'delivery'] as const) {
  const part = runSubgraph(await loadSubgraph(name), { config, ports, log, transports })
  parts.set(name, part)
  transports.set(name, localTransport({ name, schema: part.schema, createContext: part.createContext, log }))
}

async function act(deed: Deed): Promise<unknown> {
  if ('ask' in deed) return await transports.get(deed.ask)!.execute({ requestId: uuidv7(), ...deed })
  const own = parts.get('orders')!.ownContext()
  if ('resume' in deed) return await resumeCheckout(own, deed.resume)
  const later = { ...own, now: () => new Date(Date.now() + deed.minutes * 60_000) }
  await expireCheckouts(later)
  return await takeUpNow(later, { id: deed.expire })
}

// By the id of what is to be held; an empty one is any.
const pointsOf = new Map<string, string[]>()
const held = new Map<string, () => void>()

holdAtFailpoints(async (point, id) => {
  const meant = pointsOf.has(id) ? id : ''
  const points = pointsOf.get(meant)
  if (points?.[0] !== point) return
  points.shift()
  await new Promise<void>((resolve) => {
    held.set(meant, resolve)
    tell({ id: meant, reached: point })
  })
})

process.on('message', (message: ToVictim) => {
  if ('goOn' in message) {
    held.get(message.goOn)?.()
    return
  }
  const { id, deed, points } = message
  pointsOf.set(id, [...points])
  void act(deed).then(() => tell({ id, reached: 'answer' }))
})
process.once('disconnect', () => process.exit())
tell({ id: '', reached: 'ready' })
