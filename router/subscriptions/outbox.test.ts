import { EventEmitter } from 'node:events'
import type { GraphQLError } from 'graphql'
import { beforeEach, describe, expect, test } from 'vitest'
import { Tally } from '#platform/tally.ts'
import { defaultSubscriptionLimits } from './limits.ts'
import { Outbox, Wire } from './outbox.ts'

class Stream extends EventEmitter {
  writableNeedDrain = false
}

let stream: Stream
let wire: Wire
let written: string[]
let stopped: string[]

const limits = { ...defaultSubscriptionLimits(true), waitingEvents: 3, waitingSize: 20 }
const outbox = (name = '') =>
  new Outbox({
    counts: { delivered: 0, skipped: 0, ended: new Tally() },
    wire,
    limits,
    write: (payload) => written.push(name + payload),
    finish: (errors?: readonly GraphQLError[]) =>
      written.push([`${name}end`, ...(errors ?? []).map(({ extensions }) => extensions.code)].join(' ')),
    stop: () => stopped.push(name),
  })
const drain = () => {
  stream.writableNeedDrain = false
  stream.emit('drain')
}

beforeEach(() => {
  stream = new Stream()
  wire = new Wire(stream as never)
  written = []
  stopped = []
})

describe('a wire that takes what comes', () => {
  test('lets nothing wait', () => {
    const box = outbox()
    box.next('a', null)
    box.next('b', 'topic')
    box.end()
    expect(written).toEqual(['a', 'b', 'end'])
  })
})

describe('a wire that is full', () => {
  beforeEach(() => {
    stream.writableNeedDrain = true
  })

  test('gets everything later, in order, and the end after it', () => {
    const box = outbox()
    for (const payload of ['a', 'b', 'c']) box.next(payload, null)
    box.end()
    expect(written).toEqual([])
    drain()
    expect(written).toEqual(['a', 'b', 'c', 'end'])
    expect(wire.waitingSize).toBe(0)
  })

  test('gets only the newest of each topic', () => {
    const box = outbox()
    for (const [payload, topic] of [
      ['x1', 'x'],
      ['y1', 'y'],
      ['x2', 'x'],
      ['x3', 'x'],
    ] as const)
      box.next(payload, topic)
    expect(wire.waitingSize).toBe(4)
    drain()
    expect(written).toEqual(['x3', 'y1'])
  })

  test('ends an operation that has too much to say, and no other', () => {
    const [loud, quiet] = [outbox('loud '), outbox('quiet ')]
    quiet.next('q', null)
    for (const payload of ['a', 'b', 'c', 'd']) loud.next(payload, null)
    expect(stopped).toEqual(['loud '])
    expect(written).toEqual(['loud end SUBSCRIPTION_LIMIT_EXCEEDED'])
    expect(wire.waitingSize).toBe(1)
    drain()
    expect(written.slice(1)).toEqual(['quiet q'])
  })

  test('counts what all its operations let wait', () => {
    const [one, two] = [outbox('one '), outbox('two ')]
    one.next('x'.repeat(15), null)
    two.next('y'.repeat(6), null)
    expect(written).toEqual(['two end SUBSCRIPTION_LIMIT_EXCEEDED'])
  })

  test('stops taking when it is full again, and serves its operations in turn', () => {
    const [one, two] = [outbox('1'), outbox('2')]
    for (const payload of ['a', 'b']) one.next(payload, null)
    for (const payload of ['a', 'b']) two.next(payload, null)
    drain()
    expect(written).toEqual(['1a', '2a', '1b', '2b'])
  })
})
