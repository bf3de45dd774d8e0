import { z } from 'zod'

/** The secrets that development runs with. Production refuses each of them. */
export const DEVELOPMENT_SECRET = 'development-secret-never-use-this-in-production'

const url = z.url()
const secret = z.string().min(32).default(DEVELOPMENT_SECRET)
const flag = z.stringbool().default(false)
const port = z.coerce.number().int().min(0).max(65_535)

const schema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(4000),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** Address that clients reach the router at; links in mails start with it. */
  PUBLIC_URL: url.default('http://localhost:4000'),
  CORS_ORIGINS: z.string().default(''),
  /** How many proxies in front of the router add to `x-forwarded-for`. */
  TRUSTED_PROXIES: z.coerce.number().int().min(0).default(0),
  DATA_DIR: z.string().default('.data'),
  DATABASE_URL: url.optional(),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).default(10),
  /** Passwords of the subgraphs' database roles are derived from it. */
  DATABASE_ROLE_SECRET: secret,
  REDIS_URL: url.optional(),
  /** What this shop's keys and channels in Redis begin with: shops that share one need different ones. */
  REDIS_PREFIX: z
    .string()
    .regex(/^[\w-]+$/, 'letters, digits, - and _')
    .default('mercato'),
  INTERNAL_TOKEN_SECRET: secret,
  /**
   * Encrypts what is kept encrypted at rest: signing keys, provider tokens. Several, comma-separated, newest first: the
   * newest encrypts, the others still open.
   */
  ENCRYPTION_SECRET: z
    .string()
    .refine((list) => list.split(',').every((each) => each.trim().length >= 32), 'each has 32 characters or more')
    .default(DEVELOPMENT_SECRET),
  /** Key that another vendor's router shows together with its caller's bearer token; unset: no such way in. */
  ROUTER_KEY: z.string().min(32).optional(),
  /** What readers of `/metrics` show as `authorization: Bearer …`; unset, production serves none. */
  METRICS_TOKEN: z.string().min(16).optional(),
  SUPERGRAPH_FILE: z.string().default('schema/supergraph.graphql'),
  JWKS_URL: url.optional(),
  REVOCATIONS_URL: url.optional(),
  /** Whether the router sends identical query fetches that are under way at the same time once. */
  SHARE_INFLIGHT_FETCHES: z.stringbool().default(true),
  /** `prefix=url` pairs, comma-separated: paths that the router forwards to the subgraph that owns them. */
  SIDE_ROUTES: z.string().default(''),
  ACCESS_TOKEN_MINUTES: z.coerce.number().min(1).max(60).default(15),
  REQUIRE_VERIFIED_EMAIL: flag,
  CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('EUR'),
  /** Where the shop is: taxes of this country are shown until an address is given. */
  COUNTRY: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .default('DE'),
  /** Unset, cards are charged at the sandbox processor. */
  STRIPE_SECRET_KEY: z.string().optional(),
  /** Signs what Stripe tells at `/webhooks/stripe`. */
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_URL: url.default('https://api.stripe.com'),
  STRIPE_TIMEOUT_MS: z.coerce.number().int().min(100).default(10_000),
  /** Where quotes of outside assets come from. */
  COINGECKO_URL: url.default('https://api.coingecko.com/api/v3'),
  COINGECKO_API_KEY: z.string().optional(),
  /** How long a quote is waited for; then the last one known has to do. */
  QUOTE_TIMEOUT_MS: z.coerce.number().int().min(1).max(10_000).default(2_000),
  /** Whether staff publish reviews before everyone can read them. */
  MODERATE_REVIEWS: flag,
  SMTP_URL: url.optional(),
  MAIL_FROM: z.string().default('Mercato <shop@localhost>'),
  /** Seconds a checkout's process may be silent before another takes over. */
  CHECKOUT_LEASE_SECONDS: z.coerce.number().min(1).default(30),
  /** `<NAME>_URL`: where each subgraph is, when it is a process of its own. */
  subgraphUrls: z.record(z.string(), z.string()),
  /** `<NAME>_DATABASE_URL`: connection of one role; unset, it is derived from DATABASE_URL. */
  databaseUrls: z.record(z.string(), z.string()),
})

export type Config = z.infer<typeof schema>

// What is called <NAME>_URL and is not one of the settings above.
function named(env: NodeJS.ProcessEnv, pattern: RegExp): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => {
      const match = pattern.exec(name)
      return match && value && !Object.hasOwn(schema.shape, name) ? [[match[1]!.toLowerCase(), value]] : []
    }),
  )
}

/**
 * The configuration from the environment. Empty variables count as unset. A part that keeps no data (the router) needs
 * neither database nor the secrets that guard it.
 * @throws one Error that names every variable at fault, never a value.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, { keepsData = true } = {}): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const result = schema.safeParse({
    ...given,
    subgraphUrls: named(env, /^([A-Z]+)_URL$/),
    databaseUrls: named(env, /^([A-Z]+)_DATABASE_URL$/),
  })
  const problems = result.success
    ? productionProblems(result.data, keepsData)
    : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  if (problems.length > 0) throw new Error(`Configuration:\n  ${problems.join('\n  ')}`)
  return result.data!
}

function productionProblems(config: Config, keepsData: boolean): string[] {
  if (config.NODE_ENV !== 'production') return []
  const secrets = keepsData ? (['DATABASE_ROLE_SECRET', 'ENCRYPTION_SECRET'] as const) : []
  // A router that learns of nobody has nobody to vouch for.
  const vouching = keepsData || config.JWKS_URL ? (['INTERNAL_TOKEN_SECRET'] as const) : []
  const problems = [...vouching, ...secrets]
    .filter((name) => config[name].includes(DEVELOPMENT_SECRET))
    .map((name) => `${name}: set a secret of your own (32 characters or more) in production`)
  if (config.STRIPE_SECRET_KEY && !config.STRIPE_WEBHOOK_SECRET) {
    problems.push('STRIPE_WEBHOOK_SECRET: set it with STRIPE_SECRET_KEY, or nobody hears what Stripe tells')
  }
  if (keepsData && !config.DATABASE_URL && Object.keys(config.databaseUrls).length === 0) {
    problems.push('DATABASE_URL: production does not start an embedded database; set it')
  }
  return problems
}
