import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import type { Money } from '#platform/money.ts'
import type { User } from '#platform/viewer.ts'
import { unseal } from '#platform/sealed.ts'
import { sealedAs } from './card.ts'
import { hashOf } from './movements.ts'
import { addMethod, tokenizeCard } from './payment-methods.ts'
import { providerOf, type Answer } from './provider.ts'
import { payments, paymentTransactions, postings, type PaymentMethodRow } from './tables.ts'

const HOUR_MS = 3_600_000
const alice: User = {
  kind: 'user',
  id: demoId('user/alice'),
  roles: ['CUSTOMER'],
  scopes: [],
  sessionId: demoId('seed'),
}

const purchases = [
  { name: 'alice-delivered', amountMinor: 58_80, hoursAgo: 21 * 24 },
  { name: 'alice-in-transit', amountMinor: 63_40, hoursAgo: 8 },
] as const

/** A saved card of Alice's, and the payments of her two orders, made with it at the sandbox processor. */
export async function seed(given: Context): Promise<boolean> {
  if ((await given.db.$count(payments)) > 0) return false
  // Whatever the shop charges cards with, the demo's are made of sand.
  const ctx = { ...given, config: { ...given.config, STRIPE_SECRET_KEY: undefined } }
  const boughtAt = ({ hoursAgo }: { hoursAgo: number }) => new Date(ctx.now().getTime() - hoursAgo * HOUR_MS)
  const saving = { ...ctx, now: () => boughtAt(purchases[0]) }
  const card = {
    cardNumber: '4242 4242 4242 4242',
    expiryMonth: 12,
    expiryYear: ctx.now().getUTCFullYear() + 3,
    cvc: '123',
    holderName: 'Alice Andersen',
  }
  const { token } = await tokenizeCard(saving, { card })
  const { paymentMethod } = await addMethod(saving, alice, { token, makeDefault: true })
  for (const purchase of purchases) {
    await pay({ ...ctx, now: () => boughtAt(purchase) }, paymentMethod, purchase)
  }
  return true
}

async function pay(
  ctx: Context,
  method: PaymentMethodRow,
  { name, amountMinor }: { name: string; amountMinor: number },
): Promise<void> {
  const at = ctx.now()
  const amount: Money = { amountMinor, currency: ctx.config.CURRENCY }
  const paymentId = demoId(`payment/${name}`)
  const authorizationId = demoId(`payment-transaction/${name}-authorize`)
  const captureId = demoId(`payment-transaction/${name}-capture`)
  const provider = providerOf(ctx)
  const token = unseal(method.encryptedToken!, sealedAs(method.id), ctx.config.ENCRYPTION_SECRET)
  const reference = referenceIn(await provider.authorize({ key: authorizationId, token, amount }))
  const captured = referenceIn(await provider.capture({ key: captureId, reference, amount }))
  const orderId = demoId(`order/${name}`)
  await ctx.db.insert(payments).values({
    id: paymentId,
    createdAt: at,
    updatedAt: at,
    version: 3,
    ownerKind: 'user',
    ownerId: alice.id,
    orderId,
    isOrdered: true,
    methodId: method.id,
    provider: provider.name,
    providerReference: reference,
    authorization: 'SUCCEEDED',
    ...amount,
    authorizedMinor: amountMinor,
    capturedMinor: amountMinor,
  })
  const movement = {
    paymentId,
    ...amount,
    status: 'SUCCEEDED',
    askedBy: 'orders',
    requestHash: hashOf({ orderId }),
    at,
  } as const
  await ctx.db.insert(paymentTransactions).values([
    {
      ...movement,
      id: authorizationId,
      kind: 'AUTHORIZE',
      providerReference: reference,
      idempotencyKey: `demo:${name}:authorize`,
    },
    {
      ...movement,
      id: captureId,
      kind: 'CAPTURE',
      providerReference: captured,
      idempotencyKey: `demo:${name}:capture`,
    },
  ])
  const side = { paymentId, currency: amount.currency }
  await ctx.db.insert(postings).values([
    { ...side, transactionId: authorizationId, account: 'buyer', amountMinor: -amountMinor },
    { ...side, transactionId: authorizationId, account: 'held', amountMinor },
    { ...side, transactionId: captureId, account: 'held', amountMinor: -amountMinor },
    { ...side, transactionId: captureId, account: 'taken', amountMinor },
  ])
}

function referenceIn(answer: Answer): string {
  if (answer.status !== 'SUCCEEDED') throw new Error(`The sandbox answered ${answer.status} to the demo shop`)
  return answer.reference
}
