import { expect } from 'vitest'
import type { Announced } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import type { Parts } from '../setup/parts.ts'
import { aGuest, staffWith } from '../setup/viewers.ts'
import { BAG, BOUGHT, buyingAt, MUG, NOTHING, openShop } from '../../subgraphs/orders/buying.fixture.ts'
import { takeUpNow } from '../../subgraphs/orders/recovery.ts'

/** What must have become of a purchase in the end. */
export interface Ending {
  status: string
  /** Code of the failure it is left with. */
  failure?: string
  held?: typeof BOUGHT
}

export const bought: Ending = { status: 'COMPLETED', held: BOUGHT }
export const unpaid: Ending = { status: 'COMPLETED', held: { ...BOUGHT, money: ['AUTHORIZED'] } }
export const failed = (failure: string): Ending => ({ status: 'OPEN', failure, held: NOTHING })

/** The failpoints of steps, in their order. */
export const at = (...names: string[]): string[] =>
  names.flatMap((name) => ['before', 'effect', 'recorded'].map((when) => `${name}:${when}`))
export const undoing = (...names: string[]): string[] => at(...names.map((name) => `undo:${name}`))

export type Purchase = Awaited<ReturnType<CrashShop['purchase']>>

const TRIES = 8
const MINUTE_MS = 60_000

/** A shop in which every purchase uses a promotion, seen from a process that outlives the others. */
export class CrashShop implements AsyncDisposable {
  readonly parts: Parts
  readonly at: ReturnType<typeof buyingAt>

  private constructor(parts: Parts) {
    this.parts = parts
    this.at = buyingAt(parts)
  }

  static async open(): Promise<CrashShop> {
    const shop = new CrashShop(await openShop())
    const offer = { name: 'Ten off', kind: 'PERCENT_OFF', percentOff: '10', usageLimit: 10_000, isActive: true }
    await shop.at.mutate('cart', staffWith('promotions:manage'), 'promotionUpsert', offer, 'userErrors { code }')
    for (const variant of [MUG, BAG]) await shop.at.stock(variant, 10_000)
    return shop
  }

  get databaseUrl(): string {
    return this.parts.config.DATABASE_URL!
  }

  async purchase(cardNumber?: string) {
    const { buyer, cart, input } = await this.at.checkoutOf(
      aGuest(),
      [
        [MUG, 2],
        [BAG, 1],
      ],
      cardNumber,
    )
    return { viewer: buyer, cart, input, totalMinor: Math.round(Number(cart.total.amount) * 100) }
  }

  /** The card processor's faults for what comes next; returns those that earlier calls did not meet. */
  async planFaults(faults: readonly string[]): Promise<string[]> {
    const left = await this.at.sql<{ operation: string; fault: string }>(
      'delete from payments.sandbox_faults returning id, operation, fault',
    )
    await this.at.planFaults(...faults)
    return left.map(({ operation, fault }) => `${operation} ${fault}`)
  }

  /** What the recovery of another process does with a checkout once its lease is over, until nothing is left to do. */
  async recover(checkoutId: string): Promise<string> {
    const orders = this.parts.part('orders')
    for (let time = 1; time <= TRIES; time += 1) {
      const now = new Date(Date.now() + time * 10 * MINUTE_MS)
      await takeUpNow({ ...orders.ownContext(), now: () => now }, { id: checkoutId })
      const status = await this.statusOf(checkoutId)
      if (status !== 'PROCESSING' && status !== 'COMPENSATING') return status
    }
    return await this.statusOf(checkoutId)
  }

  /** The buyer says that the bank's question was answered, and orders hears what came of it. */
  async confirm({ viewer, input }: Purchase): Promise<void> {
    const { id: paymentId } = await this.at.paymentOf(viewer, input.checkoutId)
    await this.at.mutate('payments', viewer, 'paymentActionConfirm', { paymentId }, 'userErrors { code }')
    const { subgraph, ownContext } = this.parts.part('orders')
    const reaction = subgraph.reactions!.find(({ fact }) => fact.name === 'PaymentResolved')!
    for (const event of await this.resolvedFacts({ input })) await reaction.handle(ownContext(), event)
  }

  /** What payments told of a checkout that waited for its buyer. */
  async resolvedFacts({ input: { checkoutId } }: Pick<Purchase, 'input'>): Promise<Announced[]> {
    const rows = await this.at.sql<{ event: Announced }>(
      `select event from events.outbox where name = 'PaymentResolved' and event -> 'data' ->> 'checkoutId' = $1`,
      checkoutId,
    )
    return rows.map(({ event }) => event)
  }

  async statusOf(checkoutId: string): Promise<string> {
    const [row] = await this.at.sql<{ status: string }>('select status from orders.checkouts where id = $1', checkoutId)
    return row!.status
  }

  async versionOf(checkoutId: string): Promise<number> {
    const [row] = await this.at.sql<{ version: number }>(
      'select version from orders.checkouts where id = $1',
      checkoutId,
    )
    return row!.version
  }

  /** Whether a purchase ended as it must have, wherever its processes died: by itself, by its key, and by every invariant. */
  async expectEnd({ viewer, input, totalMinor }: Purchase, ending: Ending) {
    const { checkoutId } = input
    const isBought = ending.status === 'COMPLETED'
    const checkout = await this.at.read(viewer, checkoutId)
    expect(checkout).toMatchObject({ status: ending.status, failure: ending.failure ? { code: ending.failure } : null })
    expect(await this.at.heldFor(checkoutId)).toEqual(ending.held)
    const captured = ending.held === BOUGHT ? totalMinor : 0
    const charged = await this.at.chargedFor(checkoutId)
    expect(charged).toMatchObject(isBought ? { authorizations: 1, captured } : { captured })
    const facts = checkout.order ? await this.at.factsOf(checkout.order.id) : []
    const begun = facts.flatMap(({ name }) => (name === 'OrderPlaced' || name === 'OrderReadyToShip' ? [name] : []))
    expect(begun).toEqual([...(isBought ? ['OrderPlaced'] : []), ...(captured > 0 ? ['OrderReadyToShip'] : [])])
    const told = ending.status === 'CANCELLED' ? ['STATE_TRANSITION'] : ending.failure ? [ending.failure] : []
    const replays = await Promise.all([1, 2].map(() => this.at.complete(viewer, input)))
    for (const replay of replays) {
      expect(replay.isReplay).toBe(true)
      expect(replay.order?.id ?? null).toBe(checkout.order?.id ?? null)
      expect(replay.userErrors.map(({ code }: { code: string }) => code)).toEqual(told)
    }
    expect(await this.at.broken()).toEqual([])
  }

  /** The same checkout, tried again with another card, succeeds. */
  async expectRetry({ viewer, input }: Purchase): Promise<void> {
    const again = { ...input, paymentToken: await this.at.token(), idempotencyKey: uuidv7() }
    expect(await this.at.complete(viewer, again)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
    expect(await this.at.heldFor(input.checkoutId)).toEqual(BOUGHT)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts[Symbol.asyncDispose]()
  }
}
