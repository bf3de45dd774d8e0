import { DrizzleQueryError } from 'drizzle-orm/errors'
import { expect, test } from 'vitest'
import { loggable } from './log.ts'

test('a failed statement is logged without its values', () => {
  const cause = Object.assign(new Error('duplicate key'), {
    detail: 'Key (email)=(alice@example.com) already exists.',
    code: '23505',
  })
  const failed = new DrizzleQueryError(
    'insert into people values ($1, $2)',
    ['alice@example.com', 'first\nsecond'],
    cause,
  )
  const text = JSON.stringify(loggable(failed))
  expect(text).toContain('insert into people')
  expect(text).toContain('23505')
  expect(text).toContain('log.test.ts')
  expect(text).not.toMatch(/alice|second/)
})

test('what is no error is logged as it is', () => {
  expect(loggable('gone')).toBe('gone')
})
