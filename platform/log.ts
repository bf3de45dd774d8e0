import pino, { type Logger } from 'pino'

export type { Logger }

// Names of secrets, in any spelling: `paymentToken`, `refresh_token`, `X-Api-Key`.
const SECRET = /(authorization|password|token|secret|cookie|cardnumber|cvc|apikey|routerkey|mercatoidentity)$/
const isSecret = (name: string): boolean => SECRET.test(name.toLowerCase().replaceAll(/[-_]/g, ''))
// What lies deeper is not logged at all: nobody looked whether it is fit to be.
const MAX_DEPTH = 6

// A failed statement carries its parameters, in its message too: addresses, tokens and whatever else a row holds.
const PARAMETERS = /\nparams: [^]*?(?=\n\s+at |$)/g
const PARAMETER_KEYS = new Set(['params', 'parameters', 'args', 'detail'])

/** An error as it is logged: without the values of a failed statement. */
export function loggable(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  return cleaned(pino.stdSerializers.errWithCause(error))
}

function cleaned(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(PARAMETERS, '')
  if (typeof value !== 'object' || value === null) return value
  return withoutSecrets(value, depth, cleaned, (key) => PARAMETER_KEYS.has(key))
}

/** A logged object without its secrets, however deep they stand. Errors and other classes' objects stay as they are. */
function presentable(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))
  return isPlain ? withoutSecrets(value, depth, presentable) : value
}

function withoutSecrets(
  value: object,
  depth: number,
  clean: (part: unknown, depth: number) => unknown,
  isLeftOut = (_key: string) => false,
): unknown {
  if (depth === MAX_DEPTH) return '…'
  if (Array.isArray(value)) return value.map((part) => clean(part, depth + 1))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) =>
      isSecret(key) || isLeftOut(key) ? [] : [[key, clean(part, depth + 1)]],
    ),
  )
}

/** JSON lines on standard output (or `to`); readable ones when `pretty`. Secrets are cut out. */
export function createLogger(
  { level, pretty, name }: { level: string; pretty: boolean; name: string },
  to?: pino.DestinationStream,
): Logger {
  const options: pino.LoggerOptions = {
    name,
    level,
    serializers: { err: loggable },
    formatters: { log: (logged) => presentable(logged) as Record<string, unknown> },
    ...(pretty ? { transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', singleLine: true } } } : {}),
  }
  return to ? pino(options, to) : pino(options)
}
