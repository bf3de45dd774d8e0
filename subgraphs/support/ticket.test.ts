import { describe, expect, test } from 'vitest'
import { afterMessage, excerpt, mayBeSetByStaff, mayMove, waitingAfterMove } from './ticket.ts'

const at = new Date('2026-03-01T09:30:00Z')
const later = new Date('2026-03-01T10:00:00Z')

describe('a ticket that waits for staff', () => {
  const open = { status: 'OPEN', firstReplyAt: null, waitingSince: at } as const

  test('waits for the customer once staff answered', () => {
    expect(afterMessage(open, 'AGENT', later)).toEqual({ status: 'PENDING', firstReplyAt: later, waitingSince: null })
  })

  test('goes on waiting since the first question when the customer writes again', () => {
    expect(afterMessage(open, 'CUSTOMER', later).waitingSince).toBe(at)
  })

  test('is not moved by a note for staff', () => {
    expect(afterMessage(open, 'INTERNAL_NOTE', later)).toEqual(open)
  })
})

test('an answer by the customer opens a solved ticket again', () => {
  const solved = { status: 'RESOLVED', firstReplyAt: at, waitingSince: null } as const
  expect(afterMessage(solved, 'CUSTOMER', later)).toEqual({ status: 'OPEN', firstReplyAt: at, waitingSince: later })
})

test('a closed ticket opens only by reopening it', () => {
  expect(mayMove('CLOSED', 'OPEN')).toBe(true)
  expect(mayBeSetByStaff('CLOSED', 'OPEN')).toBe(false)
  expect(mayMove('CLOSED', 'PENDING')).toBe(false)
})

test('nobody waits in a ticket that is not open', () => {
  expect(waitingAfterMove({ waitingSince: at }, 'RESOLVED', later)).toBeNull()
  expect(waitingAfterMove({ waitingSince: null }, 'OPEN', later)).toBe(later)
})

test('an excerpt has at most 140 characters', () => {
  expect(excerpt('short')).toBe('short')
  expect(excerpt('x'.repeat(200))).toHaveLength(140)
})
