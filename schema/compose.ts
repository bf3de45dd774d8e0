// Composes schema/supergraph.graphql: `npm run compose`, or with `-- --check` only says whether it is up to date.
import { readFileSync, writeFileSync, existsSync } from 'node:fs'
import { composeServices } from '@apollo/composition'
import { parse } from 'graphql'
import { fullSdl, sdl } from '#platform/subgraph.ts'
import { defaultUrl, subgraphNames } from '../subgraphs/all.ts'

const FILE = new URL('./supergraph.graphql', import.meta.url)

if (process.argv.includes('--help')) {
  console.log(
    'npm run compose [-- --check]\n\nComposes the subgraphs into schema/supergraph.graphql; --check fails when that file is stale.',
  )
  process.exit()
}

const services = subgraphNames.map((name) => ({
  name,
  url: defaultUrl(name),
  typeDefs: parse(fullSdl({ typeDefs: sdl(new URL(`../subgraphs/${name}/index.ts`, import.meta.url).href) })),
}))
const { errors = [], hints = [], supergraphSdl } = composeServices(services)
for (const { message } of errors) console.error(message)
for (const { definition, message } of hints) console.error(`hint ${definition.code}: ${message}`)
if (!supergraphSdl || hints.length > 0) process.exit(1)

if (process.argv.includes('--check')) {
  const isFresh = existsSync(FILE) && readFileSync(FILE, 'utf8') === supergraphSdl
  if (!isFresh) console.error('schema/supergraph.graphql is stale. Run `npm run compose` and commit it.')
  else console.log('schema/supergraph.graphql is up to date.')
  process.exitCode = isFresh ? 0 : 1
} else {
  writeFileSync(FILE, supergraphSdl)
  console.log('schema/supergraph.graphql is written.')
}
