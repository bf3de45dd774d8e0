// A process of its own that runs one mutation of orders, for the crash tests to kill: it dies at FAILPOINT. Its only
// argument is `{ viewer, query, variables }` in JSON.
import { loadConfig } from '#platform/config.ts'
import { uuidv7 } from '#platform/ids.ts'
import { createLogger } from '#platform/log.ts'
import { openPorts } from '#platform/ports.ts'
import { runSubgraph } from '#platform/run-subgraph.ts'
import { localTransport } from '#platform/transport-local.ts'
import type { Transport } from '#platform/transport.ts'
import type { Viewer } from '#platform/viewer.ts'
import { loadSubgraph } from '../all.ts'

const asked = JSON.parse(process.argv[2]!) as { viewer: Viewer; query: string; variables: Record<string, unknown> }
const config = loadConfig()
const log = createLogger({ level: 'silent', pretty: false, name: 'crash' })
await using ports = await openPorts({ log })
await using parts = new AsyncDisposableStack()
const transports = new Map<string, Transport>()
for (const name of ['inventory', 'orders', 'payments', 'delivery'] as const) {
  const part = parts.use(runSubgraph(await loadSubgraph(name), { config, ports, log, transports }))
  transports.set(name, localTransport({ name, schema: part.schema, createContext: part.createContext, log }))
}
await transports.get('orders')!.execute({ requestId: uuidv7(), ...asked })
