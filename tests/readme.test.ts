import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadConfig } from '#platform/config.ts'

const readme = readFileSync('README.md', 'utf8')
const withoutComments = (text: string) => text.replace(/^#.*\n/gm, '').trim()
const operations = globSync('schema/operations/*.graphql').map((file) => withoutComments(readFileSync(file, 'utf8')))
const blocks = [...readme.matchAll(/```graphql\n([^]*?)```/g)].map(([, text]) => text!.trim())

test('the tour pastes the golden operations as they are', () => {
  expect(blocks.length).toBeGreaterThan(10)
  for (const block of blocks) expect(operations).toContain(block)
})

test('every setting that is read is listed, and every one listed is read', () => {
  const listed = [...readme.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) => cell!.match(/[A-Z_]{4,}/g) ?? [])
  const read = readFileSync('platform/config.ts', 'utf8')
    .match(/^ {2}([A-Z_]{4,}):/gm)!
    .map((line) => line.trim().slice(0, -1))
  const general = ['PART', 'NAME', '_DATABASE_URL', '_URL', 'ORDERS_URL', 'ORDERS_DATABASE_URL', 'JOBS_DATABASE_URL']
  expect(listed.filter((name) => !read.includes(name) && !general.includes(name))).toEqual([])
  expect(read.filter((name) => !listed.includes(name))).toEqual([])
})

test('files and commands that it names exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const linked = [...readme.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, path]) => path!)
  expect(linked.flatMap((path) => globSync(path))).toHaveLength(linked.length)
  for (const [, name] of readme.matchAll(/npm run ([a-z:]+)/g)) expect(scripts).toHaveProperty([name!])
  expect(loadConfig({}).PORT).toBe(4000)
})
