// A server that answers as Stripe's documentation says: form-encoded requests, idempotency keys whose first answer is
// given for ever (an error of the server's own included), 409 for a key under way.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Stripe } from 'stripe'
import { Books, idOf, refusal, type Json, type Reply } from './stripe-books.fixture.ts'

/**
 * `lost`: carried out, the connection closes. `500`: carried out, answered with an error. The others do nothing; the error
 * of `fails` is the answer to its key from then on.
 */
type Mishap = 'lost' | '500' | 'fails' | 'refuses' | '409' | '429' | 'hangs'

const WEBHOOK_SECRET = 'whsec_of_a_test'

/** A Stripe of its own at `url`, until it is disposed. */
export async function openStripe() {
  const books = new Books()
  const mishaps: { path: RegExp; mishap: Mishap }[] = []
  const carryOut = idempotent(books)
  const seen: { path: string; key: string | undefined; isReplay: boolean }[] = []

  const take = (path: string): Mishap | undefined => {
    const index = mishaps.findIndex((each) => each.path.test(path))
    return index < 0 ? undefined : mishaps.splice(index, 1)[0]!.mishap
  }

  const respond = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { pathname, search } = new URL(incoming.url!, 'http://localhost')
    const { method = 'GET' } = incoming
    const key = incoming.headers['idempotency-key']?.toString()
    const body = await textOf(incoming)
    const answer = (status: number, content: Json, headers: Record<string, string> = {}) => {
      outgoing.writeHead(status, { 'content-type': 'application/json', 'request-id': idOf('req'), ...headers })
      outgoing.end(JSON.stringify(content))
    }
    const mishap = take(pathname)
    if (mishap === 'hangs') return
    if (mishap === '409') return answer(409, { error: { type: 'idempotency_error', code: 'idempotency_key_in_use' } })
    if (mishap === 'refuses') {
      const error = { type: 'invalid_request_error', code: 'payment_intent_unexpected_state', message: 'Not now.' }
      return answer(400, { error })
    }
    if (mishap === '429') return answer(429, { error: { type: 'invalid_request_error', code: 'rate_limit' } })
    const { status, body: content, isReplay } = carryOut({ method, path: pathname, body, query: search, key }, mishap)
    seen.push({ path: `${method} ${pathname}`, key, isReplay })
    if (mishap === 'lost') {
      outgoing.socket?.destroy()
      return
    }
    return answer(status, content, isReplay ? { 'idempotent-replayed': 'true' } : {})
  }
  const server = createServer((incoming, outgoing) => void respond(incoming, outgoing))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const env = {
    STRIPE_SECRET_KEY: 'sk_test_of_a_test',
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    STRIPE_API_URL: url,
    STRIPE_TIMEOUT_MS: '500',
  }

  return {
    books,
    env,
    seen,
    /** Lets the next requests to matching paths go wrong. */
    plan: (path: RegExp, ...next: Mishap[]) => mishaps.push(...next.map((mishap) => ({ path, mishap }))),
    /** What Stripe posts when something happened, signed. */
    webhook(type: string, object: Json, { secret = WEBHOOK_SECRET, secondsAgo = 0 } = {}): Request {
      const payload = JSON.stringify({ id: idOf('evt'), object: 'event', type, data: { object } })
      const timestamp = Math.floor(Date.now() / 1000) - secondsAgo
      const header = Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp })
      const headers = { 'stripe-signature': header, 'content-type': 'application/json' }
      return new Request('http://localhost/webhooks/stripe', { method: 'POST', body: payload, headers })
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => server.close(() => done()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

interface Asked {
  method: string
  path: string
  body: string
  query: string
  key: string | undefined
}

// The first answer to a key is the answer to it.
function idempotent(books: Books) {
  const replies = new Map<string, Reply & { request: string }>()
  return ({ method, path, body, query, key }: Asked, mishap: Mishap | undefined): Reply & { isReplay: boolean } => {
    const request = `${path} ${body}`
    const known = key && replies.get(key)
    if (known) {
      return known.request === request
        ? { ...known, isReplay: true }
        : { ...refusal(400, { type: 'idempotency_error', message: 'Other parameters.' }), isReplay: false }
    }
    const failed = refusal(500, { type: 'api_error', message: 'Something went wrong on our end.' })
    const fields = new Map(new URLSearchParams(method === 'GET' ? query : body))
    const reply = mishap === 'fails' ? failed : books.answer(method, path, fields)
    const kept = mishap === '500' ? failed : reply
    if (key) replies.set(key, { ...kept, request })
    return { ...kept, isReplay: false }
  }
}
