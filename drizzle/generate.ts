// Writes the SQL migrations that tables.ts of each subgraph asks for: `npm run db:generate`.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { subgraphNames } from '../subgraphs/all.ts'

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean' }, name: { type: 'string', default: 'change' } },
})
if (values.help) {
  console.log(`npm run db:generate [-- --name WHAT-CHANGES] [SUBGRAPH…]

Writes SQL migrations to drizzle/SUBGRAPH for: ${subgraphNames.join(', ')} (default: all).`)
  process.exit()
}

for (const name of subgraphNames.filter((each) => asked.length === 0 || asked.includes(each))) {
  if (!existsSync(`subgraphs/${name}/tables.ts`)) continue
  console.log(`${name}: comparing tables with migrations`)
  const { status } = spawnSync(
    'node_modules/.bin/drizzle-kit',
    ['generate', '--config', 'drizzle/config.ts', '--name', values.name],
    {
      env: { ...process.env, SUBGRAPH: name },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  if (status !== 0) process.exit(status ?? 1)
  for (const file of globSync(`drizzle/${name}/*.sql`)) leaveSchemaToMigrate(file)
}

// The schema exists before its first migration runs: migrate.ts creates it for its role, which may create no other.
function leaveSchemaToMigrate(file: string): void {
  const text = readFileSync(file, 'utf8')
  const rest = text.replace(/^CREATE SCHEMA "\w+";\s*(--> statement-breakpoint\s*)?/m, '')
  if (rest !== text) writeFileSync(file, rest)
}
