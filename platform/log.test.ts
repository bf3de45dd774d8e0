import { DrizzleQueryError } from 'drizzle-orm/errors'
import { expect, test } from 'vitest'
import { createLogger, loggable } from './log.ts'

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

test('secrets are cut out, however deep they stand and however they are spelled', () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', pretty: false, name: 'test' }, { write: (line) => void lines.push(line) })
  const headers = { 'X-Api-Key': 'hush', authorization: 'hush', host: 'shop' }
  const input = { card: { cardNumber: 'hush', cvc: 'hush' }, paymentToken: 'hush', refresh_token: 'hush' }
  log.info({ a: { b: { c: { headers } } }, inputs: [{ input }], orderId: 'an order' }, 'asked')
  log.error({ err: Object.assign(new Error('refused'), { response: { config: { headers } } }) }, 'failed')
  expect(lines.join()).not.toContain('hush')
  expect(lines[0]).toContain('an order')
  expect(lines[0]).toContain('shop')
  expect(lines[1]).toContain('refused')
})

test('an error among what is logged keeps its message and its stack', () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', pretty: false, name: 'test' }, { write: (line) => void lines.push(line) })
  log.error({ err: new Error('broken', { cause: new Error('worn out') }) }, 'failed')
  expect(JSON.parse(lines[0]!).err).toMatchObject({
    message: expect.stringContaining('broken'),
    stack: expect.any(String),
  })
  expect(lines[0]).toContain('worn out')
})
