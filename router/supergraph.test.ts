import { composeServices } from '@apollo/composition'
import { parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { loadSupergraph } from './supergraph.ts'

function compose(imports: string, sdl: string): string {
  const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: [${imports}])`
  const { supergraphSdl, errors } = composeServices([
    { name: 'one', url: 'http://one.invalid', typeDefs: parse(`${link} ${sdl}`) },
  ])
  if (!supergraphSdl) throw new Error(errors?.join('\n'))
  return supergraphSdl
}

describe('a supergraph', () => {
  test('keeps its guards to itself: their definitions are no part of the public schema', () => {
    const { api, requirements } = loadSupergraph(
      compose('"@authenticated"', 'type Query { open: Int closed: Int @authenticated }'),
    )
    expect(api.schema.getDirective('authenticated')).toBeUndefined()
    expect([...requirements.keys()]).toEqual(['Query.closed'])
  })

  test('may call its guards something else', () => {
    const { requirements } = loadSupergraph(
      compose(
        '{ name: "@requiresScopes", as: "@needs" }',
        'type Query { closed: Int @needs(scopes: [["a", "b"], ["c"]]) }',
      ),
    )
    expect(requirements.get('Query.closed')).toEqual([{ scopes: [['a', 'b'], ['c']] }])
  })

  test('guards every field that returns a guarded type', () => {
    const sdl = 'type Query { vaults: [Vault!]! } type Vault @authenticated { gold: Int }'
    expect([...loadSupergraph(compose('"@authenticated"', sdl)).requirements.keys()].toSorted()).toEqual([
      'Query.vaults',
      'Vault.gold',
    ])
  })

  test('that asks for policies is refused, rather than served without them', () => {
    const sdl = compose('"@policy"', 'type Query { closed: Int @policy(policies: [["p"]]) }')
    expect(() => loadSupergraph(sdl)).toThrow('https://specs.apollo.dev/policy')
  })
})
