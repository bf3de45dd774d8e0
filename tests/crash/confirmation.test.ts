// A card whose bank asks the buyer: killed before the checkout parks, while it is parked, after the buyer's answer was
// recorded and before anybody heard of it, and at every step of what follows, whatever the buyer answers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SECURE } from '../../subgraphs/orders/buying.fixture.ts'
import { expireCheckouts } from '../../subgraphs/orders/recovery.ts'
import { at, bought, CrashShop, failed, undoing, type Ending, type Purchase } from './shop.ts'
import { Victim } from './victim.ts'

/** When a buyer has long had no more time to answer, whenever the checkout came to wait. */
const TOO_LATE_MINUTES = 30

interface Decision {
  name: string
  /** Null when the time is up before there is one. */
  result: 'approve' | 'decline' | null
  /** What it comes to after that, step by step. */
  points: readonly string[]
  ending: Ending
}

const undone = undoing('AUTHORIZE_PAYMENT', 'RESERVE_PROMOTIONS', 'RESERVE_STOCK', 'FREEZE_CART')
const decisions: Decision[] = [
  {
    name: 'approves',
    result: 'approve',
    points: at('AUTHORIZE_PAYMENT', 'COMMIT_STOCK', 'CREATE_ORDER', 'CAPTURE_PAYMENT', 'CONVERT_CART'),
    ending: bought,
  },
  {
    name: 'declines',
    result: 'decline',
    points: [...at('AUTHORIZE_PAYMENT'), ...undone],
    ending: failed('PAYMENT_DECLINED'),
  },
  {
    name: 'does not answer in time',
    result: null,
    points: [...at('AUTHORIZE_PAYMENT'), ...undone],
    ending: failed('PAYMENT_DECLINED'),
  },
]

let shop: CrashShop
let count = 0
beforeAll(async () => {
  shop = await CrashShop.open()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  console.log(`${count} crashes around a buyer's confirmation recovered from`)
})

interface Case {
  name: string
  /** Brings a checkout to where the process is killed. */
  act: (victim: Victim, purchase: Purchase) => Promise<void>
}

/** The buyer answers on the bank's page, if the bank has asked. */
const answer = async ({ result }: Decision, { viewer, input: { checkoutId } }: Purchase) => {
  const payment = await shop.at.paymentOf(viewer, checkoutId)
  if (result && payment?.status === 'REQUIRES_ACTION') await shop.at.decide(viewer, checkoutId, result)
}

const park = async (victim: Victim, { viewer, input }: Purchase, point?: string) =>
  expect(await victim.complete({ viewer, input, points: point ? [point] : [] })).toBe(point ?? 'answer')

const casesOf = (decision: Decision): Case[] => {
  const goingOn = decision.points.map((point): Case => ({
    name: `while it goes on, at ${point}`,
    async act(victim, purchase) {
      const { checkoutId } = purchase.input
      await park(victim, purchase)
      await answer(decision, purchase)
      const went = decision.result
        ? victim.resume(checkoutId, [point])
        : victim.expire(checkoutId, TOO_LATE_MINUTES, [point])
      expect(await went).toBe(point)
    },
  }))
  // Last, as nobody must go on with these on the way to the others.
  const parking = at('AUTHORIZE_PAYMENT').map((point): Case => ({
    name: `while it parks, at ${point}`,
    act: (victim, purchase) => park(victim, purchase, point),
  }))
  if (!decision.result) return [...goingOn, ...parking]
  const unheard: Case = {
    name: 'when the answer was recorded and nobody has heard of it',
    async act(victim, purchase) {
      await park(victim, purchase)
      await answer(decision, purchase)
      await victim.confirm(purchase.viewer, (await shop.at.paymentOf(purchase.viewer, purchase.input.checkoutId)).id)
      expect(await shop.resolvedFacts(purchase)).toHaveLength(1)
    },
  }
  const early: Case = {
    name: 'before it parks, with the answer before anybody goes on',
    async act(victim, purchase) {
      await park(victim, purchase, 'AUTHORIZE_PAYMENT:effect')
      await answer(decision, purchase)
    },
  }
  return [...goingOn, ...parking, unheard, early]
}

/** What the shop's other processes do from now on, until nothing is left to do. */
const goOn = async (decision: Decision, purchase: Purchase) => {
  const { checkoutId } = purchase.input
  if ((await shop.recover(checkoutId)) !== 'AWAITING_PAYMENT_ACTION') return
  await answer(decision, purchase)
  if (decision.result) await shop.confirm(purchase)
  else await expireCheckouts(shop.at.later(TOO_LATE_MINUTES))
  await shop.recover(checkoutId)
}

describe.each(decisions)('a buyer who $name: killed', (decision) => {
  const cases = casesOf(decision)
  const killed = new Map<string, Purchase>()

  beforeAll(async () => {
    await using victim = await Victim.start(shop.databaseUrl)
    for (const { name, act } of cases) {
      const purchase = await shop.purchase(SECURE)
      await act(victim, purchase)
      killed.set(name, purchase)
    }
  }, 120_000)

  test.each(cases)('$name', async ({ name }) => {
    const purchase = killed.get(name)!
    await goOn(decision, purchase)
    await shop.expectEnd(purchase, decision.ending)
    if (decision.ending.status === 'OPEN') await shop.expectRetry(purchase)
    count += 1
  })
})
