import { hasScope, owns, type Viewer } from '#platform/viewer.ts'
import type { UserRow } from './tables.ts'

/** The name that others see until the person chooses one: no more of it than they must. */
export function initialDisplayName({ firstName, lastName }: Pick<UserRow, 'firstName' | 'lastName'>): string {
  const initial = lastName ? `${lastName.slice(0, 1).toUpperCase()}.` : null
  return [firstName, initial].filter(Boolean).join(' ').slice(0, 80) || 'Customer'
}

/** Whether the private fields of `user` may be shown. */
export const isOpenTo = (viewer: Viewer, { id }: Pick<UserRow, 'id'>): boolean =>
  owns(viewer, { kind: 'user', id }) || hasScope(viewer, 'users:read')

/** Whether the account can be used at all. */
export const isUsable = ({ status }: Pick<UserRow, 'status'>): boolean =>
  status === 'ACTIVE' || status === 'PENDING_VERIFICATION'
