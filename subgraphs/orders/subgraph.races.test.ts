import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { expireReservations } from '../inventory/reservations.ts'
import { BOUGHT, codes, MUG, NOTHING, SECURE, TEE } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { recoverCheckouts, resumeCheckout } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { at } = await shopForTests()
afterEach(async () => {
  holdAtFailpoints(async () => {})
  expect(await at.broken()).toEqual([])
})

const sweep = (minutes: number) => expireReservations(at.later(minutes, 'inventory'))
const happensAt = (point: string, act: (id: string) => Promise<unknown>) =>
  holdAtFailpoints(async (reached, id) => {
    if (reached === point) await act(id)
  })
const holdsOf = async (checkoutId: string) => (await at.heldFor(checkoutId)).holds

describe('the sweeper and the sale', () => {
  test('goods that were swept just before they are sold are taken again', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    happensAt('COMMIT_STOCK:before', async () => {
      await sweep(20)
      expect(await holdsOf(input.checkoutId)).toEqual([])
    })
    expect(await at.complete(buyer, input)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
  })

  test('goods that were swept and sold to another are refused, and the money is let go', async () => {
    await at.stock(TEE, 1)
    const { buyer, input } = await at.checkoutOf(aGuest(), [[TEE, 1]])
    const other = await at.checkoutOf(aGuest(), [[TEE, 1]])
    happensAt('COMMIT_STOCK:before', async (id) => {
      if (id !== input.checkoutId) return
      await sweep(20)
      expect(codes(await at.complete(other.buyer, other.input))).toEqual([])
    })
    expect(codes(await at.complete(buyer, input))).toEqual(['INSUFFICIENT_STOCK'])
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    expect(await at.heldFor(other.input.checkoutId)).toEqual(BOUGHT)
  })

  test('goods that are sold are not swept', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    happensAt('COMMIT_STOCK:effect', () => sweep(20))
    expect(codes(await at.complete(buyer, input))).toEqual([])
    expect(await holdsOf(input.checkoutId)).toEqual(['COMMITTED'])
  })

  test('at the same moment, again and again, sell what they sell once', async () => {
    for (let time = 0; time < 10; time += 1) {
      const { buyer, input } = await at.checkoutOf(aGuest())
      happensAt('COMMIT_STOCK:before', async () => void sweep(20))
      expect(codes(await at.complete(buyer, input))).toEqual([])
      expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
      expect(await at.broken()).toEqual([])
    }
  })
})

describe('the sweeper and a buyer at the bank', () => {
  const waiting = async (variantId: string) => {
    const { buyer, input } = await at.checkoutOf(aGuest(), [[variantId, 1]], SECURE)
    await at.complete(buyer, input)
    return { buyer, id: input.checkoutId }
  }
  const approve = ({ buyer, id }: Awaited<ReturnType<typeof waiting>>) => at.decide(buyer, id, 'approve')

  test('the goods stay held as long as the buyer has time, and no longer', async () => {
    const waits = await waiting(MUG)
    await sweep(16)
    expect(await holdsOf(waits.id)).toEqual(['HELD'])
    await sweep(31)
    expect(await holdsOf(waits.id)).toEqual([])
    await approve(waits)
    await resumeCheckout(at.later(0), waits.id)
    expect(await at.heldFor(waits.id)).toEqual(BOUGHT)
  })

  test('goods that others bought meanwhile: nothing is taken from a buyer who approves late', async () => {
    await at.stock(TEE, 1)
    const waits = await waiting(TEE)
    await sweep(31)
    await at.stock(TEE, 0)
    await approve(waits)
    await resumeCheckout(at.later(0), waits.id)
    expect(await at.read(waits.buyer, waits.id)).toMatchObject({
      status: 'OPEN',
      failure: { code: 'INSUFFICIENT_STOCK' },
    })
    expect(await at.heldFor(waits.id)).toEqual(NOTHING)
  })
})

describe('calling off and the creation of the order', () => {
  const cancelAt = async (point: string) => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    let cancelled: Promise<unknown> | undefined
    happensAt(point, async (id) => {
      cancelled = at.cancel(buyer, id)
      await until(async () => {
        const asked = `select 1 from orders.checkouts where id = $1 and (cancel_requested or placed_at is not null)`
        return (await at.sql(asked, id)).length > 0
      })
    })
    const completed = await at.complete(buyer, input)
    return { id: input.checkoutId, completed, cancelled: await cancelled }
  }

  test.each(['CREATE_ORDER:before', 'CREATE_ORDER:effect'])('at %s no order is created', async (point) => {
    const { id, completed, cancelled } = await cancelAt(point)
    expect(cancelled).toMatchObject({ checkout: { status: 'CANCELLED' }, userErrors: [] })
    expect(codes(completed)).toEqual(['STATE_TRANSITION'])
    expect(await at.heldFor(id)).toEqual(NOTHING)
  })

  test.each(['CREATE_ORDER:recorded', 'CAPTURE_PAYMENT:before'])('at %s it is too late', async (point) => {
    const { id, completed, cancelled } = await cancelAt(point)
    expect(cancelled).toMatchObject({ userErrors: [{ code: 'STATE_TRANSITION' }] })
    expect(codes(completed)).toEqual([])
    expect(await at.heldFor(id)).toEqual(BOUGHT)
  })
})

describe('whatever gets lost between the shop and the bank', () => {
  const lost = ['lost-request', 'lost-answer']
  const plans = lost.flatMap((authorize) =>
    ['', ...lost].flatMap((lookup) =>
      ['', ...lost].map((capture) => [
        `authorize ${authorize}`,
        ...(lookup ? [`lookup ${lookup}`] : []),
        ...(capture ? [`capture ${capture}`, ...(lookup ? [`lookup ${lookup}`] : [])] : []),
      ]),
    ),
  )

  test.each(plans.map((plan) => [plan.join(', '), plan] as const))('%s: charged once', async (_, plan) => {
    const { buyer, cart, input } = await at.checkoutOf(aGuest())
    await at.planFaults(...plan)
    await at.complete(buyer, input)
    for (let minutes = 10; minutes <= 40; minutes += 10) await recoverCheckouts(at.later(minutes))
    await at.sql('delete from payments.sandbox_faults')
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    const captured = Math.round(Number(cart.total.amount) * 100)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
  })

  test.each(lost)('and a release whose message is a %s is sent until the bank has let go', async (fault) => {
    await at.stock(TEE, 1)
    const { buyer, input } = await at.checkoutOf(aGuest(), [[TEE, 1]])
    happensAt('COMMIT_STOCK:before', async () => {
      await sweep(20)
      await at.stock(TEE, 0)
      await at.planFaults(`void ${fault}`, 'lookup lost-request', `void ${fault}`, 'lookup lost-request')
    })
    await at.complete(buyer, input)
    for (let minutes = 10; minutes <= 40; minutes += 10) await recoverCheckouts(at.later(minutes))
    await at.sql('delete from payments.sandbox_faults')
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ failure: { code: 'INSUFFICIENT_STOCK' } })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  })
})
