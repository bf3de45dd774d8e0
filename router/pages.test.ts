import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseSideRoutes } from './side-routes.ts'
import { startSky, type Sky } from './testing/router-under-test.ts'

describe('addresses beside GraphQL', () => {
  let sky: Sky
  const seen: Record<string, unknown>[] = []
  const neighbour = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      seen.push({ url: request.url, method: request.method, body, ...request.headers })
      response.writeHead(201, { 'content-type': 'text/plain', 'x-answered-by': 'neighbour' }).end('hello')
    })
  })
  beforeAll(async () => {
    await new Promise<void>((done) => neighbour.listen(0, '127.0.0.1', done))
    const { port } = neighbour.address() as AddressInfo
    const within = {
      prefix: '/within',
      handle: async (request: Request) =>
        Response.json({ path: new URL(request.url).pathname, body: await request.text() }),
    }
    sky = await startSky('local', { sideRoutes: [within, ...parseSideRoutes(`/there=http://127.0.0.1:${port}`)] })
  })
  afterAll(async () => {
    await sky[Symbol.asyncDispose]()
    await new Promise((done) => neighbour.close(done))
  })

  test('a route within the process answers its path and those below it', async () => {
    const answer = await fetch(`${sky.url}/within/reach?x=1`, { method: 'POST', body: 'hi' })
    expect(await answer.json()).toEqual({ path: '/within/reach', body: 'hi' })
    expect((await fetch(`${sky.url}/without`)).status).toBe(404)
    expect((await fetch(`${sky.url}/withinreach`)).status).toBe(404)
  })

  test('a route elsewhere is forwarded to, without what clients claim to be', async () => {
    const answer = await fetch(`${sky.url}/there/a?b=c`, {
      method: 'POST',
      body: 'hi',
      headers: { 'x-mercato-identity': 'forged', 'x-request-id': 'request-1' },
    })
    expect([answer.status, await answer.text(), answer.headers.get('x-answered-by')]).toEqual([
      201,
      'hello',
      'neighbour',
    ])
    expect(seen[0]).toMatchObject({
      url: '/there/a?b=c',
      method: 'POST',
      body: 'hi',
      'x-request-id': 'request-1',
      'x-forwarded-for': expect.stringContaining('127.0.0.1'),
    })
    expect(seen[0]).not.toHaveProperty('x-mercato-identity')
  })

  test('GraphiQL comes whole, compressed and cached', async () => {
    const answer = await fetch(`${sky.url}/graphiql`)
    const page = await answer.text()
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect(page).toContain('/graphql')
    expect(page).not.toMatch(/<script[^>]+src=/)
    const again = await fetch(`${sky.url}/graphiql`, { headers: { 'if-none-match': answer.headers.get('etag')! } })
    expect(again.status).toBe(304)
  })

  test('Apollo Sandbox is the page of the endpoint in development', async () => {
    const accept = { headers: { accept: 'text/html' } }
    expect(await (await fetch(sky.url, accept)).text()).toContain('EmbeddedSandbox')
    expect(await (await fetch(`${sky.url}/graphql`, accept)).text()).toContain('EmbeddedSandbox')
  })

  test('a list of side routes that is none is refused', () => {
    expect(() => parseSideRoutes('/a=ftp://x')).toThrow('/a=ftp://x')
    expect(parseSideRoutes(' /a=http://x , ')).toEqual([{ prefix: '/a', url: 'http://x' }])
  })
})
