import { setTimeout } from 'node:timers/promises'
import { request, type Agent } from 'undici'
import type { Program } from '../tests/system/program.ts'
import { continueOrThrow, load, perSecond, percentile, together, type Load } from './load.ts'
import { usageOf } from './usage.ts'

export const CLIENTS = 50
const WARM_UP_SECONDS = 4
const ROUNDS = 4
const ROUND_SECONDS = 3

/** One of the ways to answer that are compared. */
export interface Way {
  name: string
  url: string
  /** All processes that it takes, the gateway's first. */
  programs: readonly [gateway: Program, ...others: Program[]]
}

/** What is asked: these bodies in turn. */
export interface Asked {
  name: string
  bodies: readonly string[]
  accessToken?: string | undefined
}

export interface WayFigures {
  asked: string
  way: string
  perSecond: number
  /** CPU time of all its processes for one request, in microseconds: the median of the rounds. */
  cpuMicros: number
  /** Of the gateway's process alone. */
  gatewayMicros: number
  /** Of all its processes. */
  residentBytes: number
}

interface Run {
  way: Way
  loads: Load[]
  cpuMicros: number[]
  gatewayMicros: number[]
}

/** Waits until the gateway has an answer to `query`, whatever it says. */
export async function untilAnswering({ name, url, programs }: Way, query: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const ask = async (): Promise<string> => {
    const { body } = await request(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
    return await body.text()
  }
  while ((await ask().catch(() => ''))[0] !== '{') {
    continueOrThrow()
    const ended = programs.find((program) => !program.isRunning())
    if (ended) throw new Error(`${name} ended before it was ready:\n${ended.output()}`)
    await setTimeout(100)
  }
}

/**
 * Measures the ways in turns, so that a busy machine is busy for all of them.
 * @throws when one of them answers differently, or with an error: that is quick and would be measured as speed.
 */
export async function inTurns(agent: Agent, ways: readonly Way[], asked: Asked): Promise<WayFigures[]> {
  await assertSameAnswers(agent, ways, asked)
  const runs: Run[] = ways.map((way) => ({ way, loads: [], cpuMicros: [], gatewayMicros: [] }))
  for (const { way } of runs) await load(CLIENTS, WARM_UP_SECONDS, asking(agent, way, asked))
  for (let round = 0; round < ROUNDS; round += 1) for (const run of runs) await measureRound(agent, run, asked)
  return await Promise.all(
    runs.map(async ({ way, loads, cpuMicros, gatewayMicros }) => ({
      asked: asked.name,
      way: way.name,
      perSecond: perSecond(together(loads)),
      cpuMicros: percentile(cpuMicros, 0.5),
      gatewayMicros: percentile(gatewayMicros, 0.5),
      residentBytes: sum((await usagesOf(way)).map(({ residentBytes }) => residentBytes)),
    })),
  )
}

async function measureRound(agent: Agent, { way, loads, cpuMicros, gatewayMicros }: Run, asked: Asked): Promise<void> {
  const before = await usagesOf(way)
  const measured = await load(CLIENTS, ROUND_SECONDS, asking(agent, way, asked))
  const taken = (await usagesOf(way)).map(({ cpuMs }, index) => cpuMs - before[index]!.cpuMs)
  const microsOf = (cpuMs: number): number => (cpuMs * 1_000) / measured.latencies.length
  loads.push(measured)
  cpuMicros.push(microsOf(sum(taken)))
  gatewayMicros.push(microsOf(taken[0]!))
}

const usagesOf = ({ programs }: Way) => Promise.all(programs.map(({ pid }) => usageOf(pid)))

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function asking(agent: Agent, way: Way, { bodies, accessToken }: Asked): () => Promise<boolean> {
  let next = 0
  return async () => {
    const text = await answerOf(agent, way, bodies[next++ % bodies.length]!, accessToken)
    if (text.includes('"errors":')) throw new Error(`${way.name}: ${text.slice(0, 300)}`)
    return true
  }
}

async function answerOf(agent: Agent, { url }: Way, body: string, accessToken?: string): Promise<string> {
  const headers = { 'content-type': 'application/json', ...(accessToken && { authorization: `Bearer ${accessToken}` }) }
  const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body })
  return await answer.body.text()
}

async function assertSameAnswers(agent: Agent, ways: readonly Way[], { name, bodies, accessToken }: Asked) {
  for (const body of bodies) {
    const answers = await Promise.all(ways.map(async (way) => dataOf(await answerOf(agent, way, body, accessToken))))
    const different = answers.findIndex((answer) => answer !== answers[0])
    if (different < 0) continue
    throw new Error(`${ways[different]!.name} answers ${name} differently:\n${answers[0]}\n${answers[different]}`)
  }
}

function dataOf(answer: string): string {
  const { data, errors } = JSON.parse(answer) as { data?: unknown; errors?: unknown }
  if (errors || !data) throw new Error(answer.slice(0, 300))
  return JSON.stringify(data)
}
