import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { RefreshTokenRow, SessionRow } from './tables.ts'

const DAY_MS = 86_400_000
const REFRESH_DAYS = 30
// Two tabs that refresh at once, or a reply that was lost on the way.
const GRACE_MS = 20_000

/** When a refresh token made at `now` ends, and its session with it. */
export const refreshEnd = (now: Date): Date => new Date(now.getTime() + REFRESH_DAYS * DAY_MS)

/** A secret of 256 random bits, base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** What is kept of a secret. It has 256 bits of its own, so that a plain hash cannot be searched. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/**
 * The refresh token that follows `token`. Derived, so that whoever sends the same token again gets the same answer
 * although no token is kept; without `secret` nobody can tell it beforehand.
 */
export const successorOf = (token: string, secret: string): string =>
  createHmac('sha256', `refresh token:${secret}`).update(token).digest('base64url')

/** What a refresh token that cannot be exchanged any more is good for. */
export type Standing = 'INVALID' | 'EXPIRED' | 'REPEATED' | 'STOLEN'

/**
 * Judges a token that was used or has ended. Used lately it is REPEATED and gets the same answer; used before that, the
 * owner or a thief has gone on with its successor, and nobody can tell which of them asks: STOLEN.
 */
export function standingOf(
  { usedAt }: Pick<RefreshTokenRow, 'usedAt'>,
  { revokedAt }: Pick<SessionRow, 'revokedAt'>,
  now: Date,
): Standing {
  if (revokedAt) return 'INVALID'
  if (!usedAt) return 'EXPIRED'
  return now.getTime() - usedAt.getTime() <= GRACE_MS ? 'REPEATED' : 'STOLEN'
}
