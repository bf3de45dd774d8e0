import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'

interface Page {
  etag: string
  html: Buffer
  gzipped: Buffer
}

const DEFAULT_QUERY = '# Subscriptions run here too, over graphql-ws.\nquery {\n  __typename\n}\n'
const OPTIONS = {
  endpoint: '/graphql',
  subscriptionsProtocol: 'WS',
  title: 'GraphiQL',
  defaultQuery: DEFAULT_QUERY,
} as const

/** GraphiQL with all it needs inside: 9 MB, so it is made and compressed once, when first asked for. */
export class GraphiQLPage {
  #page: Promise<Page> | null = null

  async answer({ headers }: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { etag, html, gzipped } = await (this.#page ??= render())
    outgoing.setHeader('etag', etag)
    outgoing.setHeader('cache-control', 'no-cache')
    if (headers['if-none-match'] === etag) {
      outgoing.writeHead(304).end()
      return
    }
    const isGzip = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''))
    outgoing.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
    })
    outgoing.end(isGzip ? gzipped : html)
  }
}

async function render(): Promise<Page> {
  const html = Buffer.from(renderGraphiQL(OPTIONS))
  const etag = `"${createHash('sha256').update(html).digest('base64url')}"`
  return { etag, html, gzipped: await promisify(gzip)(html) }
}

/** Apollo Sandbox, which loads from Apollo's site; the reader without a network is shown the way to GraphiQL. */
export const sandboxPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Apollo Sandbox</title>
<style>
  body { margin: 0; font: 16px/1.5 system-ui, sans-serif }
  main { padding: 2rem }
  #sandbox { position: absolute; inset: 0 }
  #sandbox:empty { display: none }
  #sandbox iframe { width: 100%; height: 100%; border: 0; background: white }
</style>
</head>
<body>
<main>
  <h1>Apollo Sandbox</h1>
  <p>Sandbox loads from Apollo's site and needs a network. <a href="/graphiql">GraphiQL</a> works without.</p>
</main>
<div id="sandbox"></div>
<script src="https://embeddable-sandbox.cdn.apollographql.com/v2/embeddable-sandbox.umd.production.min.js"></script>
<script>
  const endpoint = new URL('/graphql', location.href)
  if (window.EmbeddedSandbox) {
    new window.EmbeddedSandbox({
      target: '#sandbox',
      initialEndpoint: endpoint.href,
      initialSubscriptionEndpoint: endpoint.href.replace(/^http/, 'ws'),
      endpointIsEditable: false,
      includeCookies: false,
    })
  }
</script>
</body>
</html>
`

export const plainPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>GraphQL</title></head>
<body><p>GraphQL is served at <code>/graphql</code>, over HTTP and graphql-ws.</p></body></html>
`
