import type { Context } from '#platform/context.ts'
import { reject } from '#platform/user-errors.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000

// Failures within a time, after which that time has to pass: somebody mistaken waits seconds, somebody guessing waits
// longer and longer. Never so long that a stranger could lock an account's owner out for a day.
const TIERS = [
  { points: 5, windowMs: 15 * SECOND_MS },
  { points: 10, windowMs: 2 * MINUTE_MS },
  { points: 20, windowMs: 15 * MINUTE_MS },
] as const

// Tries that are judged at once do not know of each other's failure yet.
const BURST = { points: 100, windowMs: 10 * SECOND_MS }

// Many people may sign in from one address.
const ADDRESS_FACTOR = 10

const keyOf = (who: string, windowMs: number) => `users:sign-in:${who}:${windowMs}`
const burstOf = (account: string) => `users:sign-in:${account}:burst`

type Limiting = Pick<Context, 'rateLimit' | 'device'>

/**
 * Lets a sign-in be tried unless too many failed before it, for this account or from this network address. `account` is
 * the e-mail address as normalised, whether or not it has an account: the limit gives nobody away.
 * @throws Rejection RATE_LIMITED with `retryAfterMs`
 */
export async function admitSignIn(ctx: Limiting, account: string): Promise<void> {
  const verdicts = await Promise.all([
    ctx.rateLimit.consume(burstOf(account), BURST),
    ...limitsOf(ctx, account).map(({ key, points, windowMs }) =>
      ctx.rateLimit.consume(key, { points: points - 1, windowMs, cost: 0 }),
    ),
  ])
  if (verdicts.every(({ isAllowed }) => isAllowed)) return
  const retryAfterMs = Math.max(...verdicts.map((verdict) => verdict.retryAfterMs))
  reject('RATE_LIMITED', 'Too many sign-ins failed. Wait a moment before the next one.', null, {
    __typename: 'RateLimitedError',
    retryAfterMs,
  })
}

export async function noteFailure(ctx: Limiting, account: string): Promise<void> {
  await Promise.all(limitsOf(ctx, account).map(({ key, ...limit }) => ctx.rateLimit.consume(key, limit)))
}

function limitsOf({ device }: Pick<Context, 'device'>, account: string) {
  const ofAccount = TIERS.map((tier) => ({ ...tier, key: keyOf(account, tier.windowMs) }))
  if (device.ip === null) return ofAccount
  const ofAddress = TIERS.map(({ points, windowMs }) => ({
    points: points * ADDRESS_FACTOR,
    windowMs,
    key: keyOf(`from ${device.ip}`, windowMs),
  }))
  return [...ofAccount, ...ofAddress]
}

export async function noteSuccess({ rateLimit }: Pick<Context, 'rateLimit'>, account: string): Promise<void> {
  await Promise.all(
    [burstOf(account), ...TIERS.map(({ windowMs }) => keyOf(account, windowMs))].map((key) => rateLimit.reset(key)),
  )
}
