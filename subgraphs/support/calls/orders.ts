import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { OwnOrderQuery, OwnOrderQueryVariables } from './orders.generated.ts'

const OWN_ORDER = operation<OwnOrderQuery, OwnOrderQueryVariables>(
  'orders',
  /* GraphQL */ `
    query OwnOrder($id: ID!) {
      order(id: $id) {
        id
      }
    }
  `,
)

/** Whether there is such an order and the viewer may see it. */
export async function hasOrder({ call }: Pick<Context, 'call'>, id: string): Promise<boolean> {
  return (await call(OWN_ORDER, { id })).order !== null
}
