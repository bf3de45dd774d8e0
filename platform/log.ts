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

/** JSON lines on standard output; readable ones when `pretty`. Secrets are cut out. */
export function createLogger({ level, pretty, name }: { level: string; pretty: boolean; name: string }): Logger {
  return pino({
    name,
    level,
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), remove: true },
    ...(pretty ? { transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', singleLine: true } } } : {}),
  })
}
