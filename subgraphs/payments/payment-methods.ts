import { createHash } from 'node:crypto'
import { and, desc, eq, isNull, ne, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { hasScope, owns, type User } from '#platform/viewer.ts'
import { seal } from '#platform/sealed.ts'
import { cardProblems, digitsOf, sealedAs } from './card.ts'
import { methodById, methodsOf } from './loaders.ts'
import { ifReached } from './movements.ts'
import { isRetryable } from './payment.ts'
import { providerOf } from './provider.ts'
import type { CardTokenizeInput, PaymentMethodAddInput } from './schema.generated.ts'
import { paymentMethods, type PaymentMethodRow } from './tables.ts'

const MAX_CARDS = 20

type Saving = Pick<Context, 'db' | 'now' | 'config'>

/**
 * Turns a card into a token that works once, for 15 minutes. The number goes to the provider and nowhere else.
 * @throws Rejection INVALID and REQUIRED for every problem of the card at once; UPSTREAM_UNAVAILABLE
 */
export async function tokenizeCard(ctx: Saving, given: CardTokenizeInput) {
  const card = z
    .object({
      cardNumber: z.string(),
      expiryMonth: z.number(),
      expiryYear: z.number(),
      cvc: z.string(),
      holderName: z.string().nullish(),
    })
    .superRefine((typed, { addIssue }) => {
      for (const { field, code, message } of cardProblems(typed, ctx.now())) {
        addIssue({ code: 'custom', path: [field], message, params: { code } })
      }
    })
    .transform((typed) => ({ ...typed, cardNumber: digitsOf(typed.cardNumber) }))
  const input = parseInput(z.object({ card }), given)
  const made = (await ifReached(providerOf(ctx).tokenize(input.card))) ?? refuseForNow()
  if ('status' in made)
    reject('INVALID', 'The bank does not take this card. Check its details.', ['card', 'cardNumber'])
  return made
}

/** A card of the caller's; null otherwise. Staff with `payments:read` see what a payment was made with. */
export async function readMethod(ctx: Context, methodId: string): Promise<PaymentMethodRow | null> {
  const method = isId(methodId) ? await methodById(ctx).load(methodId) : null
  const isSeen =
    method && (owns(ctx.viewer, { kind: 'user', id: method.userId }) || hasScope(ctx.viewer, 'payments:read'))
  return isSeen ? method : null
}

/** Saved cards of an account, for that account alone. */
export async function methodsFor(ctx: Context, userId: string): Promise<PaymentMethodRow[] | null> {
  return isId(userId) && owns(ctx.viewer, { kind: 'user', id: userId }) ? await methodsOf(ctx).load(userId) : null
}

/**
 * Saves the card behind a token. The same token again answers with the card it added.
 * @throws Rejection TOKEN_INVALID, TOKEN_EXPIRED, PAYMENT_DECLINED, LIMIT_EXCEEDED, UPSTREAM_UNAVAILABLE
 */
export async function addMethod(ctx: Saving, { id: userId }: User, given: PaymentMethodAddInput) {
  const schema = z.object({
    token: z.string().min(1, 'Give a token.').max(200, 'This is not a token.'),
    makeDefault: z.boolean().nullish(),
  })
  const { token, makeDefault } = parseInput(schema, given)
  const sourceHash = createHash('sha256').update(token).digest('hex')
  const earlier = await methodFrom(ctx.db, sourceHash, userId)
  if (earlier) return { paymentMethod: earlier }
  // The key is the account's own: a token that one account has used is nobody else's.
  const provider = providerOf(ctx)
  const saved = await ifReached(provider.save({ key: `save:${userId}:${sourceHash}`, token }))
  if (!saved) return refuseForNow()
  if ('status' in saved) return refuseCard(saved)
  const { token: reusable, brand, last4, expiryMonth, expiryYear, holderName, fingerprint } = saved
  const id = uuidv7()
  const paymentMethod = await ctx.db.transaction(async (tx) => {
    await lockCards(tx, userId)
    const added = await methodFrom(tx, sourceHash, userId)
    if (added) return added
    const count = await tx.$count(paymentMethods, cardsOf(userId))
    if (count >= MAX_CARDS) reject('LIMIT_EXCEEDED', `An account has at most ${MAX_CARDS} cards.`)
    const isDefault = count === 0 || makeDefault === true
    if (isDefault) await clearDefault(tx, ctx, userId)
    const [row] = await tx
      .insert(paymentMethods)
      .values({
        id,
        userId,
        sourceHash,
        provider: provider.name,
        brand,
        last4,
        expiryMonth,
        expiryYear,
        holderName,
        fingerprint,
        isDefault,
        encryptedToken: seal(reusable, sealedAs(id), ctx.config.ENCRYPTION_SECRET),
        createdAt: ctx.now(),
        updatedAt: ctx.now(),
      })
      .returning()
    return row!
  })
  return { paymentMethod }
}

/** Offers a card first. @throws Rejection NOT_FOUND */
export async function setDefaultMethod(ctx: Saving, { id: userId }: User, { id }: { id: string }) {
  if (!isId(id)) return refuseUnknown()
  return await ctx.db.transaction(async (tx) => {
    await lockCards(tx, userId)
    await clearDefault(tx, ctx, userId, id)
    const [paymentMethod] = await tx
      .update(paymentMethods)
      .set({ isDefault: true, ...changedAt(ctx) })
      .where(and(eq(paymentMethods.id, id), cardsOf(userId)))
      .returning()
    return { paymentMethod: paymentMethod ?? refuseUnknown() }
  })
}

/** Removes a card; if it was the default, the newest other one becomes it. @throws Rejection NOT_FOUND */
export async function deleteMethod(ctx: Saving, { id: userId }: User, { id }: { id: string }) {
  if (!isId(id)) return refuseUnknown()
  return await ctx.db.transaction(async (tx) => {
    await lockCards(tx, userId)
    const deleted = await tx
      .update(paymentMethods)
      .set({ deletedAt: ctx.now(), encryptedToken: null, isDefault: false, ...changedAt(ctx) })
      .where(and(eq(paymentMethods.id, id), cardsOf(userId)))
      .returning({ id: paymentMethods.id })
    if (deleted.length === 0) refuseUnknown()
    const [first] = await tx
      .select()
      .from(paymentMethods)
      .where(cardsOf(userId))
      .orderBy(desc(paymentMethods.isDefault), desc(paymentMethods.createdAt), desc(paymentMethods.id))
      .limit(1)
    if (first && !first.isDefault) {
      await tx
        .update(paymentMethods)
        .set({ isDefault: true, ...changedAt(ctx) })
        .where(eq(paymentMethods.id, first.id))
    }
    return { deletedId: id }
  })
}

const cardsOf = (userId: string) => and(eq(paymentMethods.userId, userId), isNull(paymentMethods.deletedAt))

// One change of an account's cards at a time: how many there are and which is the default concern them all.
const lockCards = (tx: Db, userId: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`payments.cards:${userId}`}, 0))`)

const clearDefault = (tx: Db, ctx: Saving, userId: string, except?: string) =>
  tx
    .update(paymentMethods)
    .set({ isDefault: false, ...changedAt(ctx) })
    .where(and(cardsOf(userId), eq(paymentMethods.isDefault, true), except ? ne(paymentMethods.id, except) : undefined))

async function methodFrom(db: Db, sourceHash: string, userId: string): Promise<PaymentMethodRow | null> {
  const [method] = await db.select().from(paymentMethods).where(eq(paymentMethods.sourceHash, sourceHash))
  if (method && (method.userId !== userId || method.deletedAt)) refuseCard({ status: 'FAILED', code: 'token_invalid' })
  return method ?? null
}

function refuseCard({ status, code }: { status: 'DECLINED' | 'FAILED'; code: string }): never {
  if (code === 'token_invalid') reject('TOKEN_INVALID', 'This card token is unknown or used up.', ['token'])
  if (code === 'token_expired') reject('TOKEN_EXPIRED', 'This card token is too old. Enter the card again.', ['token'])
  if (status === 'FAILED') refuseForNow()
  reject('PAYMENT_DECLINED', 'The bank refused this card.', ['token'], {
    __typename: 'PaymentDeclinedError',
    declineCode: code,
    isRetryable: isRetryable(code),
  })
}

const refuseForNow = (): never => reject('UPSTREAM_UNAVAILABLE', 'The bank cannot be reached. Try again in a moment.')
const refuseUnknown = (): never => reject('NOT_FOUND', 'You have no such card.', ['id'])
const changedAt = ({ now }: Saving) => ({ updatedAt: now(), version: sql`${paymentMethods.version} + 1` })
