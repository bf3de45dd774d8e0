import { afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { codes, MUG } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { shopForTests } from './shop.fixture.ts'

const staff = staffWith('orders:read', 'orders:manage', 'payments:read', 'payments:manage')
const { at, our } = await shopForTests()

const minor = (amount: string) => Math.round(Number(amount) * 100)

/** Staff give all the money of an order back in payments. */
const payByHand = async (checkoutId: string) => {
  const { id: paymentId } = await at.paymentOf(staff, checkoutId)
  const { captured } = await at.chargedFor(checkoutId)
  const amount = { amount: (captured / 100).toFixed(2), currencyCode: 'EUR' }
  const input = { paymentId, amount, reason: 'by hand', idempotencyKey: uuidv7() }
  const { userErrors } = await at.mutate('payments', staff, 'refundCreate', input, 'userErrors { code }')
  expect(userErrors).toEqual([])
}

describe('a return whose goods are being booked in', () => {
  afterEach(() => holdAtFailpoints(async () => {}))

  test('can no longer be called off', async () => {
    const buyer = aGuest()
    const { id: orderId, lines } = await our.delivered(buyer)
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 1]])
    await our.approve(returnRequest.id)
    let refused: string[] = []
    holdAtFailpoints(async (point) => {
      if (point === 'RECEIVE:TAKE_GOODS:before') refused = codes(await our.cancelReturn(buyer, returnRequest.id))
    })
    const received = await our.receive(returnRequest.id, [[lines[0]!.id, 1]])
    expect(received).toMatchObject({ returnRequest: { status: 'REFUNDED' }, userErrors: [] })
    expect(refused).toEqual(['STATE_TRANSITION'])
    const kinds = (await our.read(buyer, orderId)).timeline.nodes.map(({ kind }: { kind: string }) => kind)
    expect(kinds).not.toContain('RETURN_CANCELLED')
  })

  test('takes no others before that is over', async () => {
    const buyer = aGuest()
    const { id: orderId, lines } = await our.delivered(buyer, [[MUG, 2]])
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 2]])
    await our.approve(returnRequest.id)
    let refused: unknown[] = []
    holdAtFailpoints(async (point) => {
      if (point !== 'RECEIVE:TAKE_GOODS:before') return
      const other = await our.receive(returnRequest.id, [[lines[0]!.id, 1]], { restock: false, refund: false })
      refused = other.userErrors
    })
    const received = await our.receive(returnRequest.id, [[lines[0]!.id, 1]])
    expect(received).toMatchObject({ returnRequest: { status: 'REFUNDED', lines: [{ receivedQuantity: 1 }] } })
    expect(refused).toMatchObject([{ code: 'CONFLICT', field: ['input', 'idempotencyKey'] }])
  })
})

describe('a return whose goods are in', () => {
  const approved = async () => {
    const buyer = aGuest()
    const { id: orderId, checkoutId, totalMinor, lines } = await our.delivered(buyer)
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 1]])
    await our.approve(returnRequest.id)
    return { id: returnRequest.id as string, orderId, checkoutId, totalMinor, line: lines[0]! }
  }

  test('has its money once the bank can be reached again', async () => {
    const { id, orderId, checkoutId, totalMinor, line } = await approved()
    await at.planFaults('refund lost-answer', 'lookup lost-request')
    expect(await our.receive(id, [[line.id, 1]])).toMatchObject({
      returnRequest: { status: 'RECEIVED' },
      userErrors: [],
    })
    await our.recover()
    expect(await our.errandsOf(orderId)).toMatchObject([{ status: 'DONE' }])
    const refunded = totalMinor - (await at.chargedFor(checkoutId)).captured
    expect(refunded).toBeGreaterThan(0)
    expect(refunded).toBe(Math.ceil(minor(line.total.amount) / 2))
  })

  test('and for which there is no money left: staff are told, and can receive it again', async () => {
    const { id, orderId, checkoutId, line } = await approved()
    await payByHand(checkoutId)
    expect(await our.receive(id, [[line.id, 1]])).toMatchObject({
      returnRequest: { status: 'RECEIVED' },
      userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }],
    })
    expect(await our.errandsOf(orderId)).toMatchObject([{ status: 'NEEDS_ATTENTION', step: 1 }])
    expect(codes(await our.receive(id, []))).toEqual(['UPSTREAM_UNAVAILABLE'])
    expect((await our.read(staff, orderId)).status).toBe('PARTIALLY_RETURNED')
  })
})

describe('a return whose money could not be given back', () => {
  /** Of three units, one of which came in. */
  const stuck = async () => {
    const buyer = aGuest()
    const { id: orderId, checkoutId, totalMinor, lines } = await our.delivered(buyer, [[MUG, 3]])
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 3]])
    await our.approve(returnRequest.id)
    const [line, id] = [lines[0]!.id, returnRequest.id as string]
    return { buyer, id, orderId, checkoutId, totalMinor, line }
  }
  const outOfReach = async () => {
    const request = await stuck()
    await at.planFaults(...Array.from({ length: 14 }, () => ['refund lost-request', 'lookup lost-request']).flat())
    await our.receive(request.id, [[request.line, 1]])
    for (let hours = 1; hours <= 12; hours++) await our.recover(hours)
    await at.sql('delete from payments.sandbox_faults')
    expect(await our.errandsOf(request.orderId)).toMatchObject(needsAttention)
    return request
  }
  const needsAttention = [{ kind: 'RECEIVE', status: 'NEEDS_ATTENTION', step: 1 }]
  const told = async (...args: Parameters<typeof our.receive>) =>
    (await our.receive(...args)).userErrors.map(({ code, field }: { code: string; field: string[] }) => [
      code,
      field.join('.'),
    ])

  /** As `stuck`, at a bank that refuses to give any money back until it is `mended`. */
  const refused = async () => {
    const request = await stuck()
    const book = (refunded: string) =>
      at.sql(
        `update payments.sandbox_authorizations a set refunded_minor = ${refunded} from payments.payments p
         where p.provider_reference = a.reference and p.checkout_id = $1`,
        request.checkoutId,
      )
    await book('a.captured_minor')
    expect(codes(await our.receive(request.id, [[request.line, 1]]))).toEqual(['UPSTREAM_UNAVAILABLE'])
    expect(await our.errandsOf(request.orderId)).toMatchObject(needsAttention)
    return { ...request, mended: () => book('0') }
  }

  test('because the bank refused is given once the bank does not any more', async () => {
    const { id, checkoutId, totalMinor, mended } = await refused()
    expect(codes(await our.receive(id, []))).toEqual(['UPSTREAM_UNAVAILABLE'])
    await mended()
    expect(await our.receive(id, [])).toMatchObject({ returnRequest: { status: 'REFUNDED' }, userErrors: [] })
    expect((await at.chargedFor(checkoutId)).captured).toBeLessThan(totalMinor)
  })

  test('because the bank refuses is left if staff say so', async () => {
    const { id } = await refused()
    expect(await our.receive(id, [], { refund: false })).toMatchObject({
      returnRequest: { status: 'RECEIVED', refundAmount: null, lines: [{ receivedQuantity: 1 }] },
      userErrors: [],
    })
  })

  test('takes no other goods, and not the same ones told otherwise, before that is finished', async () => {
    const { id, orderId, line } = await outOfReach()
    expect(await told(id, [[line, 2]])).toEqual([['CONFLICT', 'input.lines']])
    expect(await told(id, [[line, 1]], { restock: false, locationId: uuidv7() })).toEqual([
      ['CONFLICT', 'input.locationId'],
      ['CONFLICT', 'input.restock'],
    ])
    expect(await our.errandsOf(orderId)).toMatchObject(needsAttention)
    expect(await our.receive(id, [[line, 1]])).toMatchObject({
      returnRequest: { status: 'REFUNDED', lines: [{ receivedQuantity: 1 }] },
      userErrors: [],
    })
    expect(await our.receive(id, [[line, 2]])).toMatchObject({
      returnRequest: { status: 'REFUNDED', lines: [{ receivedQuantity: 3 }] },
      userErrors: [],
    })
  })

  test('is given it when the bank gives it after all, though staff would leave it', async () => {
    const { id, orderId, checkoutId, totalMinor, line } = await outOfReach()
    expect(await our.receive(id, [], { refund: false })).toMatchObject({
      returnRequest: { status: 'REFUNDED' },
      userErrors: [],
    })
    expect((await at.chargedFor(checkoutId)).captured).toBeLessThan(totalMinor)
    expect(await our.receive(id, [[line, 2]])).toMatchObject({ userErrors: [] })
    expect(await our.errandsOf(orderId)).toMatchObject([{ status: 'DONE' }, { status: 'DONE' }])
  })

  test('and that staff paid by hand is left, and the rest of its goods come in', async () => {
    const { buyer, id, orderId, checkoutId, line } = await stuck()
    await payByHand(checkoutId)
    expect(codes(await our.receive(id, [[line, 1]]))).toEqual(['UPSTREAM_UNAVAILABLE'])
    expect(codes(await our.receive(id, []))).toEqual(['UPSTREAM_UNAVAILABLE'])
    expect(await our.receive(id, [], { refund: false })).toMatchObject({
      returnRequest: { status: 'RECEIVED', refundAmount: null, lines: [{ receivedQuantity: 1 }] },
      userErrors: [],
    })
    expect((await our.read(buyer, orderId)).timeline.nodes[0]).toMatchObject({ kind: 'REFUND_LEFT' })
    // What was left is not owed again.
    expect(codes(await our.receive(id, []))).toEqual(['REQUIRED'])
    expect(await our.receive(id, [[line, 2]], { refund: false })).toMatchObject({
      returnRequest: { status: 'RECEIVED', lines: [{ receivedQuantity: 3 }] },
      userErrors: [],
    })
    expect(await our.errandsOf(orderId)).toMatchObject([{ status: 'DONE' }, { status: 'DONE' }])
    expect(await at.chargedFor(checkoutId)).toMatchObject({ captured: 0 })
  })
})

test('goods that got stuck before they were in are taken as they were told, and not otherwise', async () => {
  const buyer = aGuest()
  const { id: orderId, lines } = await our.delivered(buyer, [[MUG, 2]])
  const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 2]])
  const { id } = returnRequest
  await our.approve(id)
  await our.receive(id, [[lines[0]!.id, 1]])
  await at.sql(
    `update orders.errands set status = 'NEEDS_ATTENTION', lease_until = null, step = 0 where return_id = $1`,
    id,
  )
  for (const [units, more, field] of [
    [[], {}, 'lines'],
    [[[lines[0]!.id, 1]], { refund: false }, 'refund'],
    [[[lines[0]!.id, 1]], { restock: false }, 'restock'],
  ] as [[string, number][], object, string][]) {
    expect((await our.receive(id, units, more)).userErrors).toMatchObject([
      { code: 'CONFLICT', field: ['input', field] },
    ])
  }
})
