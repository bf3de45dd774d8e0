import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { CartMergeMutation, CartMergeMutationVariables } from './cart.generated.ts'

const MERGE = operation<CartMergeMutation, CartMergeMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation CartMerge($input: CartMergeInput!) {
      cartMerge(input: $input) {
        userErrors {
          code
        }
      }
    }
  `,
)

type Strategy = CartMergeMutationVariables['input']['strategy']

/**
 * Adds a guest's cart to an account's. A guest without a cart, or one whose checkout is completing, is left to the fact
 * GuestClaimed. @throws CodedError when cart cannot be reached.
 */
export async function mergeCart(
  { call }: Pick<Context, 'call'>,
  { guestId, userId, strategy }: { guestId: string; userId: string; strategy: Strategy },
): Promise<void> {
  await call(MERGE, { input: { guestId, userId, strategy, idempotencyKey: `claim:${guestId}` } })
}
