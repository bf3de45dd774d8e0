import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import type { Device } from '#platform/viewer.ts'
import type { Origins } from '../origins.ts'
import type { Admission } from './admission.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { CloseCode, PROTOCOL } from './messages.ts'
import { Pulse } from './pulse.ts'

const PATIENCE_MS = 2_000

export interface SocketOptions extends ConnectionOptions {
  server: Server
  admission: Admission
  origins: Origins
  /** What a client came with, and from where. */
  deviceOf: (incoming: IncomingMessage) => Device
}

/** Serves all operations over graphql-ws at `/graphql`. Disposing of it waits a moment for clients to go. */
export function serveSockets(options: SocketOptions): AsyncDisposable {
  const { server, origins, admission, deviceOf, limits, log } = options
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.frameBytes,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  })
  const connections = new Set<Connection>()
  const pulse = new Pulse(limits.keepAliveMs)
  let onEmpty = (): void => {}

  const onUpgrade = (incoming: IncomingMessage, stream: Duplex, head: Buffer) => {
    const refuse = (status: string) => stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`)
    const path = URL.parse(incoming.url ?? '/', 'http://localhost')?.pathname
    if (path !== '/graphql') return refuse('404 Not Found')
    if (admission.isClosed) return refuse('503 Service Unavailable')
    if (!origins.allows(incoming)) return refuse('403 Forbidden')
    return sockets.handleUpgrade(incoming, stream, head, (socket) => {
      socket.on('error', (error) => log.debug({ err: error }, 'a socket failed'))
      const device = deviceOf(incoming)
      const place = admission.admit(device.ip, () => connection.close(CloseCode.goingAway, 'Going away'))
      // A browser learns nothing of a refused upgrade, but it hears a code.
      if (!place) {
        socket.close(CloseCode.tooMany, 'Too many connections')
        void setTimeout(PATIENCE_MS, undefined, { ref: false }).then(() => socket.terminate())
        return
      }
      const connection = new Connection({ socket, stream, place, device }, options)
      connections.add(connection)
      const stopBeat = pulse.add(() => connection.beat())
      socket.once('close', () => {
        stopBeat()
        connections.delete(connection)
        connection.closed()
        if (connections.size === 0) onEmpty()
      })
    })
  }
  server.on('upgrade', onUpgrade)

  return {
    async [Symbol.asyncDispose]() {
      const empty = new Promise<void>((resolve) => (onEmpty = resolve))
      for (const connection of connections) connection.close(CloseCode.goingAway, 'Going away')
      // A client that does not answer the close is not waited for.
      if (connections.size > 0) await Promise.race([empty, setTimeout(PATIENCE_MS, undefined, { ref: false })])
      for (const connection of connections) connection.terminate()
      server.off('upgrade', onUpgrade)
      pulse[Symbol.dispose]()
    },
  }
}
