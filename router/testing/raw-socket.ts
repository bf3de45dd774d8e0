import { once } from 'node:events'
import { WebSocket } from 'ws'

export interface Message {
  type: string
  id?: string
  payload?: any // oxlint-disable-line typescript/no-explicit-any -- a test reads what it asked for
}

/** A socket without a client library: what is sent is what goes over the wire. */
export interface RawSocket extends AsyncDisposable {
  socket: WebSocket
  send(message: unknown): void
  /** The next message that has not been read. */
  next(): Promise<Message>
  /** Whether something came that has not been read. */
  hasMore(): boolean
  closed: Promise<{ code: number; reason: string }>
}

export function rawSocket(url: string, { protocol = 'graphql-transport-ws', headers = {} } = {}): RawSocket {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol ? [protocol] : [], { headers })
  const messages: Message[] = []
  let wake = (): void => {}
  socket.on('message', (data) => {
    messages.push(JSON.parse((data as Buffer).toString('utf8')))
    wake()
  })
  socket.on('error', () => {})
  return {
    socket,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async next() {
      while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      return messages.shift()!
    },
    hasMore: () => messages.length > 0,
    closed: new Promise((resolve) => socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }))),
    async [Symbol.asyncDispose]() {
      socket.terminate()
    },
  }
}

/** A raw socket that was acknowledged. */
export async function initialised(url: string, payload?: Record<string, unknown>): Promise<RawSocket> {
  const raw = rawSocket(url)
  await once(raw.socket, 'open')
  raw.send({ type: 'connection_init', payload })
  const { type } = await raw.next()
  if (type !== 'connection_ack') throw new Error(`Not acknowledged: ${type}`)
  return raw
}
