import { and, eq, sql } from 'drizzle-orm'
import {
  ConsecutiveBreaker,
  TimeoutStrategy,
  circuitBreaker,
  handleAll,
  timeout,
  wrap,
  type ICancellationContext,
  type IPolicy,
} from 'cockatiel'
import { z } from 'zod'
import type { Config } from '#platform/config.ts'
import type { Context } from '#platform/context.ts'
import { loadOne } from '#platform/loader.ts'
import { quotes, type QuoteRow } from './customer-tables.ts'

/** A quote, and whether it is only the last one known because no fresh one could be fetched. */
export type Quote = QuoteRow & { isStale: boolean }

/** Who quotes. */
export const SOURCE = 'CoinGecko'

// CoinGecko knows assets by ids of its own; one symbol may stand for many of them, so that ours are named here.
const coins: Readonly<Record<string, string>> = {
  ADA: 'cardano',
  BCH: 'bitcoin-cash',
  BNB: 'binancecoin',
  BTC: 'bitcoin',
  DOGE: 'dogecoin',
  DOT: 'polkadot',
  ETH: 'ethereum',
  LTC: 'litecoin',
  SOL: 'solana',
  USDC: 'usd-coin',
  USDT: 'tether',
  XMR: 'monero',
  XRP: 'ripple',
}

// CoinGecko's own answers are up to a minute old.
const FRESH_MS = 60_000
const FAILURES_THAT_OPEN = 3
const CLOSED_AGAIN_MS = 30_000

type Sources = Pick<Config, 'COINGECKO_URL' | 'COINGECKO_API_KEY' | 'QUOTE_TIMEOUT_MS'>

/** The way to CoinGecko from this process: a circuit breaker, a deadline, and what it asked us to wait. */
export class QuoteSource {
  readonly #config: Sources
  readonly #policy: IPolicy<ICancellationContext>
  readonly #underway = new Map<string, Promise<{ amount: string; asOf: Date }>>()
  #notBefore = 0

  constructor(config: Sources) {
    this.#config = config
    this.#policy = wrap(
      circuitBreaker(handleAll, {
        halfOpenAfter: CLOSED_AGAIN_MS,
        breaker: new ConsecutiveBreaker(FAILURES_THAT_OPEN),
      }),
      timeout(config.QUOTE_TIMEOUT_MS, TimeoutStrategy.Aggressive),
    )
  }

  /** A fresh quote; of all who ask at once, one fetches. @throws when there is none to be had now. */
  async fetch(symbol: string, currency: string, now: Date): Promise<{ amount: string; asOf: Date }> {
    if (now.getTime() < this.#notBefore) throw new Error(`${SOURCE} asked us to wait`)
    const key = `${symbol} ${currency}`
    const underway = this.#underway.get(key)
    if (underway) return await underway
    const asked = this.#policy.execute(async ({ signal }) => await this.#ask(coins[symbol]!, currency, now, signal))
    this.#underway.set(key, asked)
    try {
      return await asked
    } finally {
      this.#underway.delete(key)
    }
  }

  async #ask(id: string, currency: string, now: Date, signal: AbortSignal) {
    const unit = currency.toLowerCase()
    const asked = new URLSearchParams({ ids: id, vs_currencies: unit, include_last_updated_at: 'true' })
    const key = this.#config.COINGECKO_API_KEY
    const response = await fetch(`${this.#config.COINGECKO_URL}/simple/price?${asked}`, {
      headers: { accept: 'application/json', ...(key ? { 'x-cg-demo-api-key': key } : {}) },
      signal,
    })
    if (response.status === 429) {
      this.#notBefore = now.getTime() + retryAfterMs(response.headers.get('retry-after'), now)
    }
    if (!response.ok) throw new Error(`${SOURCE} answered ${response.status}`)
    const answer = z.record(z.string(), priceOf(unit)).parse(await response.json())
    const price = answer[id]
    if (!price) throw new Error(`${SOURCE} has no quote`)
    const seconds = price.last_updated_at
    return { amount: decimal(price[unit]!), asOf: seconds === undefined ? now : new Date(seconds * 1000) }
  }
}

const priceOf = (unit: string) =>
  z.object({ [unit]: z.number().positive(), last_updated_at: z.number().positive().optional() })

/** `Retry-After` by RFC 9110: seconds, or a date; a minute when it says neither. */
function retryAfterMs(header: string | null, now: Date): number {
  if (header && /^\d{1,6}$/.test(header.trim())) return Number(header) * 1000
  const until = header ? Date.parse(header) - now.getTime() : Number.NaN
  return Number.isNaN(until) ? 60_000 : Math.max(0, until)
}

/** A number as a decimal without exponent: 1e-7 is `0.0000001`. */
export const decimal = (amount: number): string =>
  String(amount).includes('e') ? amount.toFixed(20).replace(/\.?0+$/, '') : String(amount)

// As long as a configuration lives, which is as long as the process does.
const sources = new WeakMap<Sources, QuoteSource>()

function sourceFor(config: Sources): QuoteSource {
  const source = sources.get(config) ?? new QuoteSource(config)
  sources.set(config, source)
  return source
}

const quoteBySymbol = loadOne(
  async (ctx: Context, symbols: readonly string[]) =>
    (await Promise.all(symbols.map(async (symbol) => await currentQuote(ctx, symbol)))).flatMap((quote) => quote ?? []),
  ({ symbol }) => symbol,
)

/**
 * What one unit of an asset is worth in the store's currency: fetched when the last quote is older than a minute, the last
 * one known when that fails; null when the asset is unknown or was never quoted.
 */
export async function quoteOf(ctx: Context, asked: string): Promise<Quote | null> {
  const symbol = asked.trim().toUpperCase()
  return Object.hasOwn(coins, symbol) ? await quoteBySymbol(ctx).load(symbol) : null
}

async function currentQuote(ctx: Context, symbol: string): Promise<Quote | null> {
  const now = ctx.now()
  const currency = ctx.config.CURRENCY
  const [last] = await ctx.db
    .select()
    .from(quotes)
    .where(and(eq(quotes.symbol, symbol), eq(quotes.currency, currency)))
  if (last && now.getTime() - last.fetchedAt.getTime() < FRESH_MS) return { ...last, isStale: false }
  try {
    const fetched = { symbol, currency, fetchedAt: now, ...(await sourceFor(ctx.config).fetch(symbol, currency, now)) }
    await keep(ctx, fetched)
    return { ...fetched, isStale: false }
  } catch (error) {
    ctx.log.warn({ err: error, symbol }, 'no fresh quote')
    return last ? { ...last, isStale: true } : null
  }
}

async function keep({ db }: Pick<Context, 'db'>, quote: QuoteRow): Promise<void> {
  const { amount, asOf, fetchedAt } = quote
  await db
    .insert(quotes)
    .values(quote)
    .onConflictDoUpdate({
      target: [quotes.symbol, quotes.currency],
      set: { amount, asOf, fetchedAt },
      // Another process may have kept a later one meanwhile.
      setWhere: sql`${quotes.fetchedAt} <= excluded.fetched_at`,
    })
}
