import { defineConfig } from 'drizzle-kit'

// drizzle-kit reads one subgraph at a time; generate.ts names it.
const subgraph = process.env.SUBGRAPH
if (!subgraph) throw new Error('Run it through `npm run db:generate`')

export default defineConfig({
  dialect: 'postgresql',
  casing: 'snake_case',
  schema: `./subgraphs/${subgraph}/*tables.ts`,
  out: `./drizzle/${subgraph}`,
})
