import type { Context } from '#platform/context.ts'
import { sandbox, takeFault } from './sandbox.ts'
import { signedWebhook } from './sandbox-signature.ts'
import { hearWebhook } from './webhooks.ts'

/** Where the sandbox tells what became of a request. */
export const SANDBOX_WEBHOOK = '/webhooks/sandbox'

/** Tells that the request with a key has come to its end; tests have it lost or told twice. */
export async function sendWebhook(ctx: Context, key: string): Promise<void> {
  const fault = await takeFault(ctx, 'webhook')
  const times = fault === 'lost-request' ? 0 : fault === 'duplicate' ? 2 : 1
  const url = new URL(SANDBOX_WEBHOOK, ctx.config.PUBLIC_URL)
  const sent = Array.from({ length: times }, () => hearWebhook(ctx, sandbox(ctx), signedWebhook(ctx, url, key)))
  for (const { status } of await Promise.all(sent)) {
    // It is not sent again: what it would have told is looked up before long.
    if (status !== 200) ctx.log.warn({ key, status }, 'a webhook of the sandbox was not heard')
  }
}
