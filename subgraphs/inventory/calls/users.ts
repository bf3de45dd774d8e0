import { operation, rejectOutage } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { KnownAccountQuery, KnownAccountQueryVariables } from './users.generated.ts'

const KNOWN_ACCOUNT = operation<KnownAccountQuery, KnownAccountQueryVariables>(
  'users',
  /* GraphQL */ `
    query KnownAccount($representations: [_Any!]!) {
      _entities(representations: $representations) {
        ... on User {
          id
        }
      }
    }
  `,
)

/**
 * Whether there is an account with this id.
 * @throws Rejection UPSTREAM_UNAVAILABLE
 */
export async function hasAccount({ call }: Pick<Context, 'call'>, id: string): Promise<boolean> {
  const { _entities } = await call(KNOWN_ACCOUNT, { representations: [{ __typename: 'User', id }] }).catch(rejectOutage)
  return _entities.some((entity) => entity !== null)
}
