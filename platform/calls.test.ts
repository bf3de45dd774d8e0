import { describe, expect, test } from 'vitest'
import { Neighbours, operation, rejectOutage } from './calls.ts'
import { CodedError } from './errors.ts'
import { failures } from './transport-failures.ts'
import type { SubgraphRequest, Transport } from './transport.ts'
import { anonymous } from './viewer.ts'

const ASK = operation<{ isUp: boolean }, Record<string, never>>('inventory', 'query { isUp }')

/** A subgraph that answers as `execute` says, and how it is asked. */
function inventoryThat(execute: (request: SubgraphRequest) => Promise<object>) {
  const asked: SubgraphRequest[] = []
  const transport: Transport = {
    execute: async (request) => {
      asked.push(request)
      return await execute(request)
    },
    subscribe: () => {
      throw new Error('Nobody subscribes here')
    },
    async [Symbol.asyncDispose]() {},
  }
  const neighbours = new Neighbours('orders', new Map([['inventory', transport]]))
  const ask = (more: { deadline?: number; signal?: AbortSignal } = {}) =>
    neighbours.callsFor({ viewer: anonymous, requestId: 'r', deadline: Date.now() + 10_000, ...more })(ASK, {})
  return { asked, ask }
}

const codeOf = (error: unknown) => Object(error).extensions?.code

async function codes(times: number, act: () => Promise<unknown>): Promise<unknown[]> {
  const seen: unknown[] = []
  for (let count = 0; count < times; count += 1) seen.push(await act().then(() => 'answered', codeOf))
  return seen
}

describe('a subgraph that does not answer', () => {
  test('is asked again, then left alone', async () => {
    const { asked, ask } = inventoryThat(() => Promise.reject(failures.unavailable()))
    expect(new Set(await codes(6, ask))).toEqual(new Set(['SUBGRAPH_UNAVAILABLE']))
    // Ten in a row open the circuit.
    expect(asked).toHaveLength(10)
  })
})

describe('a subgraph that would answer', () => {
  test('is not thought dead because callers had no time left', async () => {
    let isLate = true
    const { asked, ask } = inventoryThat(() =>
      isLate ? Promise.reject(failures.timeout()) : Promise.resolve({ data: { isUp: true } }),
    )
    expect(new Set(await codes(15, () => ask({ deadline: Date.now() })))).toEqual(new Set(['SUBGRAPH_TIMEOUT']))
    // Nor is it asked again for somebody who is not there to hear.
    expect(asked).toHaveLength(15)
    isLate = false
    expect(await ask()).toEqual({ isUp: true })
  })

  test('is not thought dead because callers left', async () => {
    const { ask } = inventoryThat(({ signal }) =>
      signal?.aborted ? Promise.reject(signal.reason) : Promise.resolve({ data: { isUp: true } }),
    )
    const gone = AbortSignal.abort(new Error('gone'))
    await codes(15, () => ask({ signal: gone }))
    expect(await ask()).toEqual({ isUp: true })
  })
})

test('only an outage becomes UPSTREAM_UNAVAILABLE: a refusal is no outage', () => {
  expect(() => rejectOutage(new CodedError('SUBGRAPH_TIMEOUT', 'Too slow.'))).toThrow('UPSTREAM_UNAVAILABLE')
  const refusal = new CodedError('FORBIDDEN', 'No.')
  expect(() => rejectOutage(refusal)).toThrow(refusal)
})
