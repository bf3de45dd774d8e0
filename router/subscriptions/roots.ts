import { Kind, type DirectiveNode, type GraphQLSchema } from 'graphql'

/** What a field of Subscription promises about its events, by its tags. */
export interface RootPromises {
  /**
   * `live-only`: no first state and no replay, so whoever comes later misses nothing that was meant for them. Its events
   * are the same for all who may subscribe.
   */
  isLiveOnly: boolean
  /**
   * `latest-wins`: of several events about one thing, by its `id`, that wait for a slow reader only the newest matters.
   * Events that do not tell the `id` are kept like any others.
   */
  isLatestWins: boolean
}

/** Promises of all subscription fields, by field name. */
export type Roots = ReadonlyMap<string, RootPromises>

/** @param schema the supergraph's own, whose definitions still have their tags */
export function subscriptionRoots(schema: GraphQLSchema): Roots {
  const fields = Object.values(schema.getSubscriptionType()?.getFields() ?? {})
  return new Map(
    fields.map(({ name, astNode }) => {
      const tags = (astNode?.directives ?? []).map(tagOf)
      return [name, { isLiveOnly: tags.includes('live-only'), isLatestWins: tags.includes('latest-wins') }]
    }),
  )
}

function tagOf({ name, arguments: args }: DirectiveNode): string | null {
  const value = args?.find((argument) => argument.name.value === 'name')?.value
  return name.value === 'tag' && value?.kind === Kind.STRING ? value.value : null
}
