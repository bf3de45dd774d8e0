import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEVELOPMENT_SECRET } from '#platform/config.ts'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer } from '../../tests/setup/viewers.ts'
import { authorizePayment } from './authorizations.ts'
import { payingAt, VISA } from './paying.fixture.ts'
import { addMethod, tokenizeCard } from './payment-methods.ts'
import { outdatedCards, resealCards } from './resealing.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

describe('a new secret', () => {
  const [newer, older] = ['n'.repeat(40), DEVELOPMENT_SECRET]
  const config = (ENCRYPTION_SECRET: string) => ({ ...shop.config, ENCRYPTION_SECRET })

  test('takes over the cards that the old one has sealed: they go on being charged, and it is not needed any more', async () => {
    const ada = aCustomer()
    const token = await paying.token(VISA)
    const { paymentMethod } = await paying.call(ada, 'paymentMethodAdd', { token }, 'paymentMethod { id }')
    const own = paying.own()
    const charge = async (secrets: string) =>
      await authorizePayment(
        { ...own, config: config(secrets) },
        { kind: 'service', name: 'orders' },
        {
          checkoutId: uuidv7(),
          attempt: 1,
          orderId: uuidv7(),
          customerId: ada.id,
          amount: { amount: '5.00', currencyCode: 'EUR' },
          paymentMethodId: paymentMethod.id,
          idempotencyKey: uuidv7(),
        },
      )
    await expect(charge(newer)).rejects.toThrow('not known')
    const both = { ...own, config: config(`${newer},${older}`) }
    expect((await charge(`${newer},${older}`)).payment.status).toBe('AUTHORIZED')
    expect(await outdatedCards(both)).toBeGreaterThan(0)
    await resealCards(both)
    expect(await outdatedCards(both)).toBe(0)
    expect((await charge(newer)).payment.status).toBe('AUTHORIZED')
  })

  test('leaves a card’s fingerprint as it was: the same number is known again', async () => {
    const own = paying.own()
    const cardNumber = '4111 1111 1111 1111'
    const fingerprint = async (changed: Partial<Parts['config']>, number = cardNumber) => {
      const ctx = { ...own, config: { ...shop.config, ...changed } }
      const card = { cardNumber: number, expiryMonth: 12, expiryYear: own.now().getUTCFullYear() + 1, cvc: '123' }
      const { token } = await tokenizeCard(ctx, { card })
      return (await addMethod(ctx, aCustomer(), { token })).paymentMethod.fingerprint
    }
    const before = await fingerprint({ ENCRYPTION_SECRET: older })
    expect(await fingerprint({ ENCRYPTION_SECRET: `${newer},${older}` })).toBe(before)
    expect(await fingerprint({ ENCRYPTION_SECRET: newer })).toBe(before)
    expect(await fingerprint({}, '4222222222222')).not.toBe(before)
    // Keyed: whoever has the table alone cannot try numbers.
    expect(await fingerprint({ DATABASE_ROLE_SECRET: 'o'.repeat(40) })).not.toBe(before)
  })
})
