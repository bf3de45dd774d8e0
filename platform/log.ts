import pino, { type Logger } from 'pino'

export type { Logger }

// Wherever they turn up in a logged object, one level deep included.
const SECRETS = [
  'authorization',
  'password',
  'token',
  'accessToken',
  'refreshToken',
  'cardNumber',
  'cvc',
  'secret',
  'cookie',
]

// A failed statement carries its parameters, in its message too: addresses, tokens and whatever else a row holds.
const PARAMETERS = /\nparams: [^]*?(?=\n\s+at |$)/g
const PARAMETER_KEYS = new Set(['params', 'parameters', 'args', 'detail'])

/** An error as it is logged: without the values of a failed statement. */
export function loggable(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  return cleaned(pino.stdSerializers.errWithCause(error))
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(PARAMETERS, '')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (PARAMETER_KEYS.has(key) ? [] : [[key, cleaned(part)]])),
  )
}

/** JSON lines on standard output; readable ones when `pretty`. Secrets are cut out. */
export function createLogger({ level, pretty, name }: { level: string; pretty: boolean; name: string }): Logger {
  return pino({
    name,
    level,
    serializers: { err: loggable },
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), remove: true },
    ...(pretty ? { transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', singleLine: true } } } : {}),
  })
}
