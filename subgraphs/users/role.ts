/** What a person does here; the contract's `enum Role`. */
export const roles = ['CUSTOMER', 'COURIER', 'SUPPORT_AGENT', 'STAFF', 'ADMIN'] as const

export type Role = (typeof roles)[number]

const COURIER = ['delivery:courier'] as const
const SUPPORT_AGENT = ['support:agent', 'users:read', 'orders:read', 'payments:read'] as const
const STAFF = [
  'users:read',
  'inventory:read',
  'inventory:manage',
  'promotions:manage',
  'orders:read',
  'orders:manage',
  'payments:read',
  'payments:manage',
  'delivery:dispatch',
  'notifications:read',
] as const
const ADMIN = [
  ...COURIER,
  ...SUPPORT_AGENT,
  ...STAFF,
  'users:manage',
  'audit:read',
  'admin:read',
  'admin:manage',
] as const

const scopes = { CUSTOMER: [], COURIER, SUPPORT_AGENT, STAFF, ADMIN } as const satisfies Record<Role, readonly string[]>

/** Rights that come with `held`, each once, in alphabetical order: equal roles give equal tokens. */
export function scopesOf(held: readonly Role[]): string[] {
  return [...new Set<string>(held.flatMap((role) => scopes[role]))].toSorted()
}
