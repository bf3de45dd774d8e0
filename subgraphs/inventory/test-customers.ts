import type { Viewer } from '#platform/viewer.ts'
import type { SubgraphName } from '../all.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { staffWith } from '../../tests/setup/viewers.ts'
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

  return { shop, ownContext, db: ownContext().db, run, user }
}
