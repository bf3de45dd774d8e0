import { expect, test } from 'vitest'
import { periodOf } from './period.ts'

const at = (day: number) => new Date(Date.UTC(2026, 0, day))

test('a period is told by dates, or by their text', () => {
  expect(periodOf({ from: at(1), to: at(2) })).toEqual({ from: at(1), to: at(2) })
  expect(periodOf({ from: at(1).toISOString(), to: at(367).toISOString() })).toEqual({ from: at(1), to: at(367) })
})

test.each([
  ['empty', at(1), at(1)],
  ['running backwards', at(2), at(1)],
  ['longer than 366 days', at(1), at(368)],
  ['of no dates at all', 'yesterday', 'today'],
])('a period that is %s is refused', (_, from, to) => {
  expect(() => periodOf({ from, to })).toThrow(expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } }))
})
