import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Letter } from './letters.ts'
import { openMailer, type Mailer } from './mailer.ts'
import { mails, type MailRow } from './tables.ts'

const BATCH = 20
// A process that dies while it sends holds its mails back for so long.
const LEASE_MS = 60_000
const TRIES = 10

/** Hands a letter to the post: it is sent soon after the transaction commits, and never if it does not. */
export async function post(tx: Db, { now }: Pick<Context, 'now'>, recipient: string, letter: Letter): Promise<void> {
  await tx.insert(mails).values({ recipient, ...letter, createdAt: now(), nextAttemptAt: now() })
}

/** Sends what waits. Mails that fail are tried again, later and later, ten times in all. */
export async function sendMails(ctx: Context): Promise<void> {
  const waiting = await claimMails(ctx)
  if (waiting.length === 0) return
  await using mailer = openMailer(ctx.config)
  for (const mail of waiting) await sendOne(ctx, mailer, mail)
}

async function claimMails({ db, now }: Pick<Context, 'db' | 'now'>): Promise<MailRow[]> {
  const due = db
    .select({ id: mails.id })
    .from(mails)
    .where(and(eq(mails.status, 'PENDING'), lte(mails.nextAttemptAt, now())))
    .orderBy(asc(mails.nextAttemptAt))
    .limit(BATCH)
    .for('update', { skipLocked: true })
  return await db
    .update(mails)
    .set({ nextAttemptAt: new Date(now().getTime() + LEASE_MS), attempts: sql`${mails.attempts} + 1` })
    .where(inArray(mails.id, due))
    .returning()
}

async function sendOne(
  { db, now, log }: Pick<Context, 'db' | 'now' | 'log'>,
  mailer: Mailer,
  mail: MailRow,
): Promise<void> {
  const mine = eq(mails.id, mail.id)
  try {
    await mailer.send(mail)
  } catch (err) {
    const isLast = mail.attempts >= TRIES
    log.error({ err, mailId: mail.id, attempts: mail.attempts }, isLast ? 'a mail was given up' : 'a mail was not sent')
    const nextAttemptAt = new Date(now().getTime() + 1_000 * 2 ** mail.attempts)
    await db
      .update(mails)
      .set({ nextAttemptAt, status: isLast ? 'DEAD' : 'PENDING' })
      .where(mine)
    return
  }
  // Its links are secrets: what has left is not kept, except where the mailbox shows it.
  if (mailer.isMailbox) await db.update(mails).set({ status: 'SENT' }).where(mine)
  else await db.delete(mails).where(mine)
}
