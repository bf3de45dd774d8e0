// Every step and every undo step of a checkout, killed before the call, after the effect and after the record, whatever
// the bank says. The checkouts of one outcome run in one process, each is held at its own failpoint, and SIGKILL ends them
// all there. Then the shop recovers them, one by one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stepNames, undoNames } from '../../subgraphs/orders/checkout.ts'
import { DECLINED, MUG, UNCAPTURABLE } from '../../subgraphs/orders/buying.fixture.ts'
import { expireReservations } from '../../subgraphs/inventory/reservations.ts'
import { at, bought, CrashShop, failed, undoing, unpaid, type Ending, type Purchase } from './shop.ts'
import { Victim } from './victim.ts'

interface Outcome {
  name: string
  card?: string
  /** What goes wrong at the card processor with each purchase. */
  faults?: readonly string[]
  /** A failpoint at which the goods are sold to somebody else. */
  soldOutAt?: string
  points: readonly string[]
  ending: Ending
}

const untilPaid = stepNames.slice(0, stepNames.indexOf('AUTHORIZE_PAYMENT') + 1)

const lostAnswer = ['authorize lost-answer', 'lookup lost-request']

const outcomes: Outcome[] = [
  { name: 'approved', points: at(...stepNames), ending: bought },
  { name: 'approved, its answer lost', faults: lostAnswer, points: at(...stepNames), ending: bought },
  {
    name: 'declined',
    card: DECLINED,
    points: [...at(...untilPaid), ...undoing('RESERVE_PROMOTIONS', 'RESERVE_STOCK', 'FREEZE_CART')],
    ending: failed('PAYMENT_DECLINED'),
  },
  {
    name: 'without an answer at all',
    faults: [...lostAnswer, ...lostAnswer, ...lostAnswer],
    points: undoing(...undoNames),
    ending: failed('UPSTREAM_UNAVAILABLE'),
  },
  {
    name: 'approved, and the goods sold to others meanwhile',
    soldOutAt: 'COMMIT_STOCK:before',
    points: ['COMMIT_STOCK:recorded', ...undoing(...undoNames)],
    ending: failed('INSUFFICIENT_STOCK'),
  },
  {
    // Nobody has heard of the refusal, and there are goods again when whoever recovers it asks.
    name: 'approved, and the goods away for a moment',
    soldOutAt: 'COMMIT_STOCK:before',
    points: ['COMMIT_STOCK:effect'],
    ending: bought,
  },
  {
    name: 'approved, and the money refused when it is taken',
    card: UNCAPTURABLE,
    points: at('CAPTURE_PAYMENT', 'CONVERT_CART'),
    ending: unpaid,
  },
]

const isOver = (status: string): boolean => status !== 'PROCESSING' && status !== 'COMPENSATING'

let shop: CrashShop
let count = 0
beforeAll(async () => {
  shop = await CrashShop.open()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  console.log(`${count} crashes recovered from`)
})

const sellOut = async () => {
  const later = new Date(Date.now() + 3_600_000)
  await expireReservations({ ...shop.parts.part('inventory').ownContext(), now: () => later })
  await shop.at.stock(MUG, 0)
}

describe.each(outcomes)('a payment $name', ({ card, faults = [], soldOutAt, points, ending }) => {
  const killed = new Map<string, { purchase: Purchase; faults: string[] }>()

  beforeAll(async () => {
    await using victim = await Victim.start(shop.databaseUrl)
    for (const point of points) {
      const purchase = await shop.purchase(card)
      await shop.planFaults(faults)
      let reached = await victim.complete({ ...purchase, points: soldOutAt ? [soldOutAt, point] : [point] })
      if (soldOutAt) {
        await sellOut()
        reached = await victim.goOn(purchase.input.checkoutId)
        await shop.at.stock(MUG, 10_000)
      }
      expect(reached).toBe(point)
      killed.set(point, { purchase, faults: await shop.planFaults([]) })
    }
  }, 120_000)

  test.each(points)('killed at %s', async (point) => {
    const { purchase, faults: left } = killed.get(point)!
    const { checkoutId } = purchase.input
    expect(isOver(await shop.statusOf(checkoutId))).toBe(point === 'CONVERT_CART:recorded')
    await shop.planFaults(left)
    await shop.recover(checkoutId)
    await shop.expectEnd(purchase, ending)
    if (ending.status === 'OPEN') await shop.expectRetry(purchase)
    count += 1
  })
})
