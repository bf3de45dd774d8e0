// All checks and all tests: `npm test`.
import { parseCLI, startVitest, type TestModule } from 'vitest/node'
import { checks, codegen, redis, runStages } from './stages.ts'

const HELP = `npm test [-- FILTER… | OPTION…]

Without arguments: ${[redis, ...checks].map(({ name }) => name).join(', ')}, then every test.
With arguments: only the tests they choose, as vitest understands them, e.g.
  npm test -- subgraphs/orders        tests whose file name contains it
  npm test -- --project rules         rules, subgraphs, router or system
  npm test -- -t 'oversell'           tests whose name matches

PostgreSQL comes with the packages. Redis suites need redis-server: installed when this is Debian and you are root,
otherwise they are skipped and listed at the end; with CI set, a missing redis-server is a failure.`

interface Count {
  passed: number
  failed: number
  skipped: string[]
}

function count(modules: readonly TestModule[]): Count {
  const total: Count = { passed: 0, failed: 0, skipped: [] }
  for (const module of modules) {
    let failed = 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') total.passed += 1
      else if (state === 'failed') failed += 1
      else total.skipped.push(`${module.relativeModuleId}: ${test.fullName}`)
    }
    // A file that does not load and a hook that fails have no failed test of their own.
    const broken = [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0).length
    total.failed += Math.max(failed + broken, module.state() === 'failed' ? 1 : 0)
  }
  return total
}

async function runTests(args: readonly string[]): Promise<boolean> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args])
  const vitest = await startVitest('test', filter, { ...options, run: true, watch: false })
  const { passed, failed, skipped } = count(vitest.state.getTestModules())
  const unhandled = vitest.state.getUnhandledErrors().length
  await vitest.close()
  // What a filter left out is not worth a line.
  if (args.length === 0 && skipped.length > 0) console.log(`Skipped:\n  ${skipped.join('\n  ')}`)
  if (unhandled > 0) console.log(`Errors outside of any test: ${unhandled}`)
  console.log(`${passed} passed, ${failed + unhandled} failed, ${skipped.length} skipped`)
  return passed > 0 && failed + unhandled === 0
}

const args = process.argv.slice(2)
if (args.includes('--help')) {
  console.log(HELP)
} else {
  const failed = await runStages(args.length === 0 ? [redis, ...checks] : [codegen])
  if (failed.length > 0) console.log(`Failed before the tests: ${failed.join(', ')}`)
  const isGreen = await runTests(args)
  // Not by exitCode: a handle that a test left open would keep the process.
  process.exit(isGreen && failed.length === 0 ? 0 : 1)
}
