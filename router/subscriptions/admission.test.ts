import { beforeEach, describe, expect, test } from 'vitest'
import { Admission } from './admission.ts'
import { defaultSubscriptionLimits } from './limits.ts'

let admission: Admission

beforeEach(() => {
  const limits = {
    ...defaultSubscriptionLimits(false),
    connections: 3,
    connectionsPerAddress: 2,
    connectionsPerCaller: 1,
  }
  admission = new Admission(limits)
})

describe('connections', () => {
  test('are so many in all, and others may come when one has left', () => {
    const places = ['a', 'b', 'c'].map((address) => admission.admit(address, () => {}))
    expect(admission.admit('d', () => {})).toBeNull()
    places[0]!.leave()
    expect(admission.admit('d', () => {})).not.toBeNull()
  })

  test('are so many of one address', () => {
    const [first] = [admission.admit('a', () => {}), admission.admit('a', () => {})]
    expect(admission.admit('a', () => {})).toBeNull()
    expect(admission.total).toBe(2)
    first!.leave()
    expect(admission.admit('a', () => {})).not.toBeNull()
  })

  test('are so many of one caller, wherever they are, and one may become another’s', () => {
    const [here, there] = [admission.admit('a', () => {})!, admission.admit('b', () => {})!]
    expect(here.claim('user 1')).toBe(true)
    expect(here.claim('user 1')).toBe(true)
    expect(there.claim('user 1')).toBe(false)
    expect(here.claim('user 2')).toBe(true)
    expect(there.claim('user 1')).toBe(true)
    there.leave()
    expect(here.claim('user 1')).toBe(true)
    expect(here.claim(null)).toBe(true)
  })
})
