import { describe, expect, test } from 'vitest'
import {
  financialStatus,
  isRetryable,
  isUnsettled,
  outstandingMinor,
  refundableMinor,
  reservedMinor,
} from './payment.ts'

const nothing = {
  authorizedMinor: 0,
  capturingMinor: 0,
  capturedMinor: 0,
  releasingMinor: 0,
  releasedMinor: 0,
  refundingMinor: 0,
  refundedMinor: 0,
}
const reserved = { ...nothing, authorizedMinor: 100 }

test('what is left counts movements in flight as done', () => {
  expect(
    reservedMinor({ ...reserved, capturedMinor: 10, capturingMinor: 20, releasingMinor: 30, releasedMinor: 5 }),
  ).toBe(35)
  expect(refundableMinor({ ...reserved, capturedMinor: 100, refundedMinor: 10, refundingMinor: 20 })).toBe(70)
})

describe('how much of an order is paid', () => {
  const declined = nothing
  test.each([
    ['UNPAID', []],
    ['UNPAID', [declined]],
    ['AUTHORIZED', [declined, reserved]],
    ['VOIDED', [{ ...reserved, releasedMinor: 100 }]],
    ['AUTHORIZED', [{ ...reserved, releasedMinor: 100 }, reserved]],
    ['PARTIALLY_PAID', [{ ...reserved, capturedMinor: 99 }]],
    [
      'PAID',
      [
        { ...reserved, capturedMinor: 60 },
        { ...reserved, capturedMinor: 40 },
      ],
    ],
    ['PARTIALLY_REFUNDED', [{ ...reserved, capturedMinor: 100, refundedMinor: 1 }]],
    ['REFUNDED', [{ ...reserved, capturedMinor: 100, refundedMinor: 100 }]],
  ])('is %s', (status, payments) => {
    expect(financialStatus(100, payments)).toBe(status)
  })

  test('is all of it when it costs nothing', () => {
    expect(financialStatus(0, [])).toBe('PAID')
  })

  test('leaves the rest outstanding, and nothing after a refund', () => {
    expect(outstandingMinor(100, [])).toBe(100)
    expect(outstandingMinor(100, [{ ...reserved, capturedMinor: 30 }])).toBe(70)
    expect(outstandingMinor(100, [{ ...reserved, capturedMinor: 100, refundedMinor: 100 }])).toBe(0)
  })
})

test('a movement is unsettled until the provider has answered, and while it may still arrive there', () => {
  expect(isUnsettled({ status: 'PENDING', errorCode: null })).toBe(true)
  expect(isUnsettled({ status: 'UNKNOWN', errorCode: null })).toBe(true)
  expect(isUnsettled({ status: 'FAILED', errorCode: 'not_received' })).toBe(true)
  expect(isUnsettled({ status: 'FAILED', errorCode: 'token_invalid' })).toBe(false)
  expect(isUnsettled({ status: 'SUCCEEDED', errorCode: null })).toBe(false)
})

test('a lack of funds may pass; a refused card does not', () => {
  expect(isRetryable('insufficient_funds')).toBe(true)
  expect(isRetryable('card_declined')).toBe(false)
  expect(isRetryable('authentication_required')).toBe(false)
})
