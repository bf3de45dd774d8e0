import { Kind, print, valueFromASTUntyped, visit, type DirectiveNode, type DocumentNode } from 'graphql'

export interface Link {
  /** URL of the feature without its version, such as `https://specs.apollo.dev/authenticated`. */
  identity: string
  as?: string
  imports: readonly { name: string; as: string }[]
}

const isLink = ({ name }: DirectiveNode): boolean => name.value === 'link'

const argument = ({ arguments: args }: DirectiveNode, name: string): unknown => {
  const value = args?.find((arg) => arg.name.value === name)?.value
  return value && valueFromASTUntyped(value)
}

function linkOf(directive: DirectiveNode): Link {
  const as = argument(directive, 'as')
  const imports = argument(directive, 'import')
  return {
    identity: identityOf(directive),
    ...(typeof as === 'string' ? { as } : {}),
    imports: (Array.isArray(imports) ? imports : []).map((imported: unknown) => {
      if (typeof imported === 'string') return { name: imported, as: imported }
      const { name, as: renamed } = Object(imported)
      return { name: String(name), as: String(renamed ?? name) }
    }),
  }
}

const identityOf = (directive: DirectiveNode): string => String(argument(directive, 'url')).replace(/\/v[\d.]+\/?$/, '')

/** The features that a supergraph's schema links. */
export function links(document: DocumentNode): Link[] {
  return document.definitions.flatMap((definition) =>
    definition.kind === Kind.SCHEMA_DEFINITION || definition.kind === Kind.SCHEMA_EXTENSION
      ? (definition.directives ?? []).filter(isLink).map(linkOf)
      : [],
  )
}

/** What a directive of a linked feature is called in this supergraph, or null when the feature is not linked. */
export function directiveName(document: DocumentNode, feature: string): string | null {
  const link = links(document).find(({ identity }) => identity === `https://specs.apollo.dev/${feature}`)
  if (!link) return null
  return link.imports.find(({ name }) => name === `@${feature}`)?.as.slice(1) ?? link.as ?? feature
}

/**
 * The SDL with `for: SECURITY` taken from the links of the directives that this router enforces itself. ApolloGateway,
 * which does not know them, would refuse the supergraph; without the whole link it would publish their definitions.
 */
export function withoutSecurityPurpose(document: DocumentNode): string {
  return print(
    visit(document, {
      Directive(directive) {
        if (!isLink(directive) || !/\/(authenticated|requiresScopes)$/.test(identityOf(directive))) return undefined
        return { ...directive, arguments: directive.arguments?.filter(({ name }) => name.value !== 'for') }
      },
    }),
  )
}
