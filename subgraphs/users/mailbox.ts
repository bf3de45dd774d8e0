import { desc, eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { escape } from './letters.ts'
import { mails } from './tables.ts'

const NEWEST = 200

/** A mail as the development mailbox tells it. */
export interface MailboxEntry {
  to: string
  subject: string
  text: string
  html: string
  links: string[]
  /** RFC 3339. */
  sentAt: string
}

/** What was posted, newest first, to one address or to anybody. A mail shows as soon as its transaction committed. */
export async function readMailbox({ db }: Pick<Context, 'db'>, to: string | null): Promise<MailboxEntry[]> {
  const rows = await db
    .select()
    .from(mails)
    .where(to === null ? undefined : eq(mails.recipient, to.trim().toLowerCase()))
    .orderBy(desc(mails.createdAt), desc(mails.id))
    .limit(NEWEST)
  return rows.map(({ recipient, subject, text, html, createdAt }) => ({
    to: recipient,
    subject,
    text,
    html,
    links: text.match(/https?:\/\/\S+/g) ?? [],
    sentAt: createdAt.toISOString(),
  }))
}

/** The mailbox as a page. */
export function mailboxPage(entries: readonly MailboxEntry[]): Response {
  const mail = ({ to, subject, html, sentAt }: MailboxEntry) => `
    <article>
      <h2>${escape(subject)}</h2>
      <p class="envelope">to ${escape(to)}, ${escape(sentAt)}</p>
      ${html}
    </article>`
  const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Dev mailbox</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
      article { border: 1px solid #ddd; border-radius: 8px; padding: 0 1rem; margin: 1rem 0; overflow-wrap: anywhere }
      .envelope { color: #666; font-size: 14px }
    </style>
  </head>
  <body>
    <h1>Dev mailbox</h1>${entries.length === 0 ? '\n    <p>No mail yet.</p>' : entries.map(mail).join('')}
  </body>
</html>
`
  return new Response(page, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    },
  })
}
