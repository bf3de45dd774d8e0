import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { WebhookRefused, type WebhookEvent } from './provider.ts'

const HEADER = 'sandbox-signature'

type Signing = Pick<Context, 'config'>

const signatureOf = ({ config }: Signing, body: string): string =>
  createHmac('sha256', `sandbox webhook ${config.ENCRYPTION_SECRET}`).update(body).digest('hex')

/** What the sandbox sends when a request has come to its end. */
export function signedWebhook(ctx: Signing, url: URL, key: string): Request {
  const body = JSON.stringify({ key })
  return new Request(url, { method: 'POST', body, headers: { [HEADER]: signatureOf(ctx, body) } })
}

/** @throws WebhookRefused when it is not from the sandbox. */
export async function parseSandboxWebhook(ctx: Signing, request: Request): Promise<WebhookEvent> {
  const body = await request.text()
  const given = Buffer.from(request.headers.get(HEADER) ?? '')
  const expected = Buffer.from(signatureOf(ctx, body))
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new WebhookRefused()
  const { key } = z.object({ key: z.string() }).parse(JSON.parse(body))
  return { key, reference: null }
}
