import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { idArray, prepared } from './prepared.ts'

// A pool that nothing is sent through never connects.
const database = () => drizzle(postgres('postgres://localhost:1/nowhere'))

test('a statement is put together once for each database', () => {
  let built = 0
  const statement = prepared(() => ({ number: (built += 1) }))
  const [one, other] = [database(), database()]
  expect([one, other, one].map((db) => statement(db).number)).toEqual([1, 2, 1])
})

test('ids are one value', () => {
  expect(idArray(['a', 'b'])).toBe('{a,b}')
  expect(idArray([])).toBe('{}')
})
