// Everything that is checked without running the shop: `npm run check`.
import { checks, runStages } from './stages.ts'

if (process.argv.includes('--help')) {
  console.log(`npm run check\n\nRuns without a test: ${checks.map(({ name }) => name).join(', ')}.`)
} else {
  const failed = await runStages(checks)
  if (failed.length > 0) {
    console.log(`Failed: ${failed.join(', ')}`)
    process.exitCode = 1
  }
}
