import { isEnumType, type GraphQLLeafType } from 'graphql'

/** The JSON of a leaf that is not null; undefined when it is no value of its type. */
export type WriteLeaf = (value: unknown) => string | undefined

/** How values of a scalar or enum are written. What the public schema hides of an enum is no value of it. */
export function leafWriter(type: GraphQLLeafType): WriteLeaf {
  if (isEnumType(type)) {
    const texts = new Map(type.getValues().map(({ name }) => [name, JSON.stringify(name)]))
    return (value) => texts.get(value as string)
  }
  const serialized: WriteLeaf = (value) => {
    try {
      return JSON.stringify(type.serialize(value))
    } catch {
      return undefined
    }
  }
  switch (type.name) {
    case 'String':
    case 'ID':
      return (value) => (typeof value === 'string' ? quote(value) : serialized(value))
    case 'Boolean':
      return (value) => (typeof value === 'boolean' ? String(value) : serialized(value))
    case 'Int':
      return (value) => (value === (Number(value) | 0) ? String(value) : serialized(value))
    default:
      return serialized
  }
}

// Beyond this length JSON.stringify, which looks at many characters at once, is the faster one.
const SHORT = 40

/** A string as JSON. */
export function quote(text: string): string {
  if (text.length > SHORT) return JSON.stringify(text)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    // Control characters, quote, backslash, and surrogates, of which a lone one must be escaped.
    if (code < 32 || code === 34 || code === 92 || (code >= 0xd800 && code <= 0xdfff)) return JSON.stringify(text)
  }
  return `"${text}"`
}
