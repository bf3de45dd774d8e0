/** At most this many words of a query count. */
const MAX_WORDS = 10

/** Text without case and accents, as it is kept and looked for: `Größe` → `grosse`. */
export const fold = (text: string): string =>
  text.toLowerCase().replaceAll('ß', 'ss').normalize('NFD').replace(/\p{M}/gu, '')

/** The words of a text, folded, each once. */
export const wordsIn = (text: string): string[] => [...new Set(fold(text).match(/[\p{L}\p{N}]+/gu))]

/** The words that a query asks for. */
export const askedWords = (query: string): string[] => wordsIn(query).slice(0, MAX_WORDS)

/** How PostgreSQL is asked for all of these words, each also as the beginning of a longer one. */
export const tsqueryOf = (words: readonly string[]): string => words.map((word) => `${word}:*`).join(' & ')

/** What a product is found by. */
export function documentOf(
  product: { name: string; description: string | null; brand: string | null; tags: readonly string[] },
  about: { categories: readonly string[]; options: readonly { values: readonly string[] }[] },
): { name: string; brand: string; words: string; body: string } {
  const choices = about.options.flatMap(({ values }) => values)
  return {
    name: fold(product.name),
    brand: fold(product.brand ?? ''),
    words: wordsIn([...product.tags, ...about.categories, ...choices].join(' ')).join(' '),
    body: fold(product.description ?? ''),
  }
}
