import { eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Announced } from '#platform/facts.ts'
import type { Money } from '#platform/money.ts'
import { once } from '#platform/reactions.ts'
import type { Owner } from '#platform/viewer.ts'
import { linkForGuest } from './guests.ts'
import { linkTo, orderConfirmation } from './letters.ts'
import { post } from './mails.ts'
import { inbox, users } from './tables.ts'

interface Placed {
  number: string
  email: string | null
  lines: { title: string; quantity: number }[]
  total: Money
}

/** Mails what was ordered; a guest's mail has a link that opens their session again. */
export async function confirmOrder(ctx: Context, event: Announced<Placed>): Promise<void> {
  const { owner, data } = event
  await once(ctx, inbox, 'confirmOrder', event, async (tx) => {
    const recipient = data.email ?? (await addressOf(tx, owner))
    if (!recipient) return
    const token = owner?.kind === 'guest' ? await linkForGuest(tx, ctx.now(), owner.id) : null
    const link = token && linkTo(ctx.config, 'guest', token)
    await post(tx, ctx, recipient, orderConfirmation({ ...data, link }))
  })
}

async function addressOf(tx: Db, owner: Owner | null): Promise<string | null> {
  if (owner?.kind !== 'user') return null
  const [user] = await tx.select({ email: users.email }).from(users).where(eq(users.id, owner.id))
  return user?.email ?? null
}
