import { setTimeout } from 'node:timers/promises'
import type { Logger } from '#platform/log.ts'

// Longer than any access token lives: afterwards its expiry keeps it out.
const REMEMBER_MS = 2 * 60 * 60 * 1000

export interface Revocations extends AsyncDisposable {
  isRevoked(sessionId: string): boolean
}

interface Page {
  cursor: string
  sessions: readonly { id: string; revokedAt: string }[]
}

/**
 * Follows the sessions that were ended, by asking `url?since=CURSOR` every 2 s. While it cannot be reached, what was
 * learned stays; tokens of sessions ended since then pass until they expire.
 */
export function followRevocations({
  url,
  log,
  everyMs = 2_000,
}: {
  url: string
  log: Logger
  everyMs?: number
}): Revocations {
  const revoked = new Map<string, number>()
  const ending = new AbortController()
  let cursor = ''

  const poll = async (): Promise<void> => {
    const page = new URL(url)
    if (cursor) page.searchParams.set('since', cursor)
    const response = await fetch(page, { signal: AbortSignal.any([ending.signal, AbortSignal.timeout(5_000)]) })
    if (!response.ok) throw new Error(`Revocations: HTTP ${response.status}`)
    const { cursor: next, sessions } = (await response.json()) as Page
    for (const { id } of sessions) revoked.set(id, Date.now())
    cursor = next
    for (const [id, learnedAt] of revoked) if (learnedAt < Date.now() - REMEMBER_MS) revoked.delete(id)
  }
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await poll().catch((error: unknown) => {
        if (!ending.signal.aborted) log.warn({ err: error }, 'revocations cannot be read')
      })
      await setTimeout(everyMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    isRevoked: (sessionId) => revoked.has(sessionId),
    async [Symbol.asyncDispose]() {
      ending.abort()
      await running
    },
  }
}
