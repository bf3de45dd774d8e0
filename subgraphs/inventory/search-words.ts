/** At most this many words of a query count. */
const MAX_WORDS = 10

/**
 * Text without case, accents and ways to write a letter or digit, as it is kept and looked for: `Größe` → `grosse`, `ﬁg` →
 * `fig`. Signs are no letters, though some look like them (`™`) and PostgreSQL takes those beyond ASCII for letters where
 * the locale is C: each becomes a space, so that it parts words as it does in a query.
 */
export const fold = (text: string): string =>
  text
    .replace(/[\p{L}\p{Nd}]/gu, (letter) => letter.normalize('NFKD'))
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}\p{ASCII}]/gu, ' ')

/** The words of a text, folded, each once. */
export const wordsIn = (text: string): string[] => [...new Set(fold(text).match(/[\p{L}\p{N}]+/gu))]

/** The words that a query asks for. */
export const askedWords = (query: string): string[] => wordsIn(query).slice(0, MAX_WORDS)

/** How PostgreSQL is asked for all of these words, each also as the beginning of a longer one. */
export const tsqueryOf = (words: readonly string[]): string => words.map((word) => `${word}:*`).join(' & ')

/** What a product is found by, in four weights: a match in the name counts most, one in the description least. */
export function documentOf(
  product: { name: string; description: string | null; brand: string | null; tags: readonly string[] },
  about: { categories: readonly string[]; options: readonly { values: readonly string[] }[] },
): { weighted: readonly [name: string, brand: string, words: string, body: string]; words: string } {
  const choices = about.options.flatMap(({ values }) => values)
  const words = [...product.tags, ...about.categories, ...choices]
  return {
    weighted: [fold(product.name), fold(product.brand ?? ''), fold(words.join(' ')), fold(product.description ?? '')],
    words: wordsIn([product.name, product.brand, ...words].join(' ')).join(' '),
  }
}

/** How many mistakes are forgiven: one in a short word, two from six letters on. With one, two letters are any two. */
const forgiven = (word: string): number => (word.length < 3 ? 0 : word.length < 6 ? 1 : 2)

/** The word that was meant: the one with the fewest mistakes, of equals the first. Null when all are too far off. */
export function meant(word: string, candidates: readonly string[]): string | null {
  const mistakes = candidates.map((candidate) => distance(word, candidate))
  const fewest = Math.min(...mistakes)
  return fewest <= forgiven(word) ? candidates[mistakes.indexOf(fewest)]! : null
}

/** Letters left out, added, changed, or swapped with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= a.length; row += 1) {
    const next = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      next[column] = Math.min(
        last[column]! + 1,
        next[column - 1]! + 1,
        last[column - 1]! + (isSame ? 0 : 1),
        isSwapped ? before[column - 2]! + 1 : Infinity,
      )
    }
    ;[before, last] = [last, next]
  }
  return last[b.length]!
}
