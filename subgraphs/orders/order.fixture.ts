import { uuidv7 } from '#platform/ids.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { orderLines, orders } from './tables.ts'

/** An order of two lines by `owner`, as a checkout would leave it. */
export async function anOrder(
  shop: Parts,
  owner: { kind: 'guest' | 'user'; id: string },
  set: Partial<typeof orders.$inferInsert> = {},
) {
  const { db } = shop.part('orders').ownContext()
  const at = new Date()
  const id = uuidv7()
  const amounts = { subtotalMinor: 3000, discountMinor: 0, shippingMinor: 490, taxMinor: 557, totalMinor: 3490 }
  const [order] = await db
    .insert(orders)
    .values({
      ...amounts,
      id,
      ownerKind: owner.kind,
      ownerId: owner.id,
      number: `T${id.slice(-12)}`,
      status: 'CONFIRMED',
      currency: 'EUR',
      taxLines: [],
      placedAt: at,
      paidAt: at,
      readyAt: at,
      createdAt: at,
      updatedAt: at,
      ...set,
    })
    .returning()
  const line = (position: number, quantity: number, title: string) => ({
    id: uuidv7(),
    orderId: id,
    position,
    quantity,
    title,
    variantId: uuidv7(),
    productId: uuidv7(),
    sku: `SKU-${position}`,
    currency: 'EUR',
    unitPriceMinor: 1000,
    discountMinor: 0,
    taxMinor: 160,
    totalMinor: quantity * 1000,
  })
  const lines = [line(0, 2, 'Teapot'), line(1, 1, 'Kettle')]
  await db.insert(orderLines).values(lines)
  return { order: order!, lines }
}

/** All that a page of an order shows. */
export const ORDER = /* GraphQL */ `
  query ($id: ID, $number: String) {
    order(id: $id, number: $number) {
      id
      number
      status
      customer {
        id
      }
      email
      currencyCode
      lines {
        id
        variant {
          id
        }
        title
        sku
        quantity
        shippedQuantity
        unitPrice {
          amount
          currencyCode
        }
        total {
          amount
        }
      }
      subtotal {
        amount
      }
      discountTotal {
        amount
      }
      shippingTotal {
        amount
      }
      taxLines {
        title
        rate
        amount {
          amount
        }
        isIncludedInPrice
      }
      taxTotal {
        amount
      }
      total {
        amount
        currencyCode
      }
      shippingAddress {
        line1
        location {
          latitude
        }
      }
      deliveryName
      promisedBy
      timeline {
        nodes {
          kind
        }
        totalCount
      }
      placedAt
      version
    }
  }
`
