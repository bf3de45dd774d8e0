import { expect, test } from 'vitest'
import { Rejection } from '#platform/user-errors.ts'
import { requireSuccess } from './movements.ts'
import { NOT_RECEIVED } from './payment.ts'
import type { PaymentTransactionRow } from './tables.ts'

function messageOf(status: PaymentTransactionRow['status'], errorCode: string | null): string {
  try {
    requireSuccess({ status, errorCode })
  } catch (error) {
    if (error instanceof Rejection) return error.errors[0]!.message
    throw error
  }
  return 'It is done.'
}

test('a key is worth sending again only while the bank may still answer it otherwise', () => {
  expect(messageOf('SUCCEEDED', null)).toBe('It is done.')
  expect(messageOf('UNKNOWN', null)).toMatch(/same key/)
  expect(messageOf('FAILED', NOT_RECEIVED)).toMatch(/same key/)
  expect(messageOf('FAILED', 'expired_or_canceled_card')).toMatch(/new key/)
})
