import type { Context } from '#platform/context.ts'
import type { Route } from '#platform/subgraph.ts'
import { eventsOf } from './loaders.ts'
import { TRACK_PREFIX, linkedShipment } from './tracking-links.ts'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character]!)

const page = (status: number, body: string): Response =>
  new Response(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
      `<meta name="robots" content="noindex"><meta http-equiv="refresh" content="30"><title>Your delivery</title>` +
      `<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:36rem;padding:0 1rem}time{color:#666}</style>${body}</html>`,
    {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      },
    },
  )

/** What a tracking link opens in a browser: status, estimate and what happened. An app follows it live by its token. */
async function trackingPage(ctx: Context, request: Request): Promise<Response> {
  const token = new URL(request.url).pathname.slice(TRACK_PREFIX.length + 1)
  const shipment = token ? await linkedShipment(ctx, token) : null
  if (!shipment) return page(404, '<h1>This link is unknown or over.</h1>')
  const events = await eventsOf(ctx).load(shipment.id)
  const items = events
    .toReversed()
    .map(({ at, message }) => `<li><time>${at.toISOString()}</time> ${escaped(message)}</li>`)
  const eta = shipment.eta ? `<p>Expected by <time>${escaped(shipment.eta.latest)}</time>.</p>` : ''
  return page(200, `<h1>${escaped(events.at(-1)?.message ?? '')}</h1>${eta}<ul>${items.join('')}</ul>`)
}

export const routes: readonly Route[] = [{ prefix: TRACK_PREFIX, handle: trackingPage }]
