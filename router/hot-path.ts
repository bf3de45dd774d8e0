import type { IncomingMessage } from 'node:http'
import type { Logger } from '#platform/log.ts'
import type { Engine } from './engine/execute.ts'
import { asText, type ResponseText } from './engine/output.ts'
import { publicError, withRequestId } from './graphql-error.ts'
import type { Documents } from './policy/documents.ts'
import type { OperationLimits } from './policy/limits.ts'
import type { PersistedQueries } from './policy/persisted.ts'
import type { RequestContext } from './request-context.ts'

export interface HotPathOptions {
  engine: Engine
  documents: Documents
  persisted: PersistedQueries
  limits: OperationLimits
  log: Logger
}

export interface HotAnswer {
  contentType: string
  body: string | Buffer
}

/**
 * Answers the requests that nearly all requests are: a well-formed POST of JSON with a valid operation. Apollo Server,
 * which answers everything else, would take several times as long for one as the engine does.
 */
export class HotPath {
  readonly #options: HotPathOptions
  // Several may share a response; one without errors is the same text for all.
  readonly #bodies = new WeakMap<ResponseText, string | Buffer>()

  constructor(options: HotPathOptions) {
    this.#options = options
  }

  /** @returns null, with nothing done, for what is to be answered by Apollo Server */
  async answer({ headers }: IncomingMessage, body: unknown, context: RequestContext): Promise<HotAnswer | null> {
    const contentType = responseType(headers.accept)
    const asked = contentType && this.#read(body)
    if (!asked) return null
    const { engine } = this.#options
    const prepared = engine.prepare({ ...asked, ...context })
    return 'errors' in prepared ? null : { contentType, body: this.#format(await prepared.run(), context) }
  }

  #read(body: unknown) {
    if (typeof body !== 'object' || body === null) return null
    const { query, operationName, variables, extensions } = body as Record<string, unknown>
    if (!isName(operationName) || !isRecord(variables) || !isRecord(extensions)) return null
    // A request with both a text and its hash registers it.
    const isNamed = Boolean(extensions && 'persistedQuery' in extensions)
    const text =
      isNamed && query === undefined ? this.#options.persisted.named(extensions) : isNamed ? undefined : query
    if (typeof text !== 'string') return null
    const document = this.#options.documents.read(text)
    if ('errors' in document) return null
    return { document, operationName: operationName ?? undefined, variables: variables ?? {} }
  }

  #format(response: ResponseText, { requestId }: RequestContext): string | Buffer {
    const { errors, ...rest } = response
    if (!errors) {
      const known = this.#bodies.get(response) ?? encoded(asText(rest))
      this.#bodies.set(response, known)
      return known
    }
    const { limits, log } = this.#options
    return asText({ ...rest, errors: errors.map((error) => withRequestId(publicError(error, limits, log), requestId)) })
  }
}

// A short string goes out together with the headers, in one write. Of a long one Node.js would reserve three times the
// length at every write.
const SHORT = 8_192

const encoded = (text: string): string | Buffer => (text.length > SHORT ? Buffer.from(text) : text)

const isName = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === 'string'

const isRecord = (value: unknown): value is Record<string, unknown> | null | undefined =>
  value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value))

/** What to answer with for an `Accept` header that is as simple as most; null when it takes more to tell. */
function responseType(accept = '*/*'): string | null {
  if (accept === '*/*') return 'application/json; charset=utf-8'
  const [first] = accept.split(',', 1)
  if (first === 'application/json') return 'application/json; charset=utf-8'
  return first === 'application/graphql-response+json' ? `${first}; charset=utf-8` : null
}
