import { describe, expect, test } from 'vitest'
import { initialDisplayName, isOpenTo, isUsable } from './user.ts'

describe('the name that others see', () => {
  test('is the given name with the first letter of the family name', () => {
    expect(initialDisplayName({ firstName: 'Ada', lastName: 'lovelace' })).toBe('Ada L.')
  })

  test('tells nothing when no name was given', () => {
    expect(initialDisplayName({ firstName: null, lastName: null })).toBe('Customer')
  })
})

describe('private fields', () => {
  const alice = { id: '0199c000-0000-7000-8000-000000000001' }
  const account = { kind: 'user', id: alice.id, sessionId: 's', roles: [], scopes: [] } as const

  test('are open to the person and to those who may read people', () => {
    expect(isOpenTo(account, alice)).toBe(true)
    expect(isOpenTo({ kind: 'apiKey', id: 'k', scopes: ['users:read'] }, alice)).toBe(true)
    expect(isOpenTo({ kind: 'service', name: 'orders', onBehalfOf: account }, alice)).toBe(true)
  })

  test('are closed to a guest with the same id, to other accounts and to services acting for nobody', () => {
    expect(isOpenTo({ kind: 'guest', id: alice.id, sessionId: 's' }, alice)).toBe(false)
    expect(isOpenTo({ ...account, id: '0199c000-0000-7000-8000-000000000002' }, alice)).toBe(false)
    expect(isOpenTo({ kind: 'service', name: 'orders' }, alice)).toBe(false)
  })
})

test('a suspended or closed account cannot be used, an unconfirmed one can', () => {
  expect(
    (['PENDING_VERIFICATION', 'ACTIVE', 'SUSPENDED', 'DELETED'] as const).map((status) => isUsable({ status })),
  ).toEqual([true, true, false, false])
})
