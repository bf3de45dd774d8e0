import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { HttpConnections } from './http-connections.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const answer = (body: string, head = '') => `${HEAD}${head}content-length: ${body.length}\r\n\r\n${body}`
const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
const later = () => Date.now() + 60_000
const late = () => new Error('late')

/** A server that hands each request to `onRequest`, with the connection's number. */
async function serve(onRequest: (path: string, socket: Socket, connection: number) => void, isSecure = false) {
  let connections = 0
  const sockets = new Set<Socket>()
  const listener = (socket: Socket) => {
    const number = ++connections
    sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => {}))
    socket.on('data', (bytes) => onRequest(/ (\S+) /.exec(String(bytes))![1]!, socket, number))
  }
  const server = isSecure ? createTlsServer({ key: KEY, cert: CERTIFICATE }, listener) : createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const url = new URL(isSecure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`)
  const client = new HttpConnections({ url, maxBytes: 1_000 })
  return {
    ask: (path: string, signal?: AbortSignal, until = later()) => client.send(request(path), { until, late, signal }),
    client,
    url,
    sockets,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

describe('a connection', () => {
  test('serves one request after another, and several connections serve those at the same time', async () => {
    await using server = await serve((path, socket, connection) => socket.write(answer(`${path} ${connection}`)))
    expect(await server.ask('/a')).toBe('/a 1')
    expect(await server.ask('/b')).toBe('/b 1')
    const both = await Promise.all([server.ask('/c'), server.ask('/d')])
    expect(both.toSorted()).toEqual(['/c 1', '/d 2'])
    expect(server.connections()).toBe(2)
  })

  test.each([
    ['the server says so', 'connection: close\r\n'],
    ['it would not be kept long enough', 'keep-alive: timeout=1\r\n'],
  ])('is not used again when %s', async (_why, head) => {
    await using server = await serve((_path, socket, connection) => socket.write(answer(`${connection}`, head)))
    expect(await server.ask('/')).toBe('1')
    expect(await server.ask('/')).toBe('2')
  })

  test('that the server closed is replaced', async () => {
    await using server = await serve((_path, socket, connection) => socket.end(answer(`${connection}`)))
    expect(await server.ask('/')).toBe('1')
    await expect.poll(() => server.sockets.size).toBe(0)
    expect(await server.ask('/')).toBe('2')
  })

  test('may end with the answer, if that has no length', async () => {
    await using server = await serve((path, socket) => socket.end(`${HEAD}\r\nall of ${path}`))
    expect(await server.ask('/a')).toBe('all of /a')
  })

  test('is free for whoever waits once there are as many as there may be', async () => {
    const held: (() => void)[] = []
    await using server = await serve((path, socket) => held.push(() => socket.write(answer(path))))
    const all = Array.from({ length: 130 }, (_, index) => server.ask(`/${index}`))
    await expect.poll(() => held.length).toBe(128)
    for (const release of held.splice(0)) release()
    await expect.poll(() => held.length).toBe(2)
    for (const release of held.splice(0)) release()
    expect(await Promise.all(all)).toHaveLength(130)
    expect(server.connections()).toBe(128)
  })
})

describe('there is no answer when', () => {
  test('the connection breaks before it is whole', async () => {
    await using server = await serve((path, socket) => {
      socket.write(path === '/length' ? `${HEAD}content-length: 9\r\n\r\n{}` : `${HEAD}\r\nall`)
      setImmediate(() => (path === '/length' ? socket.end() : socket.resetAndDestroy()))
    })
    await expect(server.ask('/length')).rejects.toThrow('ended before')
    await expect(server.ask('/reset')).rejects.toThrow('ECONNRESET')
  })

  test('what comes is no HTTP', async () => {
    await using server = await serve((_path, socket) => socket.write('SSH-2.0\r\n\r\n'))
    await expect(server.ask('/')).rejects.toThrow('not HTTP')
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('nobody listens', async () => {
    const gone = await serve(() => {})
    await gone[Symbol.asyncDispose]()
    await using client = new HttpConnections({ url: gone.url, maxBytes: 10 })
    await expect(client.send(request('/'), { until: later(), late })).rejects.toThrow('ECONNREFUSED')
  })

  test('it is too late, or nobody waits any more: the connection is closed', async () => {
    await using server = await serve(() => {})
    await expect(server.ask('/', undefined, Date.now() + 20)).rejects.toThrow('late')
    await expect.poll(() => server.sockets.size).toBe(0)
    const gone = new AbortController()
    const asked = server.ask('/', gone.signal)
    await expect.poll(() => server.sockets.size).toBe(1)
    gone.abort('gone')
    await expect(asked).rejects.toBe('gone')
    await expect.poll(() => server.sockets.size).toBe(0)
    await expect(server.ask('/', AbortSignal.abort('before'))).rejects.toBe('before')
    expect(server.connections()).toBe(2)
  })

  test('the client is closed, for those too who wait for a connection', async () => {
    await using server = await serve(() => {})
    const all = Promise.allSettled(Array.from({ length: 129 }, () => server.ask('/')))
    await expect.poll(() => server.sockets.size).toBe(128)
    await server.client[Symbol.asyncDispose]()
    expect((await all).map(({ status }) => status)).not.toContain('fulfilled')
    expect(server.connections()).toBe(128)
  })
})

test('over TLS a server is believed whose certificate is, and no other', async () => {
  const known = getCACertificates('default')
  await using server = await serve((path, socket) => socket.write(answer(path)), true)
  await expect(server.ask('/a')).rejects.toThrow('self-signed')
  setDefaultCACertificates([...known, CERTIFICATE])
  try {
    expect(await server.ask('/b')).toBe('/b')
    expect(await server.ask('/c')).toBe('/c')
  } finally {
    setDefaultCACertificates(known)
  }
  expect(server.connections()).toBe(1)
})

// Of nobody: made for this test.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXAJ1hWpdxFPBFDp5
JIRKkn/5eA8yFuTbX2jo1TXB+yShRANCAARVhflEjp9HTFozHEVgys7R83sWaNGE
CSU0UckeI7a4yOMEu+A8SrK76gHxM3to4cjjBOj2gMzgr3KpUNyABT1x
-----END PRIVATE KEY-----`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdDCCARqgAwIBAgIUMnMP9W9he5DGT4uCOevczbJvz/cwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARVhflEjp9HTFozHEVgys7R83sWaNGECSU0UckeI7a4yOMEu+A8SrK7
6gHxM3to4cjjBOj2gMzgr3KpUNyABT1xo0gwRjAUBgNVHREEDTALgglsb2NhbGhv
c3QwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUoaEsVe8qLouHjJekT0sBRa9z
z+MwCgYIKoZIzj0EAwIDSAAwRQIhANvqqqkIjh7m/U593R8bH16K9zjBYW55vJfs
dWdjmycLAiBHOMvu/mnZTg+kE8QcjqbeobgKJ5QXpj6CNFis2a9npQ==
-----END CERTIFICATE-----`
