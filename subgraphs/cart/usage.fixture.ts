import { uuidv7 } from '#platform/ids.ts'
import { aService } from '../../tests/setup/viewers.ts'
import type { openShop } from './shopping.fixture.ts'
import { promotions } from './tables.ts'

/** What a checkout asks to be counted. */
export const anAttempt = (promotionIds: string[], buyer: object = { customerId: uuidv7() }) => ({
  checkoutId: uuidv7(),
  attempt: 1,
  promotionIds,
  ...buyer,
})
export const undoing = ({ checkoutId, attempt }: { checkoutId: string; attempt: number }) => ({ checkoutId, attempt })
export const okOf = (answers: { ok: boolean }[]) => answers.filter(({ ok }) => ok).length

/** Promotions of a shop, and what checkouts do with them. */
export function usesIn({ shop, db }: Pick<Awaited<ReturnType<typeof openShop>>, 'shop' | 'db'>) {
  const orders = aService('orders')
  const promote = async (values: Partial<typeof promotions.$inferInsert> = {}): Promise<string> => {
    const [row] = await db()
      .insert(promotions)
      .values({
        name: 'Free shipping',
        kind: 'FREE_SHIPPING',
        isActive: true,
        createdAt: new Date(),
        updatedAt: new Date(),
        ...values,
      })
      .returning()
    return row!.id
  }
  async function command(field: 'promotionUsageReserve' | 'promotionUsageRelease', input: object) {
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
    const document = `mutation ($input: ${type}) { ${field}(input: $input) { ok isReplay userErrors { code field } } }`
    return (await shop.ask('cart', orders, document, { input: { idempotencyKey: uuidv7(), ...input } }))[field]
  }
  const reserve = (input: object) => command('promotionUsageReserve', input)
  const release = (input: object) => command('promotionUsageRelease', input)
  const used = async (id: string): Promise<number> => {
    const rows = await db().select().from(promotions)
    return rows.find((row) => row.id === id)!.usageCount
  }
  return { promote, reserve, release, used }
}
