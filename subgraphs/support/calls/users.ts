import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { RolesOfQuery, RolesOfQueryVariables } from './users.generated.ts'

const ROLES_OF = operation<RolesOfQuery, RolesOfQueryVariables>(
  'users',
  /* GraphQL */ `
    query RolesOf($id: ID!) {
      user(id: $id) {
        roles
      }
    }
  `,
)

/** Whether somebody answers tickets. Asked for an agent, who may see people's roles. */
export async function answersTickets({ call }: Pick<Context, 'call'>, userId: string): Promise<boolean> {
  const roles = (await call(ROLES_OF, { id: userId })).user?.roles ?? []
  return roles.includes('SUPPORT_AGENT') || roles.includes('ADMIN')
}
