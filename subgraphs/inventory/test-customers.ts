import type { Fact } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import type { Owner, Viewer } from '#platform/viewer.ts'
import type { SubgraphName } from '../all.ts'
import { OrderDelivered } from '../orders/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { staffWith } from '../../tests/setup/viewers.ts'
import { reactions } from './reactions.ts'
import { seed } from './seed.ts'

// What the specifications of customers' things have in common: the demo shop, and ways to ask it.

export const keeper = staffWith('inventory:read', 'inventory:manage')

/** A mutation of one input. */
export const mutation = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) {
    ${name}(input: $input) { ${fields} userErrors { code field } } }`

/** The demo shop, with other parts beside it. */
export async function openShop(...others: SubgraphName[]) {
  const shop = await openParts(['inventory', ...others])
  const ownContext = () => shop.part('inventory').ownContext()
  await seed(ownContext())

  const run = async (viewer: Viewer, query: string, input: object) =>
    Object.values(await shop.ask('inventory', viewer, query, { input }))[0]

  /** Fields of a user that stand in this part. */
  const user = async (viewer: Viewer, id: string, fields: string) => {
    const USER = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on User { ${fields} } } }`
    return (await shop.ask('inventory', viewer, USER, { of: [{ __typename: 'User', id }] }))._entities[0]
  }

  /** Has this part hear of a fact. */
  const hear = async <T>({ name, version }: Fact<T>, owner: Owner, data: T, entityId = uuidv7()) => {
    const told = { eventId: uuidv7(), requestId: uuidv7(), entityVersion: 1, occurredAt: '2030-01-01T00:00:00.000Z' }
    const reaction = reactions.find(({ fact }) => fact.name === name)
    await reaction!.handle(ownContext(), { ...told, name, version, owner, entityId, data })
  }
  /** Has this part hear that an order of one variant was delivered. Returns the line. */
  const deliver = async (owner: Owner, productId: string, variantId: string, orderLineId = uuidv7()) => {
    const line = { orderLineId, variantId, productId, title: 'It', sku: 'IT', quantity: 1 }
    await hear(OrderDelivered, owner, { lines: [line] })
    return orderLineId
  }
  const claim = (guestId: string, userId: string) =>
    hear(GuestClaimed, { kind: 'user', id: userId }, { guestId, userId, cartMergeStrategy: 'SUM_QUANTITIES' }, guestId)

  return { hear, deliver, claim, shop, ownContext, db: ownContext().db, run, user }
}
