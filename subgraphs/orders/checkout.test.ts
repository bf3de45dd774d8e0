import { describe, expect, test } from 'vitest'
import type { FrozenCart } from './calls/cart.ts'
import {
  failure,
  nextStep,
  progressOf,
  refusalOf,
  setbackDelayMs,
  shownFailure,
  stepNames,
  stepsToUndo,
  whyNotSold,
  type StepName,
} from './checkout.ts'

type Status = 'DONE' | 'RUNNING' | 'FAILED' | 'UNDONE'
const steps = (states: Partial<Record<StepName, Status>>) =>
  new Map(Object.entries(states).map(([name, status]) => [name as StepName, { status }]))

describe('going forward', () => {
  test('takes the steps in order', () => {
    const taken: StepName[] = []
    for (
      let name = nextStep(new Map());
      name;
      name = nextStep(new Map(taken.map((each) => [each, { status: 'DONE' }])))
    ) {
      taken.push(name)
    }
    expect(taken).toEqual(stepNames)
  })

  test('takes a step again whose answer never came', () => {
    expect(nextStep(steps({ FREEZE_CART: 'DONE', RESERVE_STOCK: 'RUNNING' }))).toBe('RESERVE_STOCK')
  })

  test('closes the cart even when the money was refused for good', () => {
    const done = Object.fromEntries(stepNames.slice(0, 6).map((name) => [name, 'DONE' as const]))
    expect(nextStep(steps({ ...done, CAPTURE_PAYMENT: 'FAILED' }))).toBe('CONVERT_CART')
  })
})

describe('undoing', () => {
  const bought = (discounts: FrozenCart['discounts'] = [], totalMinor = 100) => ({ totalMinor, cart: { discounts } })
  const discount = {
    promotion: { id: 'p', name: 'Ten off', code: null },
    amount: { amount: '10', currencyCode: 'EUR' },
  }

  test('gives money back first, then goods, then the cart', () => {
    const done = Object.fromEntries(stepNames.slice(0, 5).map((name) => [name, 'DONE' as const]))
    expect(stepsToUndo(steps(done), bought())).toEqual(['AUTHORIZE_PAYMENT', 'RESERVE_STOCK', 'FREEZE_CART'])
  })

  test('takes back what may have been done, not what was refused', () => {
    expect(stepsToUndo(steps({ FREEZE_CART: 'DONE', RESERVE_STOCK: 'RUNNING' }), bought())).toEqual([
      'RESERVE_STOCK',
      'FREEZE_CART',
    ])
    expect(stepsToUndo(steps({ FREEZE_CART: 'DONE', RESERVE_STOCK: 'FAILED' }), bought())).toEqual(['FREEZE_CART'])
  })

  test('gives back promotions that were used, before the goods, and nothing that was passed with nothing to do', () => {
    const done = steps(Object.fromEntries(stepNames.slice(0, 5).map((name) => [name, 'DONE' as const])))
    expect(stepsToUndo(done, bought([discount], 0))).toEqual(['RESERVE_PROMOTIONS', 'RESERVE_STOCK', 'FREEZE_CART'])
  })

  test('does nothing twice', () => {
    expect(
      stepsToUndo(steps({ FREEZE_CART: 'UNDONE', RESERVE_STOCK: 'UNDONE', AUTHORIZE_PAYMENT: 'FAILED' }), bought()),
    ).toEqual([])
  })

  test('waits longer after each setback, two minutes at most', () => {
    expect([1, 2, 3, 20].map(setbackDelayMs)).toEqual([1_000, 2_000, 4_000, 120_000])
  })
})

describe('a cart that cannot be bought', () => {
  const total = { amountMinor: 1990, currency: 'EUR' }
  const address = {
    name: null,
    company: null,
    line1: 'Am Markt 1',
    line2: null,
    city: 'Bremen',
    region: null,
    postalCode: '28195',
    countryCode: 'DE',
    phone: null,
    location: null,
  }
  const line = {} as never
  const delivery = {
    name: 'Standard',
    estimatedFrom: '2026-03-01T09:00:00.000Z',
    estimatedTo: '2026-03-03T09:00:00.000Z',
  }
  const complete = { lines: [line], buyerEmail: 'a@example.com', shippingAddress: address, deliveryOption: delivery }

  test('is bought when nothing is missing and the total is the one agreed to', () => {
    expect(whyNotSold(complete, total, { isGuest: true, expectedTotalMinor: 1990 })).toBeNull()
  })

  test('tells everything that is missing at once', () => {
    const bare = { lines: [line], buyerEmail: null, shippingAddress: null, deliveryOption: null }
    const why = whyNotSold(bare, total, { isGuest: true, expectedTotalMinor: 1990 })
    expect(why?.errors.map(({ code }) => code)).toEqual(['REQUIRED', 'REQUIRED', 'REQUIRED'])
    expect(why).toMatchObject({ code: 'REQUIRED', isRetryable: true })
  })

  test('needs no e-mail address of an account', () => {
    const cart = { ...complete, buyerEmail: null }
    expect(whyNotSold(cart, total, { isGuest: false, expectedTotalMinor: 1990 })).toBeNull()
  })

  test('names the new total when the price changed', () => {
    const why = whyNotSold(complete, total, { isGuest: false, expectedTotalMinor: 1890 })
    expect(why).toMatchObject({
      code: 'PRICE_CHANGED',
      message: 'The total is 19.90 EUR now.',
      errors: [{ code: 'PRICE_CHANGED', field: ['input', 'expectedTotal'] }],
    })
  })
})

describe('a refusal by another part', () => {
  const card = { paymentMethodId: null }

  test('keeps the numbers a screen needs, and names none of the other part’s fields', () => {
    const error = {
      __typename: 'InsufficientStockError',
      code: 'INSUFFICIENT_STOCK' as const,
      message: 'Sold out.',
      field: ['input', 'lines', '0'],
      variant: { id: 'v' },
      requested: 2,
      available: 0,
    }
    expect(refusalOf('RESERVE_STOCK', [error], card)).toMatchObject({
      isRetryable: true,
      errors: [{ __typename: 'InsufficientStockError', requested: 2, available: 0, field: null, variant: { id: 'v' } }],
    })
  })

  test('points at the card that was declined', () => {
    const error = { __typename: 'PaymentDeclinedError', code: 'PAYMENT_DECLINED' as const, message: 'No.' }
    expect(refusalOf('AUTHORIZE_PAYMENT', [error], card).errors[0]!.field).toEqual(['input', 'paymentToken'])
    expect(refusalOf('AUTHORIZE_PAYMENT', [error], { paymentMethodId: 'm' }).errors[0]!.field).toEqual([
      'input',
      'paymentMethodId',
    ])
  })

  test('is final only for a cart that is closed', () => {
    const of = (fromState: string) => ({ code: 'STATE_TRANSITION' as const, message: 'No.', fromState })
    expect(refusalOf('FREEZE_CART', [of('MERGED')], card).isRetryable).toBe(false)
    expect(refusalOf('FREEZE_CART', [of('ACTIVE')], card).isRetryable).toBe(true)
  })
})

describe('what the buyer sees', () => {
  const at = new Date('2026-03-01T09:00:00Z')
  const row = (attempt: number, name: StepName, status: Status) => ({
    attempt,
    name,
    status,
    tries: 1,
    startedAt: at,
    finishedAt: at,
    error: null,
  })

  test('all steps in order, with this attempt’s state and every attempt’s tries', () => {
    const rows = [row(1, 'FREEZE_CART', 'UNDONE'), row(1, 'RESERVE_STOCK', 'FAILED'), row(2, 'FREEZE_CART', 'DONE')]
    const shown = progressOf(2, rows)
    expect(shown.map(({ name }) => name)).toEqual(stepNames)
    expect(shown.slice(0, 3)).toMatchObject([
      { status: 'DONE', attempts: 2 },
      { status: 'PENDING', attempts: 1, startedAt: null },
      { status: 'PENDING', attempts: 0 },
    ])
  })

  test('no failure of a checkout that was called off', () => {
    const why = failure('UPSTREAM_UNAVAILABLE', 'Later.')
    expect(shownFailure({ status: 'OPEN', failure: why })).toBe(why)
    expect(shownFailure({ status: 'CANCELLED', failure: why })).toBeNull()
  })
})
