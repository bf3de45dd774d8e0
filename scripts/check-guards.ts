// Whether each guard has a test that goes red without it: `npm run check:guards`.
import { spawn, execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { guards } from '../tests/guards/all.ts'
import { takenOut, type Guard } from '../tests/guards/guard.ts'

const HELP = `npm run check:guards [-- FILTER…]

Takes each guard of tests/guards out of a copy of the project, one at a time, and runs the tests that name it: they have to
go red. Prints a line per guard; ends with code 1 if one stayed green. A FILTER is a part of a guard's file or sentence.
About ten seconds a guard.`

interface Outcome {
  failed: number
  /** Names of the tests that passed, with those of what they are in. */
  passed: string[]
  output: string
}

interface Report {
  testResults: { assertionResults: { fullName: string; status: string }[] }[]
}

async function copyOfProject(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'mercato-guards-'))
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  })
  for (const file of files.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(copy, file)), { recursive: true })
    await cp(file, join(copy, file))
  }
  await symlink(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

async function runTests(copy: string, { file, name }: Guard['redIn']): Promise<Outcome> {
  const report = join(copy, 'report.json')
  await rm(report, { force: true })
  const args = ['node_modules/vitest/vitest.mjs', 'run', file, '--reporter=json', `--outputFile=${report}`]
  if (name) args.push('-t', name)
  const child = spawn(process.execPath, args, { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => printed.push(chunk))
  await new Promise((ended) => child.once('close', ended))
  const output = Buffer.concat(printed).toString()
  const { testResults } = JSON.parse(await readFile(report, 'utf8').catch(() => '{"testResults":[]}')) as Report
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  return {
    failed: tests.filter(({ status }) => status === 'failed').length,
    passed: tests.filter(({ status }) => status === 'passed').map(({ fullName }) => fullName),
    output,
  }
}

async function run(filters: readonly string[]): Promise<boolean> {
  const chosen = guards.filter(
    ({ file, forbids }) => filters.length === 0 || filters.some((filter) => `${file} ${forbids}`.includes(filter)),
  )
  const copy = await copyOfProject()
  let isGood = chosen.length > 0
  const complain = (line: string, output: string) => {
    isGood = false
    console.log(`${line}\n${output.trim().split('\n').slice(-20).join('\n')}`)
  }
  try {
    for (const [file, ofFile] of Map.groupBy(chosen, ({ redIn }) => redIn.file)) {
      const { failed, passed, output } = await runTests(copy, { file })
      const missing = ofFile.flatMap(({ redIn: { name = '' } }) =>
        passed.some((each) => new RegExp(name).test(each)) ? [] : [name],
      )
      const isGreen = failed === 0 && missing.length === 0
      const line = `${isGreen ? 'green ' : 'BROKEN'}  ${file} with every guard in`
      if (isGreen) console.log(line)
      else complain([line, ...missing.map((name) => `no test passes that is named ${name}`)].join('\n'), output)
    }
    for (const [index, guard] of chosen.entries()) {
      const { before, after } = await takenOut(guard)
      await writeFile(join(copy, guard.file), after)
      const { failed, output } = await runTests(copy, guard.redIn)
      await writeFile(join(copy, guard.file), before)
      const line = `${index + 1}/${chosen.length} ${guard.file}: without it, ${guard.forbids}`
      // A file that does not even load has no failed test: that would show nothing.
      if (failed > 0) console.log(`red     ${line} (${failed} failed)`)
      else complain(`GREEN   ${line}`, output)
    }
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
  console.log(
    `${chosen.length} guards, ${isGood ? 'each with a test that goes red without it' : 'not all as they should be'}`,
  )
  return isGood
}

const args = process.argv.slice(2)
if (args.includes('--help')) console.log(HELP)
else process.exitCode = (await run(args)) ? 0 : 1
