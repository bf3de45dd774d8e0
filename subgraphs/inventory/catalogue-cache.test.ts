import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { MemoryCache } from '#platform/cache-memory.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { aCustomer, staffWith } from '../../tests/setup/viewers.ts'
import { cached, forgetCatalogue } from './catalogue-cache.ts'

/** A shop whose `read` counts how often it is read, and answers with that number. */
function open() {
  const cache = new MemoryCache()
  const log = pino({ level: 'silent' })
  const clock = { now: new Date() }
  let reads = 0
  const request = (viewer: Viewer = anonymous) => ({ cache, viewer, log, now: () => clock.now })
  const read = async () => (reads += 1)
  const ask = (viewer?: Viewer, asked: unknown = 'everything') =>
    cached(request(viewer), { name: 'products', asked }, read)
  return { cache, clock, request, ask, reads: () => reads, change: () => forgetCatalogue(request()) }
}

const minutes = (count: number) => count * 60_000

describe('what shoppers read of the catalogue', () => {
  test('is read once, for everybody, for each thing they ask', async () => {
    const { ask } = open()
    expect([await ask(), await ask(), await ask(aCustomer())]).toEqual([1, 1, 1])
    expect([await ask(anonymous, 'another'), await ask(anonymous, 'another')]).toEqual([2, 2])
  })

  test('is read once for all who ask at the same time', async () => {
    const { ask } = open()
    expect(await Promise.all(Array.from({ length: 50 }, () => ask()))).toEqual(Array(50).fill(1))
  })

  test('is read again by all who waited when it could not be read', async () => {
    const { request } = open()
    const down = () => Promise.reject(new Error('no database'))
    const asked = { name: 'products', asked: 'everything' }
    const failed = await Promise.allSettled([1, 2].map(() => cached(request(), asked, down)))
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await cached(request(), asked, async () => 'read')).toBe('read')
  })

  test('is never what staff read, and staff read for themselves', async () => {
    const { ask } = open()
    const editor = staffWith('inventory:read')
    expect([await ask(editor), await ask(), await ask(editor), await ask()]).toEqual([1, 2, 3, 2])
  })

  test('is read again after a change', async () => {
    const { ask, change } = open()
    expect(await ask()).toBe(1)
    await change()
    expect([await ask(), await ask()]).toEqual([2, 2])
  })

  test('is not what somebody began to read before a change, however late they keep it', async () => {
    const { request, ask, change } = open()
    const { promise: database, resolve: answer } = Promise.withResolvers<string>()
    const began = Promise.withResolvers<void>()
    const late = cached(request(), { name: 'products', asked: 'everything' }, () => {
      began.resolve()
      return database
    })
    await began.promise
    await change()
    expect(await ask()).toBe(1)
    answer('as it was before')
    expect(await late).toBe('as it was before')
    expect(await ask()).toBe(1)
  })

  test('is of one time within a request, and new to a request that changed it', async () => {
    const { request, change } = open()
    const [reader, writer] = [request(), request()]
    const read = async (by: ReturnType<typeof request>, value: string) =>
      await cached(by, { name: 'products', asked: 'everything' }, async () => value)
    expect([await read(reader, 'before'), await read(writer, 'never')]).toEqual(['before', 'before'])
    await forgetCatalogue(writer)
    expect(await read(writer, 'after')).toBe('after')
    expect(await read(reader, 'never')).toBe('before')
    await change()
  })

  test('is renewed a minute later, behind the one who asks', async () => {
    const { clock, ask, reads } = open()
    await ask()
    clock.now = new Date(clock.now.getTime() + minutes(1) + 1)
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1])
    await expect.poll(reads).toBe(2)
    expect(await ask()).toBe(2)
  })

  test('is read from the database while the cache cannot be reached', async () => {
    const { request, reads, ask } = open()
    const lost = { get: async () => undefined, set: async () => {}, delete: async () => {} }
    const unreachable = { ...request(), cache: { ...lost, [Symbol.asyncDispose]: async () => {} } }
    for (let count = 1; count <= 2; count += 1) {
      await cached(unreachable, { name: 'products', asked: 'everything' }, async () => ask(anonymous, count))
    }
    expect(reads()).toBe(2)
  })
})

describe('what was begun to be read before a rating changed', () => {
  test('is no answer to who asks after it', async () => {
    const { cache, request } = open()
    const answers: ((value: number) => void)[] = []
    const read = () => new Promise<number>((answer) => answers.push(answer))
    const asked = { name: 'rating', asked: 'one', isByRating: true }
    const before = cached(request(), asked, read)
    await expect.poll(() => answers.length).toBe(1)
    await cache.set('inventory:rating-generation', 'later', minutes(1))
    const after = cached(request(), asked, read)
    await expect.poll(() => answers.length).toBe(2)
    answers[1]!(2)
    answers[0]!(1)
    expect([await before, await after]).toEqual([1, 2])
    // What the earlier one read is kept last, and known to be out of date.
    const again = cached(request(), asked, async () => 3)
    expect(await again).toBe(3)
  })
})
