import type { FetchNode, PlanNode } from '@apollo/query-planner'
import { buildSchema, GraphQLError, OperationTypeNode, type ExecutionResult } from 'graphql'
import { describe, expect, test } from 'vitest'
import type { Run } from './fetch.ts'
import type { Data } from './merge.ts'
import { compilePlan } from './plan.ts'

const schema = buildSchema(`type Query { users: [User] me: User } type User { id: ID! name: String friends: [User] }`)

const fetching = (operation: string, more: Partial<FetchNode> = {}): FetchNode => ({
  kind: 'Fetch',
  serviceName: 'a',
  operation,
  operationKind: OperationTypeNode.QUERY,
  operationName: undefined,
  ...more,
})

const names = fetching(
  'query($representations:[_Any!]!){_entities(representations:$representations){...on User{name}}}',
  {
    requires: [
      {
        kind: 'InlineFragment',
        typeCondition: 'User',
        selections: ['__typename', 'id'].map((name) => ({ kind: 'Field' as const, name })),
      },
    ],
  },
)

const user = (id: string): Data => ({ __typename: 'User', id })

/** Carries out `node`; `answer` is what a subgraph says to the variables it is sent. */
async function carryOut(
  node: PlanNode,
  {
    data = {},
    answer,
    ...more
  }: Partial<Run> & { data?: Data; answer?: (asked: string) => Promise<ExecutionResult<Data>> },
) {
  const asked: string[] = []
  const run: Run = {
    variables: {},
    conditions: {},
    failures: new Set(),
    isRepeating: false,
    async ask(_question, variablesJson) {
      asked.push(variablesJson)
      return await answer!(variablesJson)
    },
    ...more,
  }
  await compilePlan(schema, node)(run, [data])
  return { data, asked, failures: [...run.failures] }
}

/** Names each entity after its id. */
const named = async (asked: string) => {
  const { representations } = JSON.parse(asked) as { representations: { id: string }[] }
  return { data: { _entities: representations.map(({ id }) => (id === '?' ? null : { name: `name ${id}` })) } }
}

describe('a Fetch', () => {
  test('of the root sends the variables that it uses and adds what comes', async () => {
    const node = fetching('query($id:ID){me{id}}', { variableUsages: ['id', 'absent'] })
    const { data, asked } = await carryOut(node, {
      data: { there: 1 },
      variables: { id: 'x', other: 'y' },
      answer: async () => ({ data: { me: { id: 'x' } } }),
    })
    expect(asked).toEqual(['{"id":"x"}'])
    expect(data).toEqual({ there: 1, me: { id: 'x' } })
  })

  test('of an entity that nobody knows, or of an object of another type, adds nothing', async () => {
    expect((await carryOut(names, { data: user('?'), answer: named })).data).toEqual(user('?'))
    const other = await carryOut(names, { data: { __typename: 'Room', id: '1' }, answer: named })
    expect(other).toEqual({ data: { __typename: 'Room', id: '1' }, asked: [], failures: [] })
  })

  test('without an answer is a failure of the fields it was to bring', async () => {
    const refuse = () => Promise.reject(new GraphQLError('Nobody there.'))
    const { data, failures } = await carryOut(names, { data: user('1'), answer: refuse })
    expect(failures).toHaveLength(1)
    expect(data.name).toBe(failures[0])
  })
})

describe('the other nodes', () => {
  const list = fetching('{users{__typename id}}')
  const all = async (asked: string): Promise<ExecutionResult<Data>> =>
    asked === '{}' ? { data: { users: [user('1'), null, user('2')] } } : await named(asked)

  test('Sequence: each finds what the one before it brought', async () => {
    const rest: PlanNode = { kind: 'Flatten', path: ['users', '@'], node: names }
    const { data } = await carryOut({ kind: 'Sequence', nodes: [list, rest] }, { answer: all })
    expect(data).toEqual({ users: [{ ...user('1'), name: 'name 1' }, null, { ...user('2'), name: 'name 2' }] })
  })

  test('Parallel: all are asked before any has answered', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let waiting = 0
    const answer = async () => {
      if ((waiting += 1) === 2) resolve()
      await promise
      return { data: {} }
    }
    const { asked } = await carryOut({ kind: 'Parallel', nodes: [list, fetching('{me{id}}')] }, { answer })
    expect(asked).toHaveLength(2)
  })

  test('Flatten: to all at its path, through lists of lists and holes', async () => {
    const shared = user('1')
    const data = { groups: [[shared, null], null, [{ ...user('2') }, shared]] }
    const node: PlanNode = { kind: 'Flatten', path: ['groups', '@', '@'], node: names }
    const { asked } = await carryOut(node, { data, answer: named })
    expect(asked.map((each) => JSON.parse(each))).toEqual([{ representations: [user('1'), user('2')] }])
    expect(shared.name).toBe('name 1')
  })

  test.each([
    [true, ['{"yes":1}']],
    [false, ['{"no":1}']],
  ])('Condition: %s', async (isIt, expected) => {
    const [yes, no] = ['yes', 'no'].map((name) => fetching(`query($${name}:Int){me{id}}`, { variableUsages: [name] }))
    const node: PlanNode = { kind: 'Condition', condition: 'is', ifClause: yes, elseClause: no }
    const variables = { yes: 1, no: 1 }
    const answer = async () => ({ data: {} })
    expect((await carryOut(node, { conditions: { is: isIt }, variables, answer })).asked).toEqual(expected)
    const { elseClause: _, ...half } = node
    expect((await carryOut(half, { conditions: { is: false }, variables, answer })).asked).toEqual([])
  })

  test('Defer is refused', () => {
    const node = { kind: 'Defer', primary: {}, deferred: [] } as PlanNode
    expect(() => compilePlan(schema, node)).toThrow('not told to defer')
  })
})
