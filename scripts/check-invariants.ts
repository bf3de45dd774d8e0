// Whether what has to hold in a shop's data does: `npm run check:invariants`.
import postgres from 'postgres'
import { loadConfig } from '#platform/config.ts'
import { runningPostgres, startEmbeddedPostgres } from '#platform/embedded-postgres.ts'
import { createLogger } from '#platform/log.ts'
import { runProgram } from '#platform/program.ts'
import { checkInvariants } from '../subgraphs/invariants.ts'

const HELP = `npm run check:invariants

Checks on a shop's data what has to hold at every moment: nothing oversold, nothing charged twice, nothing held for what
failed. Prints each invariant with the rows that break it, up to 10 of each; ends with code 1 if there are any. Reads only, and
may run beside a shop in use.

DATABASE_URL  an administrator of its database; unset: the embedded one under DATA_DIR (default .data), whether a shop
              runs on it or not`

const SHOWN = 10

async function run(): Promise<void> {
  const { DATABASE_URL, DATA_DIR } = loadConfig()
  await using cleanup = new AsyncDisposableStack()
  const log = createLogger({ level: 'warn', pretty: true, name: 'check:invariants' })
  const url =
    DATABASE_URL ??
    runningPostgres(DATA_DIR) ??
    cleanup.use(await startEmbeddedPostgres({ dataDir: DATA_DIR, log })).url
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  cleanup.defer(() => admin.end())
  const checked = await checkInvariants(admin)
  for (const { part, name, offending } of checked) {
    console.log(`${offending.length === 0 ? 'ok    ' : 'BROKEN'}  ${part}: ${name}`)
    for (const row of offending.slice(0, SHOWN)) console.log(`          ${JSON.stringify(row)}`)
    if (offending.length > SHOWN) console.log(`          and ${offending.length - SHOWN} more`)
  }
  const broken = checked.filter(({ offending }) => offending.length > 0).length
  console.log(`${checked.length} invariants, ${broken} broken`)
  if (broken > 0) process.exitCode = 1
}

if (process.argv.includes('--help')) console.log(HELP)
else await runProgram(run)
