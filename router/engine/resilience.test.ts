import { describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { failures } from '#platform/transport-failures.ts'
import { Resilience } from './resilience.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const unavailable = { extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }

/** A subgraph that fails as often as told, and then answers. */
function failing(times: number, failure = failures.unavailable) {
  let calls = 0
  const send = async () => {
    if (calls++ < times) throw failure()
    return 'answer'
  }
  return { send, calls: () => calls }
}

describe('a fetch without an answer', () => {
  test('is sent once more', async () => {
    const { send, calls } = failing(1)
    expect(await new Resilience('a', log).run(send, { mayRetry: true })).toBe('answer')
    expect(calls()).toBe(2)
  })

  test('is not sent again when it changes something, took too long, or nobody waits', async () => {
    const resilience = new Resilience('a', log)
    const mutation = failing(1)
    await expect(resilience.run(mutation.send, { mayRetry: false })).rejects.toMatchObject(unavailable)
    const slow = failing(1, failures.timeout)
    await expect(resilience.run(slow.send, { mayRetry: true })).rejects.toMatchObject({
      extensions: { code: 'SUBGRAPH_TIMEOUT' },
    })
    const left = failing(1)
    await expect(resilience.run(left.send, { mayRetry: true, signal: AbortSignal.abort() })).rejects.toBeDefined()
    expect([mutation.calls(), slow.calls(), left.calls()]).toEqual([1, 1, 1])
  })
})

test('a subgraph that is down is asked little more than without retries, and then not at all for a while', async () => {
  const resilience = new Resilience('a', log)
  const { send, calls } = failing(Infinity)
  for (let i = 0; i < 100; i++) {
    await expect(resilience.run(send, { mayRetry: true })).rejects.toMatchObject(unavailable)
  }
  expect(calls()).toBe(20)
})
