import { describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { codes, MUG, TEE } from './buying.fixture.ts'
import { RETURN } from './owning.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const staff = staffWith('orders:read', 'orders:manage')

const { shop, our } = await shopForTests()

const minor = (amount: string) => Math.round(Number(amount) * 100)

describe('goods that are sent back', () => {
  test('go back into stock, and their money to the buyer: exactly what was paid for them', async () => {
    const buyer = aCustomer()
    const { id, checkoutId, totalMinor, lines } = await our.delivered(buyer, [[MUG, 3]])
    const [mugs] = lines
    // A cent off, so that three units do not cost the same.
    await our.at.sql(
      `with cheaper as (update orders.orders set discount_minor = discount_minor + 1 where id = $1)
       update orders.order_lines set discount_minor = discount_minor + 1, total_minor = total_minor - 1 where order_id = $1`,
      id,
    )
    const before = await our.stockOf(MUG)
    const { returnRequest, userErrors } = await our.ask(buyer, id, [[mugs!.id, 3]])
    expect(userErrors).toEqual([])
    expect(returnRequest).toMatchObject({
      status: 'REQUESTED',
      order: { id },
      lines: [{ line: { id: mugs!.id }, quantity: 3, receivedQuantity: 0 }],
      refundAmount: null,
    })
    expect(await our.approve(returnRequest.id)).toMatchObject({ returnRequest: { status: 'APPROVED' }, userErrors: [] })
    const paid = minor(mugs!.total.amount) - 1
    let refunded = 0
    for (const units of [1, 1, 1]) {
      const received = await our.receive(returnRequest.id, [[mugs!.id, units]])
      expect(received.userErrors).toEqual([])
      expect(received.returnRequest.status).toBe('REFUNDED')
      refunded = minor(received.returnRequest.refundAmount.amount)
      const { captured } = await our.at.chargedFor(checkoutId)
      expect(captured).toBe(totalMinor - refunded)
    }
    expect(refunded).toBe(paid)
    expect(await our.stockOf(MUG)).toEqual({ ...before, onHand: before.onHand + 3 })
    expect(await our.read(buyer, id)).toMatchObject({
      status: 'RETURNED',
      lines: [{ returnedQuantity: 3 }],
      returns: [{ id: returnRequest.id, lines: [{ receivedQuantity: 3 }] }],
      allowedActions: expect.not.arrayContaining(['RETURN']),
    })
    const kinds = (await our.read(buyer, id)).timeline.nodes.map(({ kind }: { kind: string }) => kind)
    expect(kinds.slice(0, 5)).toEqual([
      'RETURN_RECEIVED',
      'RETURN_RECEIVED',
      'RETURN_RECEIVED',
      'RETURN_APPROVED',
      'RETURN_REQUESTED',
    ])
  })

  test('that cannot be sold again stay out of stock; money may be given back later', async () => {
    const buyer = aGuest()
    const { id, checkoutId, totalMinor, lines } = await our.delivered(buyer, [
      [MUG, 2],
      [TEE, 1],
    ])
    const [mugs, tee] = lines
    const before = await our.stockOf(TEE)
    const { returnRequest } = await our.ask(buyer, id, [[tee!.id, 1]])
    await our.approve(returnRequest.id)
    const received = await our.receive(returnRequest.id, [[tee!.id, 1]], { restock: false, refund: false })
    expect(received).toMatchObject({ returnRequest: { status: 'RECEIVED', refundAmount: null }, userErrors: [] })
    expect(await our.stockOf(TEE)).toEqual(before)
    expect(await our.at.chargedFor(checkoutId)).toMatchObject({ captured: totalMinor })
    expect(await our.read(buyer, id)).toMatchObject({ status: 'PARTIALLY_RETURNED', lines: [{ id: mugs!.id }, {}] })
    const paidBack = await our.receive(returnRequest.id, [])
    expect(paidBack).toMatchObject({
      returnRequest: { status: 'REFUNDED', refundAmount: { amount: tee!.total.amount } },
      userErrors: [],
    })
    expect(await our.at.chargedFor(checkoutId)).toMatchObject({ captured: totalMinor - minor(tee!.total.amount) })
    expect(codes(await our.receive(returnRequest.id, []))).toEqual(['STATE_TRANSITION'])
  })

  test('are received once per key, and by two at once their money goes back once', async () => {
    const buyer = aGuest()
    const { id, checkoutId, totalMinor, lines } = await our.delivered(buyer, [[MUG, 2]])
    const [mugs] = lines
    const { returnRequest } = await our.ask(buyer, id, [[mugs!.id, 2]])
    await our.approve(returnRequest.id)
    const key = uuidv7()
    const all: [string, number][] = [[mugs!.id, 2]]
    const answers = await Promise.all([
      our.receive(returnRequest.id, all, { key }),
      our.receive(returnRequest.id, all, { key }),
      our.receive(returnRequest.id, all),
    ])
    const refused = answers.flatMap(codes)
    expect(refused.every((code) => ['CONFLICT', 'LIMIT_EXCEEDED', 'STATE_TRANSITION'].includes(code))).toBe(true)
    expect(await our.receive(returnRequest.id, all, { key })).toMatchObject(
      refused.length === 1 ? { isReplay: true, returnRequest: { status: 'REFUNDED' } } : {},
    )
    const paid = minor(mugs!.total.amount)
    expect(await our.at.chargedFor(checkoutId)).toMatchObject({ captured: totalMinor - paid })
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'RECEIVE', status: 'DONE' }])
  })
})

describe('what can be sent back', () => {
  test('is what arrived and no return asks for yet', async () => {
    const buyer = aCustomer()
    const { id, lines } = await our.delivered(buyer, [[MUG, 3]])
    const [mugs] = lines
    expect(await our.read(buyer, id)).toMatchObject({ allowedActions: ['RETURN', 'REORDER'] })
    const first = await our.ask(buyer, id, [[mugs!.id, 2]])
    expect(first.userErrors).toEqual([])
    const { userErrors } = await our.ask(buyer, id, [
      [mugs!.id, 2],
      [uuidv7(), 1],
    ])
    expect(userErrors).toMatchObject([
      { code: 'LIMIT_EXCEEDED', field: ['input', 'lines', '0', 'quantity'], message: 'Only 1 can be sent back.' },
      { code: 'NOT_FOUND', field: ['input', 'lines', '1', 'lineId'] },
    ])
    await our.cancelReturn(buyer, first.returnRequest.id)
    expect(await our.ask(buyer, id, [[mugs!.id, 3]])).toMatchObject({ userErrors: [] })
    expect((await our.read(buyer, id)).allowedActions).toEqual(['REORDER'])
  })

  test('is never more than arrived, whoever asks at the same time', async () => {
    const buyer = aCustomer()
    const { id, lines } = await our.delivered(buyer, [[MUG, 2]])
    const answers = await Promise.all(Array.from({ length: 5 }, () => our.ask(buyer, id, [[lines[0]!.id, 1]])))
    expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(2)
    expect(answers.flatMap(codes)).toEqual(['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'])
  })

  test('is nothing before it arrived, and nothing after 30 days', async () => {
    const buyer = aCustomer()
    const { id } = await our.bought(buyer)
    const line = (await our.read(buyer, id)).lines[0]
    expect((await our.ask(buyer, id, [[line.id, 1]])).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'CONFIRMED', field: ['input', 'orderId'] },
    ])
    const late = await our.delivered(buyer)
    await our.at.sql(
      `update orders.orders set delivered_at = now() - interval '31 days' where id = $1 returning id`,
      late.id,
    )
    expect(codes(await our.ask(buyer, late.id, [[late.lines[0]!.id, 1]]))).toEqual(['NOT_APPLICABLE'])
  })

  test('is said line by line, each once, with all that is wrong at once', async () => {
    const buyer = aCustomer()
    const { id, lines } = await our.delivered(buyer)
    const { userErrors } = await our.ask(
      buyer,
      id,
      [
        [lines[0]!.id, 0],
        [lines[0]!.id, 1],
      ],
      { note: 'x'.repeat(1001) },
    )
    expect(userErrors).toMatchObject([
      { code: 'INVALID', field: ['input', 'lines', '0', 'quantity'] },
      { code: 'INVALID', field: ['input', 'lines', '1', 'lineId'] },
      { code: 'INVALID', field: ['input', 'note'] },
    ])
    expect((await our.ask(buyer, id, [])).userErrors).toMatchObject([{ field: ['input', 'lines'] }])
  })
})

describe('a return', () => {
  const requested = async (buyer = aCustomer()) => {
    const { id: orderId, lines } = await our.delivered(buyer)
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 1]])
    return { id: returnRequest.id as string, buyer, orderId, line: lines[0]! }
  }

  test('can be called off until its goods are received', async () => {
    const { id, buyer, line } = await requested()
    expect(await our.cancelReturn(buyer, id)).toMatchObject({ returnRequest: { status: 'CANCELLED' }, userErrors: [] })
    expect(await our.cancelReturn(buyer, id)).toMatchObject({ returnRequest: { status: 'CANCELLED' }, userErrors: [] })
    expect(codes(await our.approve(id))).toEqual(['STATE_TRANSITION'])
    expect(codes(await our.receive(id, [[line.id, 1]]))).toEqual(['STATE_TRANSITION'])
    const other = await requested()
    await our.approve(other.id)
    await our.receive(other.id, [[other.line.id, 1]])
    expect(codes(await our.cancelReturn(other.buyer, other.id))).toEqual(['STATE_TRANSITION'])
  })

  test('is turned down with a reason that the buyer reads', async () => {
    const { id, buyer, orderId } = await requested()
    const key = uuidv7()
    expect((await our.decline(id, ' ')).userErrors).toMatchObject([{ code: 'INVALID', field: ['input', 'reason'] }])
    expect(await our.decline(id, 'It was worn.', key)).toMatchObject({ returnRequest: { status: 'DECLINED' } })
    expect(await our.decline(id, 'It was worn.', key)).toMatchObject({ isReplay: true, userErrors: [] })
    expect((await our.read(buyer, orderId)).timeline.nodes[0]).toMatchObject({
      kind: 'RETURN_DECLINED',
      message: 'It was worn.',
      actor: { id: expect.any(String) },
    })
  })

  test('is received before it is approved by nobody, and not beyond what was asked for', async () => {
    const { id, line } = await requested()
    expect(codes(await our.receive(id, [[line.id, 1]]))).toEqual(['STATE_TRANSITION'])
    await our.approve(id)
    const { userErrors } = await our.receive(id, [
      [line.id, 2],
      [uuidv7(), 1],
    ])
    expect(userErrors).toMatchObject([
      { code: 'LIMIT_EXCEEDED', field: ['input', 'lines', '0', 'quantity'] },
      { code: 'NOT_FOUND', field: ['input', 'lines', '1', 'lineId'] },
    ])
    const nowhere = await our.receive(id, [[line.id, 1]], { locationId: uuidv7() })
    expect(nowhere.userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'locationId'] }])
    expect(await our.receive(id, [[line.id, 1]])).toMatchObject({ userErrors: [] })
  })

  test('is the buyer’s, and others know nothing of it', async () => {
    const { id, orderId, line } = await requested()
    for (const other of [aCustomer(), aGuest()]) {
      expect(codes(await our.cancelReturn(other, id))).toEqual(['NOT_FOUND'])
      expect(codes(await our.ask(other, orderId, [[line.id, 1]]))).toEqual(['NOT_FOUND'])
    }
    await expect(our.cancelReturn({ kind: 'anonymous' }, id)).rejects.toThrow('UNAUTHENTICATED')
    for (const viewer of [aCustomer(), staffWith('orders:read')]) {
      await expect(our.approve(id, viewer)).rejects.toThrow('FORBIDDEN')
      await expect(our.receive(id, [[line.id, 1]], { viewer })).rejects.toThrow('FORBIDDEN')
    }
    expect(codes(await our.approve('no id'))).toEqual(['NOT_FOUND'])
  })

  test('is listed for staff, newest first, by its state', async () => {
    const { id } = await requested()
    const list = async (viewer: Viewer, status: string | null) =>
      (
        await shop.ask(
          'orders',
          viewer,
          `query ($status: ReturnStatus) { returns(status: $status, first: 1) { nodes { ${RETURN} } totalCount } }`,
          { status },
        )
      ).returns
    expect(await list(staff, 'REQUESTED')).toMatchObject({ nodes: [{ id, status: 'REQUESTED' }] })
    expect((await list(staff, null)).totalCount).toBeGreaterThan(1)
    await expect(list(aCustomer(), null)).rejects.toThrow('FORBIDDEN')
  })
})

test('and all that has to hold holds after all that', async () => {
  expect(await our.at.broken()).toEqual([])
})
