import type { Context } from './context.ts'
import type { InboxTable } from './columns.ts'
import type { Db } from './database.ts'
import type { Announced, Fact } from './facts.ts'

/** What a part does when it hears of a fact. Its queue is `<part>.<fact>`. */
export interface Reaction {
  fact: Fact
  /** Must be idempotent: the same event may come twice, and an older one after a newer. A throw is retried. */
  handle(ctx: Context, event: Announced): Promise<void>
}

/** `on(OrderPlaced, (ctx, event) => confirmOrder(ctx, event.data))` */
export function on<T>(fact: Fact<T>, handle: (ctx: Context, event: Announced<T>) => Promise<void>): Reaction {
  return {
    fact: fact,
    handle: (ctx, event) => handle(ctx, { ...event, data: fact.data.parse(event.data) }),
  }
}

/**
 * Runs `act` in one transaction with a note in the inbox that this reaction has seen this event; an event seen before
 * does nothing.
 */
export async function once(
  { db, now }: Pick<Context, 'db' | 'now'>,
  inbox: InboxTable,
  reaction: string,
  { eventId }: Pick<Announced, 'eventId'>,
  act: (tx: Db) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    const noted = await tx
      .insert(inbox)
      .values({ reaction, eventId, handledAt: now() })
      .onConflictDoNothing()
      .returning({ eventId: inbox.eventId })
    if (noted.length > 0) await act(tx)
  })
}
