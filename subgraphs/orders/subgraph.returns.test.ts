import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { codes, MUG, openShop } from './buying.fixture.ts'
import { owningAt, RETURN } from './owning.fixture.ts'

const staff = staffWith('orders:read', 'orders:manage')

let shop: Parts
let our: ReturnType<typeof owningAt>
beforeAll(async () => {
  shop = await openShop()
  our = owningAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

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
    const { id, buyer } = await requested()
    expect(await our.cancelReturn(buyer, id)).toMatchObject({ returnRequest: { status: 'CANCELLED' }, userErrors: [] })
    expect(await our.cancelReturn(buyer, id)).toMatchObject({ returnRequest: { status: 'CANCELLED' }, userErrors: [] })
    expect(codes(await our.approve(id))).toEqual(['STATE_TRANSITION'])
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

  test('is the buyer’s, and others know nothing of it', async () => {
    const { id, orderId, line } = await requested()
    for (const other of [aCustomer(), aGuest()]) {
      expect(codes(await our.cancelReturn(other, id))).toEqual(['NOT_FOUND'])
      expect(codes(await our.ask(other, orderId, [[line.id, 1]]))).toEqual(['NOT_FOUND'])
    }
    await expect(our.cancelReturn({ kind: 'anonymous' }, id)).rejects.toThrow('UNAUTHENTICATED')
    for (const viewer of [aCustomer(), staffWith('orders:read')]) {
      await expect(our.approve(id, viewer)).rejects.toThrow('FORBIDDEN')
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
