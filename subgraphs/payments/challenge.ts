import { eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { toDecimal } from '#platform/money.ts'
import { deciding } from './sandbox-books.ts'
import { CHALLENGES } from './sandbox.ts'
import { sendWebhook } from './sandbox-webhooks.ts'
import { sandboxOperations } from './tables.ts'

/**
 * The bank's part of 3-D Secure: shows the page, and takes the form with `result`, `approve` or `decline`. The first
 * decision stays.
 */
export async function answerChallenge(ctx: Context, request: Request): Promise<Response> {
  const challenge = new URL(request.url).pathname.slice(CHALLENGES.length + 1)
  if (request.method === 'POST') {
    const result = new URLSearchParams(await request.text()).get('result')
    if (result !== 'approve' && result !== 'decline') {
      return page(400, '<h1>Choose one</h1><p>The form says neither approve nor decline.</p>')
    }
    const decided = await ctx.db.execute<{ key: string }>(deciding(challenge, result === 'approve'))
    for (const { key } of decided) await sendWebhook(ctx, key)
  }
  const [noted] = await ctx.db.select().from(sandboxOperations).where(eq(sandboxOperations.challenge, challenge))
  if (!noted) return page(404, '<h1>There is no such payment</h1>')
  return page(200, textOf(noted))
}

type Noted = typeof sandboxOperations.$inferSelect

function textOf({ status, currency, amountMinor }: Noted): string {
  if (status === 'SUCCEEDED') return '<h1>Payment approved</h1><p>You can close this page and return to the shop.</p>'
  if (status !== 'REQUIRES_ACTION') {
    return '<h1>Payment declined</h1><p>Nothing was charged. You can close this page and return to the shop.</p>'
  }
  const amount = `${toDecimal({ amountMinor: amountMinor!, currency: currency! })} ${currency}`
  return `
    <h1>Confirm your payment</h1>
    <p>The shop asks for <strong>${amount}</strong>. This bank is made of sand: no money moves.</p>
    <form method="post">
      <button name="result" value="approve">Approve</button>
      <button name="result" value="decline">Decline</button>
    </form>`
}

const page = (status: number, body: string): Response =>
  new Response(
    `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>3-D Secure</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
      button { font: inherit; padding: 0.5rem 1.5rem; margin-right: 0.5rem }
    </style>
  </head>
  <body><main>${body}</main></body>
</html>
`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      },
    },
  )
