import { existsSync, globSync } from 'node:fs'
import type { CodegenConfig } from '@graphql-codegen/cli'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { Kind, parse, printSchema } from 'graphql'
import { fullSdl, sdl } from './platform/subgraph.ts'
import { subgraphNames } from './subgraphs/all.ts'

// SUBGRAPH=name restricts it to one.
const { SUBGRAPH } = process.env
const names = subgraphNames.filter((name) => !SUBGRAPH || name === SUBGRAPH)

const sdlOf = (name: string): string =>
  fullSdl({ typeDefs: sdl(new URL(`./subgraphs/${name}/index.ts`, import.meta.url).href) })

/** The schema that operations on a subgraph are checked against: its federation fields included. */
const executableSdlOf = (name: string): string => printSchema(buildSubgraphSchema(parse(sdlOf(name))))

const scalars = {
  ID: { input: 'string', output: 'string' },
  DateTime: { input: 'Date', output: 'Date' },
  Decimal: 'string',
  JSON: 'unknown',
  URL: 'string',
  CurrencyCode: 'string',
  CountryCode: 'string',
}
// What crosses the wire between subgraphs is JSON: a DateTime is its text.
const wireScalars = { ...scalars, DateTime: 'string' }

const commonMappers = {
  Money: '../../platform/money.ts#Money',
  UserError: '../../platform/user-errors.ts#UserError',
  MailingAddress: '../../platform/address.ts#Address',
}

const generates: CodegenConfig['generates'] = {}
for (const name of names) {
  const mappers = (await mappersOf(name)) ?? {}
  generates[`subgraphs/${name}/schema.generated.ts`] = {
    schema: [sdlOf(name)],
    plugins: ['typescript', 'typescript-resolvers'],
    config: {
      federation: true,
      useTypeImports: true,
      enumsAsTypes: true,
      immutableTypes: true,
      importExtension: '.ts',
      resolversNonOptionalTypename: { unionMember: true, interfaceImplementingType: true },
      contextType: '../../platform/context.ts#Context',
      scalars,
      mappers: aliased({ ...pages(name), ...commonMappers, ...mappers }),
    },
  }
  // calls/<callee>.ts holds operations on another subgraph, checked against that one's SDL.
  for (const file of globSync(`subgraphs/${name}/calls/*.ts`, { exclude: ['**/*.generated.ts'] })) {
    const callee = file.slice(file.lastIndexOf('/') + 1, -'.ts'.length)
    generates[file.replace(/\.ts$/, '.generated.ts')] = {
      schema: [executableSdlOf(callee)],
      documents: [file],
      plugins: ['typescript-operations'],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        immutableTypes: true,
        skipTypename: true,
        scalars: wireScalars,
      },
    }
  }
}

// A mapper's type gets a name of its own: many are called like the GraphQL type they stand for.
function aliased(mappers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(mappers).map(([type, source]) => [type, `${source} as ${type}Parent`]))
}

// Every connection is what pages.ts makes.
function pages(name: string): Record<string, string> {
  const types = parse(sdlOf(name)).definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION ? [definition.name.value] : [],
  )
  const connections = types.filter((type) => type.endsWith('Connection'))
  return Object.fromEntries(connections.map((type) => [type, '../../platform/pages.ts#Connection']))
}

/** GraphQL type → row type, beside the SDL: `subgraphs/<name>/mappers.ts`. */
async function mappersOf(name: string): Promise<Record<string, string> | undefined> {
  if (!existsSync(`subgraphs/${name}/mappers.ts`)) return undefined
  const module = (await import(`./subgraphs/${name}/mappers.ts`)) as { default: Record<string, string> }
  return module.default
}

const config: CodegenConfig = { generates, silent: true, errorsOnly: true }
export default config
