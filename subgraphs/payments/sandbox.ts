import { createHash, randomBytes } from 'node:crypto'
import { and, eq, gte, lt, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Money } from '#platform/money.ts'
import { rowOf, type JsonRow } from '#platform/rows.ts'
import { brandOf, type Card } from './card.ts'
import { ProviderUnreachable, type Answer, type Provider, type Refusal } from './provider.ts'
import { authorizing, booking, looking, saving, type Way } from './sandbox-books.ts'
import { digestOf, parseSandboxWebhook } from './sandbox-signature.ts'
import { sandboxAuthorizations, sandboxFaults, sandboxOperations, sandboxTokens } from './tables.ts'

const TOKEN_LIFETIME_MS = 15 * 60_000

// What each test card does; any other card approves everything.
const behaviours: Readonly<Record<string, string>> = {
  '4000000000000002': 'card_declined',
  '4000000000009995': 'insufficient_funds',
  '4000002500003155': 'authentication_required',
  '4000000000000341': 'capture_fails',
}

type Sandbox = Pick<Context, 'db' | 'now' | 'config'>
type Operation = 'save' | 'authorize' | 'capture' | 'void' | 'refund' | 'lookup' | 'webhook'
type Fault = typeof sandboxFaults.$inferSelect.fault
type Row = { fault: Fault | null; operation?: JsonRow | null; card?: JsonRow | null }

const failed = (code: string): Refusal => ({ status: 'FAILED', code })
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Plans a mishap for the next request of a kind, in tests: the request or its answer is lost on the way. */
export async function planFault({ db }: Pick<Context, 'db'>, operation: Operation, fault: Fault): Promise<void> {
  await db.insert(sandboxFaults).values({ operation, fault })
}

/**
 * A card processor that moves no real money and acts by test card, with books of its own in the database: one statement
 * per request.
 */
export function sandbox(ctx: Sandbox): Provider {
  const { db, now, config } = ctx
  const at = () => now().toISOString()
  const booked = (operation: 'capture' | 'void' | 'refund') => (request: Request) =>
    once(ctx, operation, request, (way) => booking(way, { ...request, operation, at: at() }))

  return {
    name: 'sandbox',

    async tokenize(card) {
      const token = `tok_${randomBytes(24).toString('base64url')}`
      const row = {
        ...tokenOf(ctx, card),
        hash: hashOf(token),
        expiresAt: new Date(now().getTime() + TOKEN_LIFETIME_MS),
      }
      await db.insert(sandboxTokens).values(row)
      return { token, last4: row.last4, brand: row.brand }
    },

    async save({ key, token }) {
      // Derived, so that the same request again names the same card.
      const saved = `card_${digestOf(ctx, 'saved card', token)}`
      const request = { key, hash: hashOf(token), savedHash: hashOf(saved), at: at() }
      const { card: json } = await over(ctx, 'save', (way) => saving(way, request))
      if (!json) return failed('token_invalid')
      const card = rowOf(sandboxTokens, json)
      if (card.expiresAt && card.expiresAt <= now()) return failed('token_expired')
      return { ...card, token: saved }
    },

    authorize: ({ token, ...request }) =>
      once(ctx, 'authorize', request, (way) =>
        authorizing(way, {
          ...request,
          hash: hashOf(token),
          at: at(),
          // Nobody could confirm where the page is not served.
          challenge: config.NODE_ENV === 'production' ? null : randomBytes(18).toString('base64url'),
        }),
      ),

    capture: booked('capture'),
    void: booked('void'),
    refund: booked('refund'),

    async lookup({ key }) {
      const { operation } = await over(ctx, 'lookup', (way) => looking(way, key))
      return operation ? answerOf(ctx, operation) : null
    },

    async authorizations({ from, to }) {
      const rows = await db
        .select({ key: sandboxOperations.key, held: sandboxAuthorizations })
        .from(sandboxOperations)
        .innerJoin(sandboxAuthorizations, eq(sandboxAuthorizations.reference, sandboxOperations.reference))
        .where(
          and(
            eq(sandboxOperations.operation, 'authorize'),
            gte(sandboxOperations.at, from),
            lt(sandboxOperations.at, to),
          ),
        )
      return rows.map(({ key, held }) => ({ ...held, key, authorizedMinor: held.amountMinor }))
    },

    parseWebhook: (request) => parseSandboxWebhook(ctx, request),
  }
}

interface Request {
  key: string
  reference: string
  amount: Money
}

// The second of two requests with one key waits for the first, and then asks again to see its answer.
async function once(
  ctx: Sandbox,
  operation: Operation,
  { amount }: Pick<Request, 'amount'>,
  statement: (way: Way) => SQL,
): Promise<Answer> {
  const json = (await over(ctx, operation, statement)).operation ?? (await run(ctx, statement(openWay))).operation
  const noted = rowOf(sandboxOperations, json!)
  const isSame =
    noted.operation === operation && noted.amountMinor === amount.amountMinor && noted.currency === amount.currency
  return isSame ? answerOf(ctx, json!) : failed('idempotency_key_reused')
}

const openWay: Way = { faults: sql``, arrived: sql`true`, fault: sql`null::text` }

// The way to a provider and back, either half of which can fail.
async function over(ctx: Sandbox, operation: Operation, statement: (way: Way) => SQL): Promise<Row> {
  const row = await run(ctx, statement(ctx.config.NODE_ENV === 'test' ? faultyWay(operation) : openWay))
  if (row.fault) throw new ProviderUnreachable()
  return row
}

async function run({ db }: Sandbox, statement: SQL): Promise<Row> {
  const [row] = await db.execute<Row>(statement)
  return row!
}

const planned = (operation: Operation): SQL => sql`
  delete from payments.sandbox_faults where id = (
    select id from payments.sandbox_faults where operation = ${operation} order by id limit 1 for update skip locked
  )
  returning fault`

/** Takes the next mishap that a test has planned for requests of a kind; null when there is none. */
export async function takeFault({ db, config }: Omit<Sandbox, 'now'>, operation: Operation): Promise<Fault | null> {
  if (config.NODE_ENV !== 'test') return null
  const [taken] = await db.execute<{ fault: Fault }>(planned(operation))
  return taken?.fault ?? null
}

// The mishap is taken in the statement it befalls.
const faultyWay = (operation: Operation): Way => ({
  faults: sql`planned as (${planned(operation)}),`,
  arrived: sql`not exists (select from planned where fault = 'lost-request')`,
  fault: sql`(select fault from planned)`,
})

/** Where the sandbox's 3-D Secure pages are, under the public origin. */
export const CHALLENGES = '/dev/3ds'

function tokenOf(ctx: Sandbox, card: Card) {
  const { cardNumber, expiryMonth, expiryYear } = card
  return {
    behaviour: behaviours[cardNumber] ?? 'approves',
    brand: brandOf(cardNumber),
    last4: cardNumber.slice(-4),
    expiryMonth,
    expiryYear,
    holderName: card.holderName ?? null,
    fingerprint: digestOf(ctx, 'number', cardNumber),
  }
}

function answerOf({ config }: Sandbox, operation: JsonRow): Answer {
  const { status, reference, code, challenge } = rowOf(sandboxOperations, operation)
  if (status === 'SUCCEEDED') return { status, reference: reference! }
  if (status !== 'REQUIRES_ACTION') return { status, code: code! }
  const { href: url } = new URL(`${CHALLENGES}/${challenge}`, config.PUBLIC_URL)
  return { status, reference: reference!, action: { kind: 'REDIRECT', url, clientSecret: null } }
}
