import { readdirSync, readFileSync } from 'node:fs'
import { parse, specifiedRules, validate, type GraphQLSchema } from 'graphql'
import { describe, expect, test } from 'vitest'
import { loadSupergraph } from '../router/supergraph.ts'

const at = (path: string) => new URL(`../schema/${path}`, import.meta.url)
const files = readdirSync(at('operations')).filter((file) => file.endsWith('.graphql'))

// Everything there is, and what clients see of it.
const { schema, api } = loadSupergraph(readFileSync(at('supergraph.graphql'), 'utf8'))

describe('the golden operations', () => {
  test.each(files)('%s is one named operation that the public schema answers', (file) => {
    const document = parse(readFileSync(at(`operations/${file}`), 'utf8'))
    const names = document.definitions.map((definition) => 'name' in definition && definition.name?.value)
    const expected = file
      .replace('.graphql', '')
      .replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
    expect(names).toEqual([expected])
    expect(validate(api.schema, document, specifiedRules)).toEqual([])
  })
})

describe('the public schema', () => {
  test('has nothing of what the subgraphs keep among themselves', () => {
    const fieldsOf = (one: GraphQLSchema) =>
      Object.keys({ ...one.getQueryType()?.getFields(), ...one.getMutationType()?.getFields() })
    const shown = fieldsOf(api.schema)
    const hidden = fieldsOf(schema).filter((name) => !shown.includes(name))
    expect(hidden).toEqual(expect.arrayContaining(['stockReserve', 'cartMerge', 'paymentAuthorize']))
  })
})
