import { parse, type ExecutionResult } from 'graphql'
import { describe, expect, test } from 'vitest'
import { anonymous } from '#platform/viewer.ts'
import { anAccount } from '../testing/router-under-test.ts'
import { data, over, type Answer } from '../testing/told-subgraphs.ts'
import type { OperationRequest } from './execute.ts'

describe('identical fetches that are under way', () => {
  const sdl = 'type Query { a: Int b(x: Int): Int } type Mutation { set: Int }'
  const held = () => {
    const waiting: (() => void)[] = []
    const signals: (AbortSignal | undefined)[] = []
    const answer: Answer = async ({ query, signal }) => {
      signals.push(signal)
      if (query.startsWith('mutation')) return data({ set: 1 })
      await new Promise<void>((resolve) => waiting.push(resolve))
      return data({ a: 1, b: 2 })
    }
    return { answer, signals, release: () => waiting.splice(0).forEach((go) => go()) }
  }
  const settled = () => new Promise((done) => setTimeout(done, 5))

  test('are sent once, for those who are the same to the subgraph', async () => {
    const { answer, release } = held()
    const { ask, asked, engine } = over({ a: [sdl, answer] })
    const all = [
      ask('{ a }'),
      ask('{ a }'),
      ask('{ a }', { viewer: anAccount() }),
      ask('query ($x: Int) { b(x: $x) }', { variables: { x: 1 } }),
      ask('query ($x: Int) { b(x: $x) }', { variables: { x: 2 } }),
    ]
    await settled()
    release()
    expect((await Promise.all(all)).map(({ data: found }) => found)).toEqual([
      { a: 1 },
      { a: 1 },
      { a: 1 },
      { b: 2 },
      { b: 2 },
    ])
    expect(asked).toHaveLength(4)
    expect(engine.counts().fetches).toEqual({ sent: 4, shared: 1 })
  })

  test('are each sent when sharing is off, and mutations always', async () => {
    const { answer, release } = held()
    const off = over({ a: [sdl, answer] }, { shareFetches: false })
    const all = [off.ask('{ a }'), off.ask('{ a }')]
    await settled()
    release()
    await Promise.all(all)
    const on = over({ a: [sdl, answer] })
    await Promise.all([on.ask('mutation { set }'), on.ask('mutation { set }')])
    expect([off.asked.length, on.asked.length]).toEqual([2, 2])
  })

  test('are sent once whatever the operations are called, and once by one request even when sharing is off', async () => {
    const user = (id: string) => ({ __typename: 'User', id })
    const parts = {
      a: ['type Query { me: User you: User } type User @key(fields: "id") { id: ID! }', async () => data({})],
      b: [
        'type Query { us: User } type User @key(fields: "id") { id: ID! name: String }',
        async () => data({ _entities: [{ name: 'Ada' }] }),
      ],
    } satisfies Record<string, [string, Answer]>
    const a: Answer = async ({ query }) => data(query.includes('you') ? { you: user('1') } : { me: user('1') })
    const both: Answer = async () => data({ me: user('1'), you: user('1') })
    const on = over({ ...parts, a: [parts.a[0], a] })
    const answers = await Promise.all([on.ask('query A { me { name } }'), on.ask('query B { you { name } }')])
    expect(answers).toEqual([data({ me: { name: 'Ada' } }), data({ you: { name: 'Ada' } })])
    expect(on.asked.filter((each) => each.startsWith('b'))).toHaveLength(1)
    const off = over({ ...parts, a: [parts.a[0], both] }, { shareFetches: false })
    expect(await off.ask('{ me { name } you { name } }')).toEqual(data({ me: { name: 'Ada' }, you: { name: 'Ada' } }))
    expect(off.asked.filter((each) => each.startsWith('b'))).toHaveLength(1)
  })

  test('give each place an answer of its own, to add to and to fail in', async () => {
    const user = { __typename: 'User', id: '1' }
    const broken = { message: 'No.', path: ['_entities', 0, 'name'], extensions: { code: 'NO' } } as never
    const answers = (query: string): ExecutionResult => {
      if (query.includes('friend')) return data({ _entities: [{ friend: { __typename: 'User', id: '2' } }] })
      if (query.includes('age')) return data({ _entities: [{ is: 'old' }] })
      if (query.includes('height')) return data({ _entities: [{ is: 'tall' }] })
      return { data: { _entities: [{ name: null }] }, errors: [broken] }
    }
    const { ask, asked } = over({
      a: [
        'type Query { me: User you: User } type User @key(fields: "id") { id: ID! }',
        async () => data({ me: { ...user }, you: { ...user } }),
      ],
      b: ['type User @key(fields: "id") { id: ID! friend: User name: String }', async ({ query }) => answers(query)],
      c: ['type User @key(fields: "id") { id: ID! age: String height: String }', async ({ query }) => answers(query)],
    })
    expect(await ask('{ me { friend { is: age } } you { friend { is: height } } }')).toEqual(
      data({ me: { friend: { is: 'old' } }, you: { friend: { is: 'tall' } } }),
    )
    expect(asked.filter((each) => each.startsWith('b'))).toHaveLength(1)
    const { data: found, errors } = await ask('{ me { name } you { name } }')
    expect(found).toEqual({ me: { name: null }, you: { name: null } })
    expect(errors?.map(({ path }) => path)).toEqual([
      ['me', 'name'],
      ['you', 'name'],
    ])
    expect(asked.filter((each) => each.startsWith('b'))).toHaveLength(2)
  })

  test('are not joined by those who asked after a mutation had ended', async () => {
    const { answer, release } = held()
    const { ask, asked } = over({ a: [sdl, answer] })
    const before = ask('{ a }')
    await ask('mutation { set }')
    const after = ask('{ a }')
    await settled()
    release()
    await Promise.all([before, after])
    expect(asked).toHaveLength(3)
  })

  test('are cancelled when the last who waits has left, and not before', async () => {
    const { answer, signals } = held()
    const { ask } = over({ a: [sdl, answer] })
    const [first, second] = [new AbortController(), new AbortController()]
    const answers = [ask('{ a }', { signal: first.signal }), ask('{ a }', { signal: second.signal })]
    await settled()
    first.abort()
    await answers[0]
    expect(signals[0]!.aborted).toBe(false)
    second.abort()
    await answers[1]
    expect(signals[0]!.aborted).toBe(true)
  })

  test('end for each at its own deadline', async () => {
    const { answer, release } = held()
    const { ask } = over({ a: [sdl, answer] })
    const patient = ask('{ a }')
    const { errors } = await ask('{ a }', { deadline: Date.now() + 10 })
    expect(errors).toMatchObject([{ path: ['a'], extensions: { code: 'SUBGRAPH_TIMEOUT', service: 'a' } }])
    release()
    expect(await patient).toEqual(data({ a: 1 }))
  })
})

describe('the same query, asked again while no subgraph has answered yet', () => {
  const works = 'type Query { work: Work } type Mutation { set: Int } type Work @key(fields: "id") { id: ID! }'
  const worth = 'type Work @key(fields: "id") { id: ID! worth: Int }'
  const document = parse('query ($no: Boolean = false) { work { id @skip(if: $no) worth } }')

  /** Subgraphs that keep their answers back: `answerNext` lets one more go, in the order they were asked. */
  const held = (options: { shareFetches?: boolean } = {}) => {
    const waiting: (() => void)[] = []
    const signals: (AbortSignal | undefined)[] = []
    const answering =
      (result: ExecutionResult): Answer =>
      async ({ query, signal }) => {
        signals.push(signal)
        if (query.startsWith('mutation')) return data({ set: 1 })
        await new Promise<void>((resolve) => waiting.push(resolve))
        return structuredClone(result)
      }
    const parts = over(
      {
        works: [works, answering(data({ work: { __typename: 'Work', id: '1' } }))],
        worth: [worth, answering(data({ _entities: [{ worth: 7 }] }))],
      },
      options,
    )
    const ask = (request: Partial<OperationRequest> = {}) =>
      parts.engine.execute({ document, viewer: anonymous, requestId: 'r', ...request })
    const asked = async (times: number) => await expect.poll(() => parts.asked).toHaveLength(times)
    return { ...parts, ask, answerNext: () => waiting.shift()?.(), signals, askedTimes: asked }
  }
  const answer = data({ work: { id: '1', worth: 7 } })

  test('gets the response of the first', async () => {
    const { ask, engine, askedTimes, answerNext } = held()
    const all = [ask(), ask(), ask({ requestId: 'another' })]
    await askedTimes(1)
    answerNext()
    await askedTimes(2)
    answerNext()
    const [first, ...others] = await Promise.all(all)
    expect([first, ...others]).toEqual([answer, answer, answer])
    Object.assign(first!.data!, { work: 'changed' })
    expect(others[0]).toEqual(answer)
    expect(engine.counts()).toMatchObject({ queries: { sent: 1, shared: 2 }, fetches: { sent: 2, shared: 0 } })
  })

  test('is carried out anew once a subgraph has answered, but shares the fetches under way', async () => {
    const { ask, engine, asked, askedTimes, answerNext } = held()
    const first = ask()
    await askedTimes(1)
    answerNext()
    await askedTimes(2)
    const second = ask()
    await askedTimes(3)
    expect(asked.map((each) => each.split(' ')[0])).toEqual(['works', 'worth', 'works'])
    answerNext()
    expect(await first).toEqual(answer)
    answerNext()
    await askedTimes(4)
    answerNext()
    expect(await second).toEqual(answer)
    expect(engine.counts().queries).toEqual({ sent: 2, shared: 0 })
  })

  test('is carried out for each whose answer may be another', async () => {
    const { ask, engine, askedTimes } = held()
    void ask()
    void ask({ viewer: anAccount() })
    void ask({ variables: { no: true } })
    void ask({ deadline: Date.now() + 60_000 })
    await engine.execute({ document: parse('mutation { set }'), viewer: anonymous, requestId: 'r' })
    void ask()
    // Only that with another deadline may share the fetch of the first.
    await askedTimes(5)
    expect(engine.counts()).toMatchObject({ queries: { sent: 5, shared: 0 }, fetches: { sent: 4, shared: 1 } })
  })

  test('is carried out for each when sharing is off', async () => {
    const { ask, engine, askedTimes } = held({ shareFetches: false })
    void ask()
    void ask()
    await askedTimes(2)
    expect(engine.counts().queries).toEqual({ sent: 0, shared: 0 })
  })

  test('goes on for those who stay, and is given up when the last has left', async () => {
    const { ask, askedTimes, signals, answerNext } = held()
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
    const staying = [ask({ signal: first.signal }), ask({ signal: second.signal })]
    await askedTimes(1)
    first.abort()
    expect(await staying[0]).toMatchObject({ errors: [{ extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }] })
    answerNext()
    await askedTimes(2)
    answerNext()
    expect(await staying[1]).toEqual(answer)
    const leaving = ask({ signal: third.signal })
    await askedTimes(3)
    third.abort()
    await leaving
    expect(signals[2]!.aborted).toBe(true)
  })
})
