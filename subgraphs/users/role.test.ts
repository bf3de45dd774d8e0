import { describe, expect, test } from 'vitest'
import { scopesOf } from './role.ts'

describe('roles', () => {
  test('a customer has no scope, only what is theirs', () => {
    expect(scopesOf(['CUSTOMER'])).toEqual([])
  })

  test('two roles that share a scope give it once', () => {
    expect(scopesOf(['SUPPORT_AGENT', 'COURIER', 'STAFF']).filter((scope) => scope === 'orders:read')).toHaveLength(1)
  })

  test('an agent reads people, orders and payments, and manages none of them', () => {
    expect(scopesOf(['CUSTOMER', 'SUPPORT_AGENT'])).toEqual([
      'orders:read',
      'payments:read',
      'support:agent',
      'users:read',
    ])
  })

  test('an admin has what all other roles have and the rights over people, keys and records', () => {
    const others = scopesOf(['CUSTOMER', 'COURIER', 'SUPPORT_AGENT', 'STAFF'])
    expect(scopesOf(['ADMIN'])).toEqual(
      [...others, 'users:manage', 'audit:read', 'admin:read', 'admin:manage'].toSorted(),
    )
  })
})
