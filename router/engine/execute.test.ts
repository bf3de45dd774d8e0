import { parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { bothExecutors } from '../testing/both-executors.ts'
import { data, over } from '../testing/told-subgraphs.ts'
import { worlds } from '../testing/worlds.ts'

const works = `type Query { works: [Work!] } interface Work @key(fields: "id") { id: ID! }
    type Painting implements Work @key(fields: "id") { id: ID! }`

describe('entities', () => {
  test('that are the same are asked for once, and the answer goes to every place', async () => {
    const { ask, asked } = over({
      a: [
        'type Query { users: [User] } type User @key(fields: "id") { id: ID! }',
        async () => data({ users: ['1', '2', '1', '1'].map((id) => ({ __typename: 'User', id })) }),
      ],
      b: [
        'type User @key(fields: "id") { id: ID! name: String }',
        async () => data({ _entities: [{ name: 'Ada' }, { name: 'Bob' }] }),
      ],
    })
    expect(await ask('{ users { name } }')).toEqual(
      data({ users: ['Ada', 'Bob', 'Ada', 'Ada'].map((name) => ({ name })) }),
    )
    expect(asked[1]).toBe('b {"representations":[{"__typename":"User","id":"1"},{"__typename":"User","id":"2"}]}')
  })

  test('keep their type where a subgraph takes their interface for an object', async () => {
    const { ask } = over({
      a: [works, async () => data({ works: [{ __typename: 'Painting', id: '1' }] })],
      b: [
        'type Work @key(fields: "id") @interfaceObject { id: ID! worth: Int }',
        async () => data({ _entities: [{ __typename: 'Work', worth: 7 }] }),
      ],
    })
    const { data: found } = await ask('{ works { __typename worth ... on Painting { id } } }')
    expect(found).toEqual({ works: [{ __typename: 'Painting', worth: 7, id: '1' }] })
  })
})

describe('an interface that is an object to the subgraph asked', () => {
  const subgraphs = {
    a: [works, async () => data({ _entities: [{ __typename: 'Painting' }] })],
    b: [
      `type Query { priciest: Work } type Work @key(fields: "id") @interfaceObject { id: ID! worth: Int next: Work }`,
      async () => data({ priciest: { id: '1', worth: 7, next: { id: '2' } } }),
    ],
  } as const

  test('needs no type where the selection is the same for all', async () => {
    const { ask, asked } = over(subgraphs)
    expect(await ask('{ priciest { worth ...More } } fragment More on Work { next { id } }')).toEqual(
      data({ priciest: { worth: 7, next: { id: '2' } } }),
    )
    expect(asked).toHaveLength(1)
  })

  test('and that nothing implements cannot be asked for what others know of it', async () => {
    const { ask, asked } = over({
      a: ['type Query { thing: Thing } interface Thing @key(fields: "id") { id: ID! }', async () => data({})],
      b: [
        'type Query { other: Thing } type Thing @key(fields: "id", resolvable: false) @interfaceObject { id: ID! worth: Int }',
        async () => data({ other: { id: '1', worth: 7 } }),
      ],
    })
    expect(await ask('{ other { id worth } }')).toEqual(data({ other: { id: '1', worth: 7 } }))
    expect(await ask('{ thing { worth } }')).toMatchObject({
      errors: [{ message: 'The operation cannot be planned.' }],
    })
    expect(await ask('{ thing { worth } }')).not.toHaveProperty('data')
    expect(asked).toHaveLength(1)
  })
})

test('a condition on what never applies is declared all the same', async () => {
  const { execute } = bothExecutors(worlds['a museum of rare features']())
  const query = `query ($yes: Boolean! = true, $no: Boolean!) {
      used: __typename @include(if: $no) ...{ ... on Query { works { ...Found ... on Statue { __typename ...Any } } } } }
    fragment Found on Found { ...Room ...Painting } fragment Room on Room { name @include(if: $yes) floor }
    fragment Painting on Painting { signature colours } fragment Any on Found { __typename }`
  const answers = await execute(parse(query), { no: false })
  expect(answers?.ours).not.toHaveProperty('errors')
})
