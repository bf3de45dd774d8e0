import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { internalTokens } from './internal-token.ts'
import { subgraphSocket } from './transport-socket.ts'
import { anonymous } from './viewer.ts'

const tokens = internalTokens('a secret of the tests that is long enough')
const request = { query: 'subscription { a }', viewer: anonymous, requestId: 'r' }

/** A peer that speaks graphql-ws by hand: `onSubscribe` gets the socket and the id of each operation. */
async function peer(onSubscribe: (socket: WebSocket, id: string, payload: { extensions: object }) => void) {
  const server = createServer()
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'graphql-transport-ws' })
  sockets.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => {
      const { type, id, payload } = JSON.parse(data.toString())
      if (type === 'connection_init') socket.send('{"type":"connection_ack"}')
      if (type === 'subscribe') onSubscribe(socket, id, payload)
    }),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      await new Promise((done) => server.close(done))
    },
  }
}

const next = (id: string, a: number) => JSON.stringify({ id, type: 'next', payload: { data: { a } } })

test('each operation on the one socket says for whom it is', async () => {
  const payloads: { extensions: object }[] = []
  await using other = await peer((socket, id, payload) => {
    payloads.push(payload)
    socket.send(next(id, payloads.length))
    socket.send(JSON.stringify({ id, type: 'complete' }))
  })
  await using socket = subgraphSocket({ name: 'part', url: other.url, tokens })
  expect(await Array.fromAsync(socket.subscribe(request))).toEqual([{ data: { a: 1 } }])
  expect(await Array.fromAsync(socket.subscribe({ ...request, requestId: 'other' }))).toEqual([{ data: { a: 2 } }])
  expect(payloads[1]!.extensions).toEqual({
    'x-mercato-identity': await tokens.sign(anonymous, 'part'),
    'x-request-id': 'other',
  })
})

test('a reader that falls a thousand events behind is ended rather than given a stream with holes', async () => {
  let operations = 0
  await using other = await peer((socket, id) => {
    if (operations++ > 0) socket.send(JSON.stringify({ id, type: 'complete' }))
    else for (let a = 0; a < 1_500; a++) socket.send(next(id, a))
  })
  await using socket = subgraphSocket({ name: 'part', url: other.url, tokens })
  const read: unknown[] = []
  const reading = (async () => {
    for await (const { data } of socket.subscribe(request)) {
      read.push(data!.a)
      // What is sent on the same socket comes after it: by then all the events have come.
      if (read.length === 1) await Array.fromAsync(socket.subscribe(request))
    }
  })()
  await expect(reading).rejects.toMatchObject({ extensions: { code: 'SUBSCRIPTION_LIMIT_EXCEEDED' } })
  expect(read).toEqual(read.map((_, index) => index))
  expect(read.length).toBeLessThan(1_500)
})

test.each([1000, 1001, 4500])(
  'a close with %i ends those who follow, since nobody knows what they missed',
  async (code) => {
    await using other = await peer((socket, id) => {
      socket.send(next(id, 1))
      socket.close(code)
    })
    await using socket = subgraphSocket({ name: 'part', url: other.url, tokens })
    const events = socket.subscribe(request)
    expect(await events.next()).toEqual({ done: false, value: { data: { a: 1 } } })
    await expect(events.next()).rejects.toMatchObject({ extensions: { code: 'SUBGRAPH_CONNECTION_LOST' } })
  },
)

test('a refusal ends its operation only', async () => {
  await using other = await peer((socket, id) => {
    socket.send(JSON.stringify({ id, type: 'error', payload: [{ message: 'No.', extensions: { code: 'FORBIDDEN' } }] }))
  })
  await using socket = subgraphSocket({ name: 'part', url: other.url, tokens })
  const [{ errors }] = (await Array.fromAsync(socket.subscribe(request))) as [{ errors: unknown }]
  expect(errors).toMatchObject([{ message: 'No.', extensions: { code: 'FORBIDDEN' } }])
})

test('nobody there is SUBGRAPH_UNAVAILABLE', async () => {
  await using socket = subgraphSocket({ name: 'part', url: 'ws://127.0.0.1:1', tokens })
  await expect(socket.subscribe(request).next()).rejects.toMatchObject({ extensions: { code: 'SUBGRAPH_UNAVAILABLE' } })
})
