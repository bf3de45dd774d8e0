import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aGuest, anAccount, startSky, type Sky } from './testing/router-under-test.ts'

let sky: Sky
beforeEach(async () => {
  sky = await startSky('remote')
})
afterEach(() => sky[Symbol.asyncDispose]())

const as = async (who: Parameters<Sky['token']>[0]) => ({
  headers: { authorization: `Bearer ${await sky.token(who)}` },
})
const asked = (name: string) =>
  sky
    .subgraph(name)
    .received.map(({ query }) => query)
    .join('\n')

describe('a field that needs an account', () => {
  const query = '{ astronomers { name contact: email } planets { name } }'

  test('is null for others, who get the rest of the page', async () => {
    for (const options of [{}, await as(aGuest())]) {
      const { data, errors } = await sky.ask(query, options)
      expect(data!.astronomers).toEqual([
        { name: 'Asaph Hall', contact: null },
        { name: 'Johann Galle', contact: null },
      ])
      expect(data!.planets).toHaveLength(3)
      expect(errors!.map(({ path, extensions }) => [path, extensions.code])).toEqual([
        [['astronomers', 0, 'contact'], 'UNAUTHENTICATED'],
        [['astronomers', 1, 'contact'], 'UNAUTHENTICATED'],
      ])
    }
    expect(asked('astronomers')).not.toMatch(/email/)
  })

  test('is there for an account', async () => {
    const { data, errors } = await sky.ask(query, await as(anAccount()))
    expect(errors).toBeUndefined()
    expect(data!.astronomers[0].contact).toBe('hall@observatory.example')
  })

  test('is guarded in fragments and behind an interface, for which the strictest of its types counts', async () => {
    const query = `{ bodies { name nickname ...Tail ... on Planet { short: nickname } } }
      fragment Tail on Comet { alias: nickname tail }`
    const { data, errors } = await sky.ask(query)
    expect(data!.bodies).toEqual([
      { name: 'Venus', nickname: null, short: 'Ven' },
      { name: 'Halley', nickname: null, alias: null, tail: 9 },
    ])
    expect(errors!.map(({ path }) => path!.join('.'))).toEqual([
      'bodies.0.nickname',
      'bodies.1.nickname',
      'bodies.1.alias',
    ])
    expect((await sky.ask(query, await as(anAccount()))).data!.bodies[1]).toMatchObject({ nickname: '1P', alias: '1P' })
  })
})

describe('a field that needs a scope', () => {
  const query = '{ astronomers { diary } }'

  test('is forbidden to an account without it', async () => {
    const { data, errors } = await sky.ask(query, await as(anAccount('email:read')))
    expect(data!.astronomers[0]).toEqual({ diary: null })
    expect(errors![0]!.extensions.code).toBe('FORBIDDEN')
  })

  test('is there for those who have any of its alternatives', async () => {
    for (const scope of ['diary:read', 'admin']) {
      const { data } = await sky.ask(query, await as(anAccount(scope)))
      expect(data!.astronomers[0]).toEqual({ diary: 'Clear night.' })
    }
  })
})

test('a guarded type is guarded wherever it is returned, and nobody is asked for it', async () => {
  const { data, errors } = await sky.ask('{ vault { gold } }')
  expect(data).toEqual({ vault: null })
  expect(errors).toMatchObject([{ path: ['vault'], extensions: { code: 'UNAUTHENTICATED' } }])
  expect(sky.asked.vaults).toBe(0)
  expect((await sky.ask('{ vault { gold } }', await as(anAccount()))).data).toEqual({ vault: { gold: 7 } })
})

describe('a mutation with a root field that is denied', () => {
  test('does not begin, not even with its other fields', async () => {
    const mutation =
      'mutation { renamePlanet(id: "p1", name: "X") { name } ...Rest } fragment Rest on Mutation { gone: destroyPlanet(id: "p1") }'
    const { data, errors } = await sky.ask(mutation)
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ path: ['gone'], extensions: { code: 'UNAUTHENTICATED' } }])
    expect(sky.asked.mutations).toEqual([])
    await sky.ask(mutation, await as(anAccount()))
    expect(sky.asked.mutations).toEqual(['rename p1', 'destroy p1'])
  })

  test('tells an account what it lacks', async () => {
    const { errors } = await sky.ask('mutation { fireAstronomer(id: "a1") }', await as(anAccount()))
    expect(errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect(sky.asked.mutations).toEqual([])
  })
})

test('an operation is planned once for each set of rights', async () => {
  const query = '{ astronomers { diary email } }'
  const [nobody, account, reader] = [{}, await as(anAccount()), await as(anAccount('diary:read'))]
  const nulls = async (options: object) =>
    Object.values((await sky.ask(query, options)).data!.astronomers[0]).map((value) => value === null)
  for (let i = 0; i < 2; i++) {
    expect(await nulls(nobody)).toEqual([true, true])
    expect(await nulls(account)).toEqual([true, false])
    expect(await nulls(reader)).toEqual([false, false])
  }
})
