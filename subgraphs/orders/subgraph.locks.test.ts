// What is judged is what is changed: whoever changes it meanwhile is waited for.
import { afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { BAG, BOUGHT, MUG, NOTHING, TEE, UNCAPTURABLE } from './buying.fixture.ts'
import { completeCheckout } from './attempts.ts'
import { createCheckout } from './checkouts.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { onceAt, otherTransaction } from './locking.fixture.ts'
import { closeOrders } from './moving.ts'
import { anOrder } from './order.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at, our } = await shopForTests()
const { staff } = our

afterEach(() => holdAtFailpoints(async () => {}))

const lockCheckout = 'select from orders.checkouts where id = $1 for update'
// As an UPDATE of it does: what only refers to the order need not wait.
const lockOrder = 'select from orders.orders where id = $1 for no key update'

describe('an order that changes meanwhile is judged as it is then', () => {
  test('by news of a shipment: by all its lines', async () => {
    const buyer = aCustomer()
    const { order, lines } = await anOrder(shop, buyer)
    const other = await otherTransaction(shop, lockOrder, order.id)
    const [first, second] = lines as [(typeof lines)[0], (typeof lines)[0]]
    const news = [{ orderLineId: first.id, quantity: first.quantity }]
    const heard = our.hear('ShipmentStatusChanged', { orderId: order.id, status: 'PICKED_UP', lines: news })
    await other.isWaitedFor()
    await other.run('update orders.order_lines set shipped_quantity = quantity where id = $1', second.id)
    await other.commit()
    await heard
    expect(await our.read(buyer, order.id)).toMatchObject({ status: 'SHIPPED' })
  })

  test('by goods that came back: by all its lines', async () => {
    const buyer = aCustomer()
    const { id, lines } = await our.delivered(buyer, [
      [MUG, 1],
      [BAG, 1],
    ])
    const { returnRequest } = await our.ask(buyer, id, [[lines[0]!.id, 1]])
    await our.approve(returnRequest.id)
    let other: Awaited<ReturnType<typeof otherTransaction>> | undefined
    onceAt('RECEIVE:TAKE_GOODS:effect', async () => {
      other = await otherTransaction(shop, lockOrder, id)
    })
    const received = our.receive(returnRequest.id, [[lines[0]!.id, 1]])
    await until(async () => other)
    await other!.isWaitedFor()
    await other!.run('update orders.order_lines set returned_quantity = quantity where id = $1', lines[1]!.id)
    await other!.commit()
    await received
    expect(await our.read(buyer, id)).toMatchObject({ status: 'RETURNED' })
  })

  /** What an errand of an order comes to when the order changes just before the first step of it is recorded. */
  async function changed(point: string, orderId: string, change: string, act: () => Promise<unknown>) {
    let other: Awaited<ReturnType<typeof otherTransaction>> | undefined
    onceAt(point, async () => {
      other = await otherTransaction(shop, lockOrder, orderId)
    })
    const acted = act()
    await until(async () => other)
    await other!.isWaitedFor()
    await other!.run(change, orderId)
    await other!.commit()
    await acted
    return await our.errandsOf(orderId)
  }

  test('by a cancellation: what left meanwhile is not called off', async () => {
    const { id } = await our.bought(aGuest())
    const leave = `update orders.orders set status = 'SHIPPED' where id = $1`
    const errands = await changed('CANCEL:CALL_OFF_SHIPMENTS:effect', id, leave, () => our.cancel(staff, id))
    expect(errands).toMatchObject([{ status: 'RUNNING', step: 0, setbacks: 1 }])
    expect(await our.read(staff, id)).toMatchObject({ status: 'SHIPPED' })
  })

  test('by the taking of its money: what was called off meanwhile stays so', async () => {
    const { id, checkoutId } = await our.bought(aGuest(), [[MUG, 1]], UNCAPTURABLE)
    await at.openUp(checkoutId)
    const callOff = `update orders.orders set status = 'CANCELLED', cancelled_at = now(), cancel_reason = 'OTHER' where id = $1`
    const errands = await changed('COLLECT:TAKE_MONEY:effect', id, callOff, () => our.moveByHand(id, 'CONFIRMED'))
    expect(errands).toMatchObject([{ status: 'DONE', setbacks: 0 }])
    expect(await our.read(staff, id)).toMatchObject({ status: 'CANCELLED' })
    expect((await at.factsOf(id)).map(({ name }) => name)).not.toContain('OrderReadyToShip')
  })

  test('by staff: what they did not see is stale', async () => {
    const { order } = await anOrder(shop, aCustomer())
    const other = await otherTransaction(shop, lockOrder, order.id)
    const moved = our.moveByHand(order.id, 'ON_HOLD', 1)
    await other.isWaitedFor()
    await other.run('update orders.orders set version = version + 1 where id = $1', order.id)
    await other.commit()
    expect(await moved).toMatchObject({ userErrors: [{ code: 'STALE_VERSION' }] })
  })

  test('by whoever decides on a return of it', async () => {
    const buyer = aCustomer()
    const { id, lines } = await our.delivered(buyer)
    const { returnRequest } = await our.ask(buyer, id, [[lines[0]!.id, 1]])
    const other = await otherTransaction(shop, 'select from orders.returns where id = $1 for update', returnRequest.id)
    const approved = our.approve(returnRequest.id)
    await other.isWaitedFor()
    await other.run(`update orders.returns set status = 'CANCELLED' where id = $1`, returnRequest.id)
    await other.commit()
    expect(await approved).toMatchObject({ userErrors: [{ code: 'STATE_TRANSITION' }] })
  })

  test('by the closing of old orders', async () => {
    const long = { status: 'DELIVERED' as const, deliveredAt: new Date(Date.now() - 31 * 86_400_000) }
    const buyer = aCustomer()
    const { order } = await anOrder(shop, buyer, long)
    const other = await otherTransaction(shop, lockOrder, order.id)
    const closed = closeOrders(at.later(0))
    await Promise.race([closed, other.isWaitedFor().catch(() => {})])
    await other.run(`update orders.orders set status = 'RETURNED' where id = $1`, order.id)
    await other.commit()
    await closed
    expect(await our.read(buyer, order.id)).toMatchObject({ status: 'RETURNED' })
  })

  test('by the sign-in of its guest, though it is just being created', async () => {
    const guest = aGuest()
    const account = aCustomer()
    const { input } = await at.checkoutOf(guest)
    const { order } = await anOrder(shop, aCustomer())
    // As the statement that creates an order does: the checkout first, then the order, which nobody sees before its end.
    const other = await otherTransaction(shop, lockCheckout, input.checkoutId)
    const claim = { guestId: guest.id, userId: account.id, cartMergeStrategy: 'SUM_QUANTITIES' }
    const claimed = our.hear('GuestClaimed', claim)
    await other.isWaitedFor()
    await other.run(`update orders.orders set owner_kind = 'guest', owner_id = $2 where id = $1`, order.id, guest.id)
    await other.commit()
    await claimed
    expect(await our.read(account, order.id)).toMatchObject({ id: order.id })
  })
})

describe('a checkout', () => {
  test('that is being completed is opened again as it is', async () => {
    const buyer = aGuest()
    const { cart, input } = await at.checkoutOf(buyer)
    const query = 'query ($id: ID!) { checkout(id: $id) { expiresAt } }'
    const { checkout } = await shop.ask('orders', buyer, query, { id: input.checkoutId })
    const goOn = Promise.withResolvers<void>()
    onceAt('RESERVE_STOCK:before', () => goOn.promise)
    const own = shop.part('orders').createContext({ viewer: buyer, requestId: uuidv7() })
    let completed: Promise<unknown> | undefined
    // Begun after its cart was seen ACTIVE.
    const call: typeof own.call = async (operation, variables) => {
      const answer = await own.call(operation, variables)
      completed = at.complete(buyer, input)
      await until(async () => (await at.heldFor(input.checkoutId)).cart === 'FROZEN')
      return answer
    }
    const opened = await createCheckout({ ...own, call }, buyer, { cartId: cart.id })
    expect(opened.checkout).toMatchObject({ id: input.checkoutId, status: 'PROCESSING' })
    expect(opened.checkout.expiresAt.toISOString()).toBe(checkout.expiresAt)
    goOn.resolve()
    await completed
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
  })

  test('whose step was refused the second time holds nothing when the first comes late', async () => {
    await at.stock(TEE, 0)
    const buyer = aGuest()
    await at.stock(TEE, 1)
    const { input } = await at.checkoutOf(buyer, [[TEE, 1]])
    await at.stock(TEE, 0)
    const own = at.later(0)
    let late: (() => Promise<unknown>) | undefined
    const call: typeof own.call = async (operation, variables) => {
      if (late || !operation.document.includes('stockReserve(')) return await own.call(operation, variables)
      late = () => own.call(operation, variables)
      throw new Error('On its way for long')
    }
    const completed = completeCheckout({ ...own, viewer: buyer, call }, buyer, input)
    await expect(completed).rejects.toMatchObject({ errors: [{ code: 'INSUFFICIENT_STOCK' }] })
    await at.stock(TEE, 1)
    await late!()
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    expect(await at.broken()).toEqual([])
  })
})
