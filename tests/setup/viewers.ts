import { uuidv7 } from '#platform/ids.ts'
import type { Guest, Service, User } from '#platform/viewer.ts'

// Scopes of each role, as SEMANTICS lists them; the users subgraph's own table is tested against tokens it signs.
export const aCustomer = (): User => ({
  kind: 'user',
  id: uuidv7(),
  roles: ['CUSTOMER'],
  scopes: [],
  sessionId: uuidv7(),
})

export const aGuest = (): Guest => ({ kind: 'guest', id: uuidv7(), sessionId: uuidv7() })

/** Somebody of the store's staff with these scopes. */
export const staffWith = (...scopes: string[]): User => ({
  kind: 'user',
  id: uuidv7(),
  roles: ['CUSTOMER', 'STAFF'],
  scopes,
  sessionId: uuidv7(),
})

/** Another part of the store, acting for nobody. */
export const aService = (name: string): Service => ({ kind: 'service', name })
