import { expect, test } from 'vitest'
import { Rejection } from '#platform/user-errors.ts'
import { requireSuccess } from './movements.ts'
import { NOT_RECEIVED } from './payment.ts'
import type { PaymentTransactionRow } from './tables.ts'

type Movement = Pick<PaymentTransactionRow, 'kind' | 'status' | 'errorCode'>

function refusalOf(movement: Movement): [code: string, message: string] | null {
  try {
    requireSuccess(movement)
  } catch (error) {
    if (!(error instanceof Rejection)) throw error
    const [{ code, message } = { code: '', message: '' }] = error.errors
    return [code, message]
  }
  return null
}

test('a key is worth sending again only while the bank may still answer it otherwise', () => {
  expect(refusalOf({ kind: 'REFUND', status: 'SUCCEEDED', errorCode: null })).toBe(null)
  const sameKey = ['UPSTREAM_UNAVAILABLE', expect.stringMatching(/same key/)]
  expect(refusalOf({ kind: 'REFUND', status: 'UNKNOWN', errorCode: null })).toEqual(sameKey)
  expect(refusalOf({ kind: 'AUTHORIZE', status: 'FAILED', errorCode: NOT_RECEIVED })).toEqual(sameKey)
  const newKey = expect.stringMatching(/new key/)
  for (const [kind, code] of [
    ['AUTHORIZE', 'UPSTREAM_UNAVAILABLE'],
    ['CAPTURE', 'PAYMENT_DECLINED'],
    ['VOID', 'PAYMENT_DECLINED'],
    ['REFUND', 'PAYMENT_DECLINED'],
  ] as const) {
    expect(refusalOf({ kind, status: 'FAILED', errorCode: 'expired_or_canceled_card' })).toEqual([code, newKey])
  }
})
