// Every field of every subgraph, asked by people whose business Alice's things are not. Walks the schemas, so that a new
// field without an expected treatment fails here.
import {
  isObjectType,
  isRequiredArgument,
  isUnionType,
  print,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import postgres, { type Sql } from 'postgres'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { schemaOf } from '#platform/subgraph.ts'
import type { User, Viewer } from '#platform/viewer.ts'
import { seed } from '../drizzle/seed.ts'
import { loadSubgraph, subgraphNames, type SubgraphName } from '../subgraphs/all.ts'
import { openParts, type Parts } from './setup/parts.ts'
import { aCustomer, aGuest, staffWith } from './setup/viewers.ts'
import { everyRow, fillAlicesCupboard, idsOfAlice, keysFrom, rowsOfAlice, valuesFrom } from './system/alices-things.ts'
import { entityQuestion, question, type Values } from './system/schema-walk.ts'
import { publicEntities, treatments } from './system/treatments.ts'

const schemas = new Map(
  await Promise.all(subgraphNames.map(async (name) => [name, schemaOf(await loadSubgraph(name))] as const)),
)

const alice: User = { ...aCustomer(), id: demoId('user/alice') }
const bob: User = { ...aCustomer(), id: demoId('user/bob') }
const KEY = 'an API key without scopes'
const strangers: Record<string, Viewer> = {
  nobody: { kind: 'anonymous' },
  'a guest': aGuest(),
  Bob: bob,
  [KEY]: { kind: 'apiKey', id: uuidv7(), scopes: [] },
  'a part acting for Bob': { kind: 'service', name: 'router', onBehalfOf: bob },
}
const clients = Object.fromEntries(Object.entries(strangers).filter(([, { kind }]) => kind !== 'service'))
const everyScope =
  'delivery:courier support:agent users:read users:manage orders:read orders:manage payments:read payments:manage inventory:read inventory:manage promotions:manage delivery:dispatch notifications:read audit:read admin:read admin:manage'.split(
    ' ',
  )

let shop: Parts
let sql: Sql
let values: Values
let keys: Record<string, readonly Values[]>
let secrets: string[]
let mentionsAlice: RegExp

beforeAll(async () => {
  shop = await openParts(subgraphNames)
  await seed(
    subgraphNames.map((name) => shop.part(name)),
    shop.config,
    () => {},
  )
  sql = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {}, transform: postgres.camel })
  await fillAlicesCupboard(shop, alice)
  const row = await idsOfAlice(sql)
  values = valuesFrom(row)
  keys = keysFrom(row)
  const hers = await rowsOfAlice(sql)
  mentionsAlice = new RegExp([...hers.ids].join('|'))
  secrets = hers.secrets
})
afterAll(async () => {
  await sql.end()
  await shop[Symbol.asyncDispose]()
})

const roots = { Query: 'query', Mutation: 'mutation', Subscription: 'subscription' } as const
type Field = GraphQLField<unknown, unknown>

const fieldsOf = (schema: GraphQLSchema, type: string): Field[] => {
  const found = schema.getType(type)
  return isObjectType(found) ? Object.values(found.getFields()).filter(({ name }) => !name.startsWith('_')) : []
}

const has = ({ astNode }: Field, directive: string): boolean =>
  astNode?.directives?.some(({ name }) => name.value === directive) ?? false

const everyField = [...schemas].flatMap(([part, schema]) =>
  (['Query', 'Mutation', 'Subscription'] as const).flatMap((root) =>
    fieldsOf(schema, root).map((field) => ({ part, root, field, coordinate: `${root}.${field.name}` })),
  ),
)

const internal = everyField.filter(({ field }) => has(field, 'inaccessible'))
const forStaff = everyField.filter(({ field }) => has(field, 'requiresScopes'))
const others = everyField
  .filter(({ field }) => !has(field, 'inaccessible') && !has(field, 'requiresScopes'))
  .map((each) => ({ ...each, treatment: treatments[each.coordinate] }))

test('every field has an expected treatment', () => {
  expect(others.map(({ coordinate }) => coordinate).toSorted()).toEqual(Object.keys(treatments).toSorted())
})

test.each(internal)('$coordinate is for our own parts', async (asked) => {
  const answers = await unharmed({ ...clients, Alice: alice, 'an administrator': staffWith(...everyScope) }, (viewer) =>
    ask(asked, viewer),
  )
  for (const [who, answer] of answers) expect(codesOf(answer), who).toEqual(['FORBIDDEN'])
})

test.each(forStaff)('$coordinate is for staff with the right to it', async (asked) => {
  const needed = asked.field.astNode!.directives!.map(print).join(' ')
  const colleague = staffWith(...everyScope.filter((scope) => !needed.includes(`"${scope}"`)))
  const answers = await unharmed({ ...strangers, Alice: alice, 'a colleague': colleague }, (viewer) =>
    ask(asked, viewer),
  )
  for (const [who, answer] of answers) {
    const isSignedIn = who !== 'nobody' && who !== 'a guest'
    // An API key is no account: what only an account can have it may be refused as nobody.
    const code = who === KEY ? expect.stringMatching(/^(FORBIDDEN|UNAUTHENTICATED)$/) : null
    expect(codesOf(answer), who).toEqual([code ?? (isSignedIn ? 'FORBIDDEN' : 'UNAUTHENTICATED')])
  }
})

describe.each(others.filter(({ treatment }) => treatment === 'hers'))('$coordinate of Alice', (asked) => {
  test('is unknown to others', async () => {
    for (const [who, answer] of await unharmed(strangers, (viewer) => ask(asked, viewer))) {
      const payload = answer.data?.[asked.field.name] ?? null
      if (asked.root !== 'Mutation') expect(payload, who).toBeNull()
      // Known by its refusal: a complaint about the input would mean that whose it is was never looked at.
      else if (payload) expect(payload.userErrors, who).toMatchObject([{ code: 'NOT_FOUND' }])
      else expect(['UNAUTHENTICATED', 'FORBIDDEN'], who).toContain(codesOf(answer)[0])
    }
  })
})

test.each(others.filter(({ treatment, root }) => treatment === 'hers' && root === 'Subscription'))(
  '$coordinate of Alice and of nobody are one refusal',
  async (asked) => {
    const { part, field } = asked
    const unknown = Object.fromEntries(
      field.args.filter((arg) => isRequiredArgument(arg)).map(({ name }) => [name, uuidv7()]),
    )
    const { query } = question('subscription', field, values)
    const events = shop.watch(part, bob, query, unknown)
    const { value } = await events.next()
    const [foreign] = (await ask(asked, bob)).errors ?? []
    expect(foreign?.extensions.code).toBe('NOT_FOUND')
    expect(value?.errors).toEqual([foreign])
  },
)

test.each(others.filter(({ treatment, root }) => treatment === 'hers' && root === 'Query'))(
  '$coordinate of Alice is hers to see',
  async (asked) => {
    expect(secretsIn(await ask(asked, alice))).not.toEqual([])
  },
)

test.each(others.filter(({ treatment, root }) => treatment !== 'hers' && root !== 'Subscription'))(
  '$coordinate tells and changes nothing of Alice',
  async (asked) => {
    await unharmed(strangers, (viewer) => ask(asked, viewer), { scope: asked.treatment === 'own' ? 'hers' : 'all' })
  },
)

const everyEntityField = [...schemas].flatMap(([part, schema]) => {
  const union = schema.getType('_Entity')
  return (isUnionType(union) ? union.getTypes() : []).flatMap((type) =>
    Object.values(type.getFields())
      .filter((field) => !has(field, 'external') && !field.args.some((arg) => isRequiredArgument(arg)))
      .map((field) => ({ part, type, field, coordinate: `${part}: ${type.name}.${field.name}` })),
  )
})

test.each(everyEntityField)('$coordinate as an entity tells nothing of Alice', async ({ part, type, field }) => {
  expect(publicEntities.has(type.name) || keys[type.name], `no key of ${type.name}`).toBeTruthy()
  for (const key of keysAt(part, type)) {
    // What the caller had to know to ask is no news to them.
    if (field.name in key) continue
    const of = [{ __typename: type.name, ...key }]
    const known = Object.values(key)
    await unharmed(strangers, (viewer) => shop.answer(part, viewer, entityQuestion(type, field), { of }), { known })
  }
})

test.each([
  'Order',
  'Checkout',
  'Cart',
  'Payment',
  'PaymentMethod',
  'Shipment',
  'Ticket',
  'OrderLine',
  'ReturnRequest',
])('Alice sees her own %s as an entity', async (name) => {
  const seen: string[] = []
  for (const { part, type, field } of everyEntityField.filter((each) => each.type.name === name)) {
    const of = [{ __typename: name, ...keys[name]![0] }]
    seen.push(...secretsIn(await shop.answer(part, alice, entityQuestion(type, field), { of })))
  }
  expect(seen).not.toEqual([])
})

function keysAt(part: SubgraphName, type: GraphQLObjectType): readonly Values[] {
  const directives = schemas.get(part)!.getType(type.name)!.astNode!.directives!.map(print)
  return (keys[type.name] ?? []).filter((key) => directives.includes(`@key(fields: "${Object.keys(key).join(' ')}")`))
}

type Answer = ExecutionResult<Record<string, any>> // oxlint-disable-line typescript/no-explicit-any -- as asked

async function ask(
  { part, root, field }: { part: SubgraphName; root: keyof typeof roots; field: Field },
  viewer: Viewer,
) {
  const { query, variables } = question(roots[root], field, values)
  if (root !== 'Subscription') return await shop.answer(part, viewer, query, variables)
  const events = shop.watch(part, viewer, query, variables)
  try {
    const first = await Promise.race([events.next(), new Promise<null>((done) => setTimeout(done, 2_000, null))])
    if (!first) throw new Error(`${field.name} listens`)
    return (first.value ?? {}) as Answer
  } finally {
    await events.return?.()
  }
}

/** Has each ask: no answer may tell anything of Alice's, and afterwards nothing (of hers, or at all) may be changed. */
async function unharmed(
  viewers: Record<string, Viewer>,
  act: (viewer: Viewer) => Promise<Answer>,
  { scope = 'all', known = [] }: { scope?: 'all' | 'hers'; known?: unknown[] } = {},
): Promise<[who: string, answer: Answer][]> {
  const state = async () => await everyRow(sql, scope === 'hers' ? mentionsAlice : /./)
  const before = await state()
  const answers: [string, Answer][] = []
  for (const [who, viewer] of Object.entries(viewers)) {
    const answer = await act(viewer)
    expect(
      secretsIn(answer).filter((secret) => !known.includes(secret)),
      who,
    ).toEqual([])
    expect(answer.errors?.filter((error) => isOurMistake(error)) ?? [], who).toEqual([])
    answers.push([who, answer])
  }
  const after = await state()
  const gone = [...before].filter((row) => !after.has(row))
  const added = [...after].filter((row) => !before.has(row))
  expect({ gone, added }).toEqual({ gone: [], added: [] })
  return answers
}

const isOurMistake = ({ extensions: { code } }: GraphQLError): boolean =>
  ['INTERNAL_SERVER_ERROR', 'GRAPHQL_VALIDATION_FAILED'].includes(String(code))

const codesOf = ({ errors = [] }: Answer): unknown[] => [...new Set(errors.map(({ extensions }) => extensions.code))]

function secretsIn(answer: Answer): string[] {
  const text = JSON.stringify(answer)
  return secrets.filter((secret) => text.includes(secret))
}
