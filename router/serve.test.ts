import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { internalTokens } from '#platform/internal-token.ts'
import { sky } from './testing/sky.ts'
import { serveTestSubgraph, type TestSubgraph } from './testing/subgraph-server.ts'

const SERVE = fileURLToPath(new URL('./serve.ts', import.meta.url))

/** The process, once it says where it listens. */
async function serve(env: Record<string, string>): Promise<{ process: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [SERVE], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line)
    if (msg === 'ready') return { process: child, url }
  }
  throw new Error('It ended before it was ready')
}

test('any supergraph is served by its file alone, each subgraph at its own address or where the environment says', async () => {
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'router-'))
  cleanup.defer(() => rm(folder, { recursive: true }))
  const world = sky()
  const tokens = internalTokens('a secret that the router does not share')
  const subgraphs = new Map<string, string>()
  const received: TestSubgraph['received'][] = []
  for (const [name, schema] of world.schemas) {
    const subgraph = cleanup.use(await serveTestSubgraph(name, schema, tokens))
    subgraphs.set(name, subgraph.url)
    received.push(subgraph.received)
  }
  const moved = subgraphs.get('moons')!
  subgraphs.set('moons', 'http://127.0.0.1:1/graphql')
  const file = join(folder, 'supergraph.graphql')
  await writeFile(file, world.supergraphSdl(subgraphs))

  const { process: router, url } = await serve({ SUPERGRAPH_FILE: file, MOONS_URL: moved })
  const ended = new Promise((resolve) => router.once('exit', resolve))
  cleanup.defer(() => void router.kill('SIGKILL'))
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ planet(id: "p2") { name gravity discoverer { name } } }' }),
  })
  expect(await response.json()).toEqual({
    data: { planet: { name: 'Mars', gravity: 67, discoverer: { name: 'Asaph Hall' } } },
  })

  const slow = fetch(`${url}/graphql?query=${encodeURIComponent('{ slow(ms: 400) }')}`, {
    headers: { 'apollo-require-preflight': '1' },
  })
  await expect.poll(() => received.flat().some(({ query }) => query.includes('slow'))).toBe(true)
  router.kill('SIGTERM')
  expect(await (await slow).json()).toEqual({ data: { slow: 'done' } })
  expect(await ended).toBe(0)
})
