import { eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { toDecimal } from '#platform/money.ts'
import { CANCELLED } from './payment.ts'
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
      return page(
        400,
        '<h1>Choose one</h1><p>The form says neither approve nor decline. Go back and press a button.</p>',
      )
    }
    const decided = await ctx.db.execute<{ key: string }>(deciding(challenge, result === 'approve'))
    for (const { key } of decided) await sendWebhook(ctx, key)
  }
  const [noted] = await ctx.db.select().from(sandboxOperations).where(eq(sandboxOperations.challenge, challenge))
  if (!noted) return page(404, ended('There is no such payment', 'Perhaps the address is not complete.'))
  return page(200, textOf(noted))
}

type Noted = typeof sandboxOperations.$inferSelect

function textOf({ status, code, currency, amountMinor }: Noted): string {
  if (status === 'SUCCEEDED') return ended('Payment approved')
  if (code === CANCELLED) return ended('Too late', 'The shop no longer waits for this payment. Nothing was charged.')
  if (status !== 'REQUIRES_ACTION') return ended('Payment declined', 'Nothing was charged.')
  const amount = `${toDecimal({ amountMinor: amountMinor!, currency: currency! })} ${currency}`
  return `
    <h1>Confirm your payment</h1>
    <p class="amount">${amount}</p>
    <p>The shop asks for this amount. This bank is made of sand: no money moves.</p>
    <form method="post">
      <button name="result" value="approve">Approve</button>
      <button name="result" value="decline">Decline</button>
    </form>`
}

const ended = (title: string, text = ''): string =>
  `<h1>${title}</h1><p>${text} You can close this page and return to the shop.</p>`

// In the page itself: it asks for nothing else.
const STYLE = `
      :root { color-scheme: light dark; --ink: light-dark(#1d2433, #e8eaf0); --line: light-dark(#d5dae3, #3a4152) }
      :root { --sand: light-dark(#f4f1ea, #15171c); --card: light-dark(#fff, #20242d); --go: light-dark(#17603b, #7fd8a6) }
      * { box-sizing: border-box }
      body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 1rem; min-height: 100vh; display: grid;
        place-items: center; background: var(--sand); color: var(--ink) }
      main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
        border-radius: 0.75rem }
      .bank { margin: 0 0 1.5rem; font-size: 0.875rem; letter-spacing: 0.04em; opacity: 0.75 }
      h1 { font-size: 1.375rem; line-height: 1.25; margin: 0 0 0.75rem }
      p { margin: 0 0 0.75rem }
      .amount { font-size: 2rem; font-weight: 600; font-variant-numeric: tabular-nums }
      form { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.5rem }
      button { flex: 1 1 8rem; min-height: 2.75rem; padding: 0.5rem 1rem; font: inherit; font-weight: 600; cursor: pointer;
        color: var(--ink); background: none; border: 1px solid light-dark(#7d8698, #8a93a5); border-radius: 0.5rem }
      button[value=approve] { color: var(--card); background: var(--go); border-color: var(--go) }
      button:hover { border-color: currentColor }
      button:focus-visible { outline: 3px solid light-dark(#1f5fd1, #9cc2ff); outline-offset: 2px }
    `

const page = (status: number, body: string): Response =>
  new Response(
    `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>3-D Secure</title>
    <style>${STYLE}</style>
  </head>
  <body><main><p class="bank">Sand Bank · 3-D Secure</p>${body}</main></body>
</html>
`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      },
    },
  )
