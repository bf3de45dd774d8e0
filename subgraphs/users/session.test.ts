import { describe, expect, test } from 'vitest'
import { hashOf, newSecret, standingOf, successorOf } from './session.ts'

const now = new Date('2026-03-01T12:00:00.000Z')
const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000)
const live = { revokedAt: null }

describe('a refresh token that was used', () => {
  test('is repeated within 20 seconds', () => {
    expect(standingOf({ usedAt: secondsAgo(20) }, live, now)).toBe('REPEATED')
  })

  test('counts as stolen after that', () => {
    expect(standingOf({ usedAt: secondsAgo(20.001) }, live, now)).toBe('STOLEN')
  })

  test('is repeated when the clock of another process is ahead', () => {
    expect(standingOf({ usedAt: secondsAgo(-2) }, live, now)).toBe('REPEATED')
  })

  test('is invalid once its session has ended, however lately it was used', () => {
    expect(standingOf({ usedAt: secondsAgo(1) }, { revokedAt: now }, now)).toBe('INVALID')
  })
})

test('a refresh token that was never used and cannot be is expired', () => {
  expect(standingOf({ usedAt: null }, live, now)).toBe('EXPIRED')
})

describe('the successor of a token', () => {
  test('is always the same, and another for another secret', () => {
    const token = newSecret()
    expect(successorOf(token, 'one')).toBe(successorOf(token, 'one'))
    expect(successorOf(token, 'one')).not.toBe(successorOf(token, 'two'))
  })

  test('cannot be told from what is kept of the token', () => {
    const token = newSecret()
    expect(successorOf(hashOf(token), 'one')).not.toBe(successorOf(token, 'one'))
  })
})
