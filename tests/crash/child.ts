// A process of its own that completes checkouts, for the crash tests to kill or to stop. It is told over IPC what to
// complete, says when a checkout has come to its failpoint, and holds it there until it is told to go on.
import { loadConfig } from '#platform/config.ts'
import { uuidv7 } from '#platform/ids.ts'
import { createLogger } from '#platform/log.ts'
import { openPorts } from '#platform/ports.ts'
import { runSubgraph } from '#platform/run-subgraph.ts'
import type { Transport } from '#platform/transport.ts'
import { localTransport } from '#platform/transport-local.ts'
import { loadSubgraph } from '../../subgraphs/all.ts'
import { holdAtFailpoints } from '../../subgraphs/orders/failpoint.ts'
import type { FromVictim, ToVictim } from './victim.ts'

const COMPLETE =
  'mutation ($input: CheckoutCompleteInput!) { checkoutComplete(input: $input) { isReplay userErrors { code } } }'

const tell = (message: FromVictim): void => void process.send!(message)

const config = loadConfig()
const log = createLogger({ level: 'silent', pretty: false, name: 'crash' })
const ports = await openPorts({ log })
const transports = new Map<string, Transport>()
for (const name of ['inventory', 'cart', 'orders', 'payments', 'delivery'] as const) {
  const part = runSubgraph(await loadSubgraph(name), { config, ports, log, transports })
  transports.set(name, localTransport({ name, schema: part.schema, createContext: part.createContext, log }))
}

const pointsOf = new Map<string, string[]>()
const held = new Map<string, () => void>()

holdAtFailpoints(async (point, id) => {
  const points = pointsOf.get(id)
  if (points?.[0] !== point) return
  points.shift()
  await new Promise<void>((resolve) => {
    held.set(id, resolve)
    tell({ id, reached: point })
  })
})

process.on('message', (message: ToVictim) => {
  if ('goOn' in message) {
    held.get(message.goOn)?.()
    return
  }
  const { viewer, input, points } = message
  const id = input.checkoutId
  pointsOf.set(id, [...points])
  const request = { viewer, requestId: uuidv7(), query: COMPLETE, variables: { input } }
  void transports
    .get('orders')!
    .execute(request)
    .then(() => tell({ id, reached: 'answer' }))
})
process.once('disconnect', () => process.exit())
tell({ id: '', reached: 'ready' })
