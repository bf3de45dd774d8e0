import type { ExecutionResult } from 'graphql'
import { beforeEach, describe, expect, test } from 'vitest'
import { stoppable } from '#platform/stoppable.ts'
import { Upstream } from './upstream.ts'

let opened: number
let ended: number
let send: (event: ExecutionResult) => void
let fail: (error: Error) => void

/** A subgraph that sends what the test tells it to. */
const open = () => {
  opened++
  return stoppable<ExecutionResult>(async function* (signal) {
    let step = Promise.withResolvers<ExecutionResult | null>()
    const waiting: Promise<ExecutionResult | null>[] = [step.promise]
    send = (event) => {
      step.resolve(event)
      waiting.push((step = Promise.withResolvers<ExecutionResult | null>()).promise)
    }
    fail = (error) => step.reject(error)
    signal.addEventListener('abort', () => step.resolve(null))
    try {
      for (;;) {
        const event = await waiting.shift()!
        if (!event) return
        yield event
      }
    } finally {
      ended++
    }
  })
}
const position = (id: string, at: number): ExecutionResult => ({ data: { courier: { id, at } } })
const settled = () => new Promise((done) => setImmediate(done))
const read = async (events: AsyncIterator<ExecutionResult>, count: number) => {
  const got: ExecutionResult[] = []
  for (let each = 0; each < count; each++) got.push((await events.next()).value)
  return got
}

beforeEach(() => {
  opened = 0
  ended = 0
})

describe('an upstream', () => {
  test('begins with its first reader, serves all, and ends with its last', async () => {
    const upstream = new Upstream({ open, isLatestWins: false, capacity: 3 })
    const [one, two] = [upstream.read(), upstream.read()]
    expect(opened).toBe(1)
    await settled()
    send(position('a', 1))
    expect(await read(one, 1)).toEqual([position('a', 1)])
    expect(await read(two, 1)).toEqual([position('a', 1)])
    await one.return!()
    await settled()
    expect(ended).toBe(0)
    await two.return!()
    await settled()
    expect(ended).toBe(1)
  })

  test('ends only the reader that is too slow', async () => {
    const upstream = new Upstream({ open, isLatestWins: false, capacity: 3 })
    const [slow, fast] = [upstream.read(), upstream.read()]
    await settled()
    for (let at = 0; at < 5; at++) {
      send(position('a', at))
      expect(await read(fast, 1)).toEqual([position('a', at)])
    }
    await read(slow, 3)
    await expect(slow.next()).rejects.toMatchObject({ extensions: { code: 'SUBSCRIPTION_LIMIT_EXCEEDED' } })
    expect(await slow.next()).toEqual({ done: true, value: undefined })
    expect(ended).toBe(0)
  })

  test('keeps the newest of each thing for a slow reader, where the newest wins', async () => {
    const upstream = new Upstream({ open, isLatestWins: true, capacity: 3 })
    const slow = upstream.read()
    await settled()
    for (let at = 0; at < 10; at++) for (const id of ['a', 'b']) send(position(id, at))
    await settled()
    expect(await read(slow, 2)).toEqual([position('a', 9), position('b', 9)])
  })

  test('tells every reader when it fails', async () => {
    const upstream = new Upstream({ open, isLatestWins: false, capacity: 3 })
    const readers = [upstream.read(), upstream.read()]
    await settled()
    fail(new Error('lost'))
    for (const reader of readers) await expect(reader.next()).rejects.toThrow('lost')
  })
})
