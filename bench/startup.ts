// How long a new user waits: from spawning the process to its first answered query.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, startProgram, type Program } from '../tests/system/program.ts'
import { continueOrThrow } from './load.ts'
import { usageOf, type Usage } from './usage.ts'

/** Time from spawn to the first answer, and what the Node.js process had taken by then. */
export interface Start extends Usage {
  tookMs: number
}

const PATIENCE_MS = 60_000
const QUERY = '{ products(first: 20) { nodes { name variants(first: 5) { nodes { price { amount } } } } } }'

/** Starts the shop on new data, stops it, starts it on the same data. */
export async function startTwice(): Promise<{ fresh: Start; existing: Start }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mercato-bench-'))
  try {
    const fresh = await startOnce(dataDir)
    return { fresh, existing: await startOnce(dataDir) }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function startOnce(dataDir: string): Promise<Start> {
  const [port] = await freePorts(1)
  const began = performance.now()
  await using program = startProgram(['main.ts'], { DATA_DIR: dataDir, PORT: `${port}`, LOG_LEVEL: 'error' })
  await firstAnswer(program, `http://127.0.0.1:${port}/graphql`)
  return { tookMs: performance.now() - began, ...(await usageOf(program.pid)) }
}

async function firstAnswer(program: Program, url: string): Promise<void> {
  const body = JSON.stringify({ query: QUERY })
  const headers = { 'content-type': 'application/json' }
  for (const until = performance.now() + PATIENCE_MS; ;) {
    continueOrThrow()
    const answer = await fetch(url, { method: 'POST', headers, body }).then(
      async (response) => await response.text(),
      () => '',
    )
    if (answer.startsWith('{"data":{"products":{')) return
    if (answer || !program.isRunning() || performance.now() > until) throw new Error(answer || program.output())
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
