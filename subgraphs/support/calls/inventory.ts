import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { KnownProductQuery, KnownProductQueryVariables } from './inventory.generated.ts'

const KNOWN_PRODUCT = operation<KnownProductQuery, KnownProductQueryVariables>(
  'inventory',
  /* GraphQL */ `
    query KnownProduct($id: ID!) {
      product(id: $id) {
        id
      }
    }
  `,
)

/** Whether there is such a product and the viewer may see it. */
export async function hasProduct({ call }: Pick<Context, 'call'>, id: string): Promise<boolean> {
  return (await call(KNOWN_PRODUCT, { id })).product !== null
}
