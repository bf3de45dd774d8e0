import { lt } from 'drizzle-orm'
import type { IdempotencyTable, InboxTable } from './columns.ts'
import type { Job } from './subgraph.ts'

// Far longer than any client retries and any queue delivers again.
const REMEMBERED_MS = 30 * 86_400_000

/** The job that forgets keys and events which nobody will send again: those of more than 30 days ago. */
export const forgetting = ({ keys, inbox }: { keys?: IdempotencyTable; inbox?: InboxTable }): Job => ({
  name: 'forget old keys and events',
  everySeconds: 3_600,
  async run({ db, now }) {
    const before = new Date(now().getTime() - REMEMBERED_MS)
    if (keys) await db.delete(keys).where(lt(keys.createdAt, before))
    if (inbox) await db.delete(inbox).where(lt(inbox.handledAt, before))
  },
})
