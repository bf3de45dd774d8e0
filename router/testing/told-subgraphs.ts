import { composeServices } from '@apollo/composition'
import { parse, type ExecutionResult } from 'graphql'
import { failures } from '#platform/transport-failures.ts'
import { createLogger } from '#platform/log.ts'
import type { SubgraphRequest, Transport } from '#platform/transport.ts'
import { anonymous } from '#platform/viewer.ts'
import { createEngine, type OperationRequest } from '../engine/execute.ts'
import { loadSupergraph } from '../supergraph.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@key" "@interfaceObject" "@shareable"])\n`

export type Answer = (request: SubgraphRequest) => Promise<ExecutionResult>

/** An engine over subgraphs that answer as they are told to; `asked` is what they were asked, in order. */
export function over(
  subgraphs: Record<string, readonly [sdl: string, answer: Answer]>,
  options: { shareFetches?: boolean } = {},
) {
  const services = Object.entries(subgraphs).map(([name, [sdl]]) => ({ name, url: '', typeDefs: parse(LINK + sdl) }))
  const { supergraphSdl, errors } = composeServices(services)
  if (!supergraphSdl) throw new Error(errors?.join('\n'))
  const asked: string[] = []
  const transports = new Map(
    Object.entries(subgraphs).map(([name, [, answer]]): [string, Transport] => [
      name,
      {
        async execute(request) {
          asked.push(`${name} ${request.variablesJson}`)
          return await answer(request)
        },
        subscribe: () => {
          throw failures.unavailable()
        },
        async [Symbol.asyncDispose]() {},
      },
    ]),
  )
  const engine = createEngine({
    supergraph: loadSupergraph(supergraphSdl),
    transports,
    log,
    ...options,
  })
  const ask = (query: string, request: Partial<OperationRequest> = {}) =>
    engine.execute({ document: parse(query), viewer: anonymous, requestId: 'r', ...request })
  return { engine, asked, ask }
}

export const data = (value: Record<string, unknown>): ExecutionResult => ({ data: value })
