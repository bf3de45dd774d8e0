import { createHash, createHmac, randomBytes } from 'node:crypto'
import { and, eq, isNull, or, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Money } from '#platform/money.ts'
import { uuidv7 } from '#platform/ids.ts'
import { brandOf, type Card } from './card.ts'
import { ProviderUnreachable, type Answer, type Provider, type SavedCard } from './provider.ts'
import { sandboxAuthorizations, sandboxFaults, sandboxOperations, sandboxTokens } from './tables.ts'

const TOKEN_LIFETIME_MS = 15 * 60_000

// What each test card does; any other card approves everything.
const behaviours: Readonly<Record<string, string>> = {
  '4000000000000002': 'card_declined',
  '4000000000009995': 'insufficient_funds',
  '4000002500003155': 'authentication_required',
  '4000000000000341': 'capture_fails',
}
const declines: readonly string[] = ['card_declined', 'insufficient_funds', 'authentication_required']

type Operation = 'save' | 'authorize' | 'capture' | 'void' | 'refund' | 'lookup'
type Fault = typeof sandboxFaults.$inferSelect.fault
type Token = typeof sandboxTokens.$inferSelect
type Refusal = { status: 'DECLINED' | 'FAILED'; code: string }

const failed = (code: string): Refusal => ({ status: 'FAILED', code })
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Plans a mishap for the next request of a kind, in tests: the request or its answer is lost on the way. */
export async function planFault({ db }: Pick<Context, 'db'>, operation: Operation, fault: Fault): Promise<void> {
  await db.insert(sandboxFaults).values({ operation, fault })
}

/** A card processor that moves no real money and acts by test card, with books of its own in the database. */
export function sandbox({ db, now, config }: Pick<Context, 'db' | 'now' | 'config'>): Provider {
  const digest = (text: string) =>
    createHmac('sha256', `sandbox ${config.ENCRYPTION_SECRET}`).update(text).digest('base64url')

  // The way to a provider and back, either half of which can fail.
  async function over<T>(operation: Operation, run: () => Promise<T>): Promise<T> {
    const fault = config.NODE_ENV === 'test' ? await takeFault(db, operation) : null
    if (fault === 'lost-request') throw new ProviderUnreachable()
    const answer = await run()
    if (fault === 'lost-answer') throw new ProviderUnreachable()
    return answer
  }

  // The second of two requests with one key waits for the first and gets its answer.
  const once = (
    operation: Operation,
    { key, amount }: { key: string; amount: Money },
    act: (tx: Db) => Promise<Answer>,
  ) =>
    over(operation, () =>
      db.transaction(async (tx) => {
        const request = { operation, currency: amount.currency, amountMinor: amount.amountMinor }
        const claimed = await tx
          .insert(sandboxOperations)
          .values({ key, ...request, status: 'FAILED', at: now() })
          .onConflictDoNothing()
          .returning({ key: sandboxOperations.key })
        if (claimed.length === 0) {
          const [earlier] = await tx.select().from(sandboxOperations).where(eq(sandboxOperations.key, key))
          const isSame =
            earlier?.operation === operation &&
            earlier.amountMinor === amount.amountMinor &&
            earlier.currency === amount.currency
          return isSame ? answerOf(earlier) : failed('idempotency_key_reused')
        }
        const answer = await act(tx)
        await tx.update(sandboxOperations).set(answer).where(eq(sandboxOperations.key, key))
        return answer
      }),
    )

  // Takes a one-time token for `key`; a saved card's token is never used up.
  async function spend(tx: Db, token: string, key: string): Promise<Token | Refusal> {
    const [card] = await tx
      .update(sandboxTokens)
      .set({ usedBy: sql`case when ${sandboxTokens.expiresAt} is null then null else ${key} end` })
      .where(
        and(eq(sandboxTokens.hash, hashOf(token)), or(isNull(sandboxTokens.usedBy), eq(sandboxTokens.usedBy, key))),
      )
      .returning()
    if (!card) return failed('token_invalid')
    return card.expiresAt && card.expiresAt <= now() ? failed('token_expired') : card
  }

  return {
    name: 'sandbox',

    async tokenize(card) {
      const token = `tok_${randomBytes(24).toString('base64url')}`
      const row = {
        ...tokenOf(card, digest),
        hash: hashOf(token),
        expiresAt: new Date(now().getTime() + TOKEN_LIFETIME_MS),
      }
      await db.insert(sandboxTokens).values(row)
      return { token, last4: row.last4, brand: row.brand }
    },

    save: ({ key, token }) =>
      over('save', () =>
        db.transaction(async (tx): Promise<SavedCard | Refusal> => {
          const card = await spend(tx, token, key)
          if ('status' in card) return card
          // Derived, so that the same request again names the same card.
          const saved = `card_${digest(`save ${token}`)}`
          const row = { ...card, hash: hashOf(saved), expiresAt: null, usedBy: null }
          await tx.insert(sandboxTokens).values(row).onConflictDoNothing()
          return { ...row, token: saved }
        }),
      ),

    authorize: (request) =>
      once('authorize', request, async (tx) => {
        const card = await spend(tx, request.token, request.key)
        if ('status' in card) return card
        if (declines.includes(card.behaviour)) return { status: 'DECLINED', code: card.behaviour }
        const reference = `auth_${uuidv7()}`
        await tx.insert(sandboxAuthorizations).values({ reference, behaviour: card.behaviour, ...request.amount })
        return { status: 'SUCCEEDED', reference }
      }),

    capture: (request) => once('capture', request, (tx) => book(tx, request, 'capturedMinor', unclaimed)),
    void: (request) => once('void', request, (tx) => book(tx, request, 'releasedMinor', unclaimed)),
    refund: (request) => once('refund', request, (tx) => book(tx, request, 'refundedMinor', unrefunded)),

    lookup: (key) =>
      over('lookup', async () => {
        const [row] = await db.select().from(sandboxOperations).where(eq(sandboxOperations.key, key))
        return row ? answerOf(row) : null
      }),
  }
}

const unclaimed = sql`amount_minor - captured_minor - released_minor`
const unrefunded = sql`captured_minor - refunded_minor`

// Adds to one sum of an authorisation as long as `left` covers it.
async function book(
  tx: Db,
  { reference, amount }: { reference: string; amount: Money },
  sum: 'capturedMinor' | 'releasedMinor' | 'refundedMinor',
  left: SQL,
): Promise<Answer> {
  const mine = eq(sandboxAuthorizations.reference, reference)
  const [card] = await tx.select({ behaviour: sandboxAuthorizations.behaviour }).from(sandboxAuthorizations).where(mine)
  if (sum === 'capturedMinor' && card?.behaviour === 'capture_fails')
    return { status: 'DECLINED', code: 'capture_declined' }
  const booked = await tx
    .update(sandboxAuthorizations)
    .set({ [sum]: sql`${sandboxAuthorizations[sum]} + ${amount.amountMinor}` })
    .where(and(mine, sql`${left} >= ${amount.amountMinor}`))
    .returning({ reference: sandboxAuthorizations.reference })
  return booked.length > 0 ? { status: 'SUCCEEDED', reference: `mov_${uuidv7()}` } : failed('amount_not_available')
}

function tokenOf(card: Card, digest: (text: string) => string) {
  const { cardNumber, expiryMonth, expiryYear } = card
  return {
    behaviour: behaviours[cardNumber] ?? 'approves',
    brand: brandOf(cardNumber),
    last4: cardNumber.slice(-4),
    expiryMonth,
    expiryYear,
    holderName: card.holderName ?? null,
    fingerprint: digest(`number ${cardNumber}`),
  }
}

const answerOf = ({ status, reference, code }: typeof sandboxOperations.$inferSelect): Answer =>
  status === 'SUCCEEDED' ? { status, reference: reference! } : { status, code: code! }

async function takeFault(db: Db, operation: Operation): Promise<Fault | null> {
  const next = sql`(select id from payments.sandbox_faults where operation = ${operation} order by id limit 1 for update skip locked)`
  const [taken] = await db.delete(sandboxFaults).where(eq(sandboxFaults.id, next)).returning()
  return taken?.fault ?? null
}
