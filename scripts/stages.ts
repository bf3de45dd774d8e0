import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { redisServerProgram } from '#platform/redis-server.ts'

export interface Stage {
  name: string
  /** What it found wrong; undefined: nothing. */
  run(): Promise<string | undefined>
}

const command = (name: string, program: string, ...args: string[]): Stage => ({
  name,
  run: () => output(program, args),
})

/** Types for resolvers and calls, from the SDL; git-ignored, so a fresh clone has none. */
export const codegen = command('codegen', 'graphql-codegen', '--config', 'codegen.ts')

/** Everything that is checked without running the shop. */
export const checks: readonly Stage[] = [
  codegen,
  command('types', 'tsc', '--noEmit'),
  command('lint', 'oxlint', '--type-aware', '--deny-warnings'),
  command('format', 'oxfmt', '--check'),
  command('supergraph is up to date', 'node', 'schema/compose.ts', '--check'),
  { name: 'one copy of the federation library', run: oneFederationLibrary },
]

/** Redis, where this machine lets us install it; elsewhere its suites are skipped, which CI does not accept. */
export const redis: Stage = {
  name: 'redis-server',
  async run() {
    if (redisServerProgram()) return undefined
    if (process.platform === 'linux' && process.getuid?.() === 0) {
      const problem = await output('sh', [
        '-c',
        'apt-get update -q && apt-get install -qy --no-install-recommends redis-server',
      ])
      if (redisServerProgram()) return undefined
      if (process.env.CI) return problem ?? 'apt-get installed no redis-server'
    }
    return process.env.CI ? 'redis-server is not on the PATH; install it: with CI set, no suite is skipped' : undefined
  },
}

/** Runs each, failures included, so that one run shows them all. @returns the names of those that failed. */
export async function runStages(stages: readonly Stage[]): Promise<string[]> {
  const failed: string[] = []
  for (const { name, run } of stages) {
    process.stdout.write(`${name} … `)
    const began = performance.now()
    const problem = await run()
    console.log(`${problem === undefined ? 'ok' : 'FAILED'} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
    if (problem === undefined) continue
    failed.push(name)
    console.log(problem)
  }
  return failed
}

// With two copies installed, types of one are not instances of the other's and the gateway fails almost everywhere.
function oneFederationLibrary(): Promise<string | undefined> {
  const copies = globSync('node_modules/**/@apollo/federation-internals/package.json')
  return Promise.resolve(copies.length === 1 ? undefined : `Found ${copies.length}: ${copies.join(', ')}`)
}

function output(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const printed: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => printed.push(chunk))
    child.once('error', (error) => resolve(`${program}: ${error.message}`))
    child.once('close', (code, signal) => {
      const text = Buffer.concat(printed).toString().trim()
      resolve(code === 0 ? undefined : text || `${program} ended with ${signal ?? `code ${code}`}`)
    })
  })
}
