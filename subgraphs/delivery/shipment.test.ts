import { describe, expect, test } from 'vitest'
import { priceOf } from './delivery-option.ts'
import {
  believable,
  distanceMeters,
  estimate,
  fulfillmentOf,
  isNews,
  isOver,
  mayMove,
  nextStatuses,
  statusAt,
  type Position,
} from './shipment.ts'

const now = new Date('2026-03-01T10:00:00Z')
const warehouse = { latitude: 52.4847, longitude: 13.3844 }
const home = { latitude: 52.538, longitude: 13.409 }

const at = (secondsAgo: number, point = warehouse, more: Partial<Position> = {}): Position => ({
  ...point,
  headingDegrees: null,
  speedMps: null,
  accuracyMeters: null,
  recordedAt: new Date(now.getTime() - secondsAgo * 1000).toISOString(),
  receivedAt: now.toISOString(),
  ...more,
})

describe('positions', () => {
  test('are believed in their order', () => {
    const reported = [at(20), at(10, { ...warehouse, latitude: 52.4848 })]
    expect(believable(null, reported, now)).toEqual(reported)
  })

  test.each([
    ['older than the last', at(30)],
    ['as old as the last', at(20)],
    ['over a minute in the future', at(-61)],
    ['out of range', at(10, { latitude: 91, longitude: 0 })],
    ['not a place', at(10, { latitude: NaN, longitude: 0 })],
    ['less accurate than 200 m', at(10, warehouse, { accuracyMeters: 201 })],
    ['faster than 70 m/s from the last', at(10, home)],
  ])('are left out when %s', (_, position) => {
    expect(believable(at(20), [position], now)).toEqual([])
  })

  test('are measured against the last one believed, not the last one reported', () => {
    const next = at(5, { ...warehouse, latitude: 52.4849 })
    expect(believable(at(20), [at(10, home), next], now)).toEqual([next])
  })
})

describe('a shipment', () => {
  test('sets out with its first position', () => {
    expect(statusAt('PICKED_UP', warehouse, home)).toBe('IN_TRANSIT')
  })

  test('arrives within 500 m of a place on the map', () => {
    const near = { latitude: 52.5345, longitude: 13.409 }
    expect(distanceMeters(near, home)).toBeLessThan(500)
    expect(statusAt('IN_TRANSIT', near, home)).toBe('ARRIVING')
    expect(statusAt('PICKED_UP', near, home)).toBe('ARRIVING')
    expect(statusAt('IN_TRANSIT', near, null)).toBe('IN_TRANSIT')
    expect(statusAt('IN_TRANSIT', warehouse, home)).toBe('IN_TRANSIT')
  })

  test('cannot leave a state that is final', () => {
    expect(isOver('DELIVERED')).toBe(true)
    expect(nextStatuses.DELIVERED).toEqual([])
    expect(mayMove('DELIVERED', 'IN_TRANSIT')).toBe(false)
    expect(mayMove('PICKED_UP', 'CANCELLED')).toBe(false)
  })
})

describe('an estimate', () => {
  const promise = { promisedFrom: new Date('2026-03-02'), promisedTo: new Date('2026-03-03') }

  test('is what was promised while there is no place to go to', () => {
    const eta = estimate(warehouse, { destination: null, ...promise }, now)
    expect(eta).toMatchObject({ latest: '2026-03-03T00:00:00.000Z', remainingMeters: null })
  })

  test('shrinks on the way and is told when it changed by half a minute', () => {
    const far = estimate(warehouse, { destination: home, ...promise }, now)
    const near = estimate({ latitude: 52.53, longitude: 13.405 }, { destination: home, ...promise }, now)
    expect(near.remainingMeters!).toBeLessThan(far.remainingMeters!)
    expect(Date.parse(far.earliest)).toBeLessThan(Date.parse(far.latest))
    expect(isNews(null, far)).toBe(true)
    expect(isNews(far, far)).toBe(false)
    expect(isNews(far, near)).toBe(true)
  })
})

test.each([
  [[], 'UNFULFILLED'],
  [['PENDING', 'ASSIGNED'], 'UNFULFILLED'],
  [['PICKED_UP', 'PENDING'], 'PARTIAL'],
  [['DELIVERED', 'IN_TRANSIT'], 'SHIPPED'],
  [['DELIVERED', 'CANCELLED'], 'DELIVERED'],
  [['CANCELLED'], 'UNFULFILLED'],
] as const)('shipments that are %j make an order %s', (statuses, expected) => {
  expect(fulfillmentOf(statuses)).toBe(expected)
})

test('a delivery costs its base price and so much per begun kilogram, and nothing from a subtotal on', () => {
  const method = { basePrice: 490, pricePerKg: 50, freeAbove: 7500 }
  expect(priceOf(method, { weightGrams: 1001, subtotalMinor: 1000 })).toBe(590)
  expect(priceOf(method, { weightGrams: 0, subtotalMinor: 1000 })).toBe(490)
  expect(priceOf(method, { weightGrams: 5000, subtotalMinor: 7500 })).toBe(0)
  expect(priceOf({ ...method, freeAbove: null }, { weightGrams: 1000, subtotalMinor: 99_999 })).toBe(540)
})
