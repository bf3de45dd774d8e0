import { GraphQLError, type ValidationRule } from 'graphql'

/** Names that begin with two underscores are GraphQL's own; as an alias they would stand in the way of the engine's. */
export const reservedNames: ValidationRule = (context) => ({
  Field({ alias, name }) {
    if (!alias?.value.startsWith('__') || alias.value === name.value) return
    context.reportError(
      new GraphQLError(`The alias "${alias.value}" is reserved: it begins with "__".`, { nodes: alias }),
    )
  },
})
