import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { WebhookRefused, type WebhookEvent } from './provider.ts'

const HEADER = 'sandbox-signature'

type Signing = Pick<Context, 'config'>

/**
 * The sandbox's keyed digest of a text, for one use of it. Its key is not ENCRYPTION_SECRET's: that is replaced from time to
 * time, and the same card has to keep its fingerprint.
 */
export function digestOf({ config }: Signing, use: 'number' | 'saved card' | 'webhook', text: string): string {
  const key = hkdfSync('sha256', config.DATABASE_ROLE_SECRET, '', `mercato sandbox ${use}`, 32)
  return createHmac('sha256', Buffer.from(key)).update(text).digest('base64url')
}

/** What the sandbox sends when a request has come to its end. */
export function signedWebhook(ctx: Signing, url: URL, key: string): Request {
  const body = JSON.stringify({ key })
  return new Request(url, { method: 'POST', body, headers: { [HEADER]: digestOf(ctx, 'webhook', body) } })
}

/** @throws WebhookRefused when it is not from the sandbox. */
export async function parseSandboxWebhook(ctx: Signing, request: Request): Promise<WebhookEvent> {
  const body = await request.text()
  const given = Buffer.from(request.headers.get(HEADER) ?? '')
  const expected = Buffer.from(digestOf(ctx, 'webhook', body))
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new WebhookRefused()
  const { key } = z.object({ key: z.string() }).parse(JSON.parse(body))
  return { key, reference: null }
}
