import type { Sql } from 'postgres'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { User } from '#platform/viewer.ts'
import { subgraphNames } from '../../subgraphs/all.ts'
import { buyingAt } from '../../subgraphs/orders/buying.fixture.ts'
import type { Parts } from '../setup/parts.ts'
import type { Values } from './schema-walk.ts'

const ALICE = demoId('user/alice')
const buyable = demoId('variant/MUG-STONE-GRY')

const statements = new WeakMap<Sql, string>()

async function rows(sql: Sql): Promise<{ of: string; row: Record<string, unknown> }[]> {
  let statement = statements.get(sql)
  if (!statement) {
    const tables = await sql<{ schema: string; table: string }[]>`
      select table_schema as schema, table_name as table from information_schema.tables
      where table_schema in ${sql([...subgraphNames, 'events'])}`
    statement = tables
      .map(({ schema, table }) => `select '${schema}.${table}' as of, to_jsonb(t) as row from ${schema}."${table}" t`)
      .join(' union all ')
    statements.set(sql, statement)
  }
  return await sql.unsafe(statement)
}

/** Every row of every part, as text, that has `pattern` in it. */
export async function everyRow(sql: Sql, pattern: RegExp): Promise<Set<string>> {
  const texts = (await rows(sql)).map(({ of, row }) => `${of} ${JSON.stringify(row)}`)
  return new Set(texts.filter((text) => pattern.test(text)))
}

/** The ids of all rows that belong to Alice, directly or through another, and what stands in no other row. */
export async function rowsOfAlice(sql: Sql): Promise<{ ids: Set<string>; secrets: string[] }> {
  // Reviews and what is sold are for everybody to see; what somebody holds, wants and owns is not.
  const isPublic = ({ of }: { of: string }) =>
    of.startsWith('inventory.') && !/\.(reservation|wishlist|customer_item|restock_wish)/.test(of)
  const all = (await rows(sql)).map((each) => ({ ...each, text: JSON.stringify(each.row), isPublic: isPublic(each) }))
  const ids = new Set([ALICE])
  const mine = new Set<(typeof all)[number]>()
  for (let size = -1; size !== mine.size;) {
    size = mine.size
    const pattern = new RegExp([...ids].join('|'))
    for (const each of all) {
      if (each.isPublic || mine.has(each) || !pattern.test(each.text)) continue
      mine.add(each)
      if (typeof each.row.id === 'string') ids.add(each.row.id)
    }
  }
  // A display name is what others may know somebody by.
  const elsewhere = all
    .map((each) => (mine.has(each) ? JSON.stringify(each.row.displayName ?? '') : each.text))
    .join('\n')
  const strings = [...ids, ...[...mine].flatMap(({ row }) => leaves(row))]
  return { ids, secrets: [...new Set(strings)].filter((text) => !elsewhere.includes(JSON.stringify(text))) }
}

// Words that say something: ids, addresses, numbers, sentences; neither states nor times.
function leaves(value: unknown): string[] {
  if (typeof value === 'object' && value) return Object.values(value).flatMap(leaves)
  if (typeof value !== 'string') return []
  const says = value.length >= 8 && /[\d@ ]/.test(value) && !/^\d{4}-\d\d-\d\d/.test(value)
  return says ? [value] : []
}

/** What the seed leaves out: a cart under way to the till, a shared parcel, a signed-in session, a return. */
export async function fillAlicesCupboard(shop: Parts, alice: User): Promise<void> {
  await buyingAt(shop).checkoutOf(alice)
  const share = `mutation ($shipmentId: ID!) {
    trackingShareCreate(input: { shipmentId: $shipmentId }) { userErrors { code } }
  }`
  await shop.ask('delivery', alice, share, { shipmentId: demoId('shipment/alice-in-transit') })
  const signIn = `mutation { sessionCreate(input: { email: "alice@example.com", password: "password123" }) {
    userErrors { code }
  } }`
  await shop.ask('users', { kind: 'anonymous' }, signIn)
  const sendBack = `mutation ($orderId: ID!, $lineId: ID!, $key: String!) { returnCreate(input: {
    orderId: $orderId, lines: [{ lineId: $lineId, quantity: 1 }], reason: DAMAGED, note: "It has a hole in it."
    idempotencyKey: $key
  }) { userErrors { code } } }`
  await shop.ask('orders', alice, sendBack, {
    orderId: demoId('order/alice-delivered'),
    lineId: demoId('order-line/alice-delivered-1'),
    key: uuidv7(),
  })
}

type Row = Record<string, string>

export async function idsOfAlice(sql: Sql): Promise<Row> {
  const [row] = await sql<Row[]>`
    select c.id as cart, l.id as line, c.owner_id as user, s.id as session, k.id as checkout, p.id as payment,
      p.order_id as order, o.number as order_number, m.id as method, ol.id as order_line, sh.id as shipment,
      sh.tracking_number, t.id as ticket, w.id as message, a.id as address, r.id as return,
      ci.id as item, rv.id as review
    from cart.carts c
      join cart.cart_lines l on l.cart_id = c.id
      join inventory.customer_items ci on ci.user_id = c.owner_id
      join inventory.reviews rv on rv.author_id = c.owner_id
      join users.sessions s on s.owner_id = c.owner_id
      join users.addresses a on a.user_id = c.owner_id
      join orders.checkouts k on k.cart_id = c.id
      join payments.payment_methods m on m.user_id = c.owner_id
      join payments.payments p on p.owner_id = c.owner_id and p.order_id = ${demoId('order/alice-in-transit')}
      join orders.orders o on o.id = p.order_id
      join orders.order_lines ol on ol.order_id = o.id
      join delivery.shipments sh on sh.order_id = o.id
      join support.tickets t on t.requester_id = c.owner_id
      join support.messages w on w.ticket_id = t.id and w.author_id = c.owner_id
      join orders.returns r on r.order_id = ${demoId('order/alice-delivered')}
    where c.owner_id = ${ALICE}
    limit 1`
  return row!
}

export const valuesFrom = (row: Row): Values => ({
  id: row.user,
  'cart.id': row.cart,
  'checkout.id': row.checkout,
  'order.id': row.order,
  'payment.id': row.payment,
  'shipment.id': row.shipment,
  'ticket.id': row.ticket,
  'addressUpdate.id': row.address,
  'addressDelete.id': row.address,
  'customerItem.id': row.item,
  'reviewUpdate.id': row.review,
  'reviewDelete.id': row.review,
  'reviewModerate.id': row.review,
  'paymentMethodSetDefault.id': row.method,
  'paymentMethodDelete.id': row.method,
  'returnCancel.id': row.return,
  'returnApprove.id': row.return,
  'returnDecline.id': row.return,
  'returnReceive.id': row.return,
  'messageEdit.id': row.message,
  'product.id': demoId('product/linen-tee'),
  'productVariant.id': buyable,
  'category.id': demoId('category/clothing'),
  'courierUpsert.id': demoId('courier/clara'),
  'shipmentAssign.courierId': demoId('courier/clara'),
  userId: row.user,
  customerId: row.user,
  guestId: row.user,
  assigneeId: row.user,
  sessionId: row.session,
  cartId: row.cart,
  lineId: row.line,
  lineIds: row.line,
  checkoutId: row.checkout,
  orderId: row.order,
  paymentId: row.payment,
  paymentMethodId: row.method,
  shipmentId: row.shipment,
  returnId: row.return,
  ticketId: row.ticket,
  productId: demoId('product/linen-tee'),
  variantId: buyable,
  variantIds: buyable,
  ids: buyable,
  locationId: demoId('location/berlin'),
  fromLocationId: demoId('location/berlin'),
  toLocationId: demoId('location/hamburg'),
  reference: row.shipment,
  promotionIds: uuidv7(),
  'promotionUpsert.name': 'An offer',
  'taxRateUpsert.taxCategory': 'standard',
  'taxRateUpsert.rate': '0.19',
  codes: 'SPRING',
  optionId: demoId('shipping-method/express'),
  categoryId: demoId('category/clothing'),
  parentId: demoId('category/clothing'),
  email: 'alice@example.com',
  password: 'not-her-password-1',
  token: 'no such token',
  refreshToken: 'no such token',
  idempotencyKey: uuidv7(),
  clientMessageId: uuidv7(),
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-12-31T00:00:00.000Z',
  countryCode: 'DE',
  line1: 'Große Bergstraße 160',
  city: 'Berlin',
  amount: '1.00',
  currencyCode: 'EUR',
  cardNumber: '4242424242424242',
  cvc: '123',
  expiryMonth: 12,
  expiryYear: new Date().getUTCFullYear() + 2,
  holderName: 'Bob Brandt',
  query: 'mug',
  // Of an asset that is not known nobody outside is asked.
  symbol: 'NONE',
  name: 'Mug',
  sku: 'MUG-NEW',
  subject: 'About it',
  body: 'Tell me about it.',
  instructions: 'Leave it with me.',
  reason: 'because',
  outcome: 'NOBODY_HOME',
  displayName: 'Clara W.',
  recordedAt: new Date().toISOString(),
})

export const keysFrom = (row: Row): Record<string, readonly Values[]> => ({
  User: [{ id: row.user }],
  Cart: [{ id: row.cart }],
  Order: [{ id: row.order }, { number: row.orderNumber }],
  OrderLine: [{ id: row.orderLine }],
  ReturnRequest: [{ id: row.return }],
  Checkout: [{ id: row.checkout }],
  Payment: [{ id: row.payment }],
  PaymentMethod: [{ id: row.method }],
  Shipment: [{ id: row.shipment }, { trackingNumber: row.trackingNumber }],
  Ticket: [{ id: row.ticket }],
  AdminDashboard: [{ from: '2026-01-01T00:00:00.000Z', to: '2026-12-31T00:00:00.000Z' }],
  Courier: [{ id: demoId('courier/clara') }],
})
