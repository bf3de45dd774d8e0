import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HeaderMap, type ApolloServer, type BaseContext } from '@apollo/server'

const MAX_BODY_BYTES = 1_048_576

/** The body was larger than 1 MiB. Answered with 413. */
export class BodyTooLarge extends Error {
  override name = 'BodyTooLarge'
}

/** The whole body as text. @throws BodyTooLarge */
export async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new BodyTooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The Fetch API's view of a request, for side routes. */
export async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const { method = 'GET', headers, url = '/' } = incoming
  const flat = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || name.startsWith(':')
      ? []
      : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  )
  const body = method === 'GET' || method === 'HEAD' ? undefined : await readBody(incoming)
  return new Request(new URL(url, `http://${headers.host ?? 'localhost'}`), {
    method,
    headers: flat as [string, string][],
    body,
  })
}

export async function sendResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body) await pipeline(Readable.fromWeb(response.body as never), outgoing)
  else outgoing.end()
}

/** Answers of side routes and refusals outside GraphQL: `{ error, message, status_code }`. */
export function errorResponse(status: number, error: string, message: string): Response {
  return Response.json({ error, message, status_code: status }, { status })
}

/** Has Apollo Server answer one HTTP request. */
export async function answerGraphQL<C extends BaseContext>(
  server: ApolloServer<C>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  context: () => Promise<C>,
): Promise<void> {
  const { method = 'GET', headers, url = '/' } = incoming
  const map = new HeaderMap()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const isJson = headers['content-type']?.startsWith('application/json') ?? false
  let body: unknown
  if (method === 'POST') {
    const text = await readBody(incoming)
    try {
      body = isJson ? JSON.parse(text) : text
    } catch {
      await sendResponse(outgoing, errorResponse(400, 'BAD_REQUEST', 'The body is not valid JSON.'))
      return
    }
  }
  const answer = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers: map, search: new URL(url, 'http://localhost').search, body },
    context,
  })
  const answered = Object.fromEntries(answer.headers)
  if (answer.body.kind === 'complete') {
    outgoing.writeHead(answer.status ?? 200, { ...answered, 'content-length': Buffer.byteLength(answer.body.string) })
    outgoing.end(answer.body.string)
  } else {
    outgoing.writeHead(answer.status ?? 200, answered)
    for await (const chunk of answer.body.asyncIterator) outgoing.write(chunk)
    outgoing.end()
  }
}
