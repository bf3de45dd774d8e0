import { expect, test } from 'vitest'
import { askedWords, fold, tsqueryOf, wordsIn } from './search-words.ts'

test('case and accents make no difference', () => {
  expect(fold('Rösterei GRÖSSE Größe café')).toBe('rosterei grosse grosse cafe')
})

test('words are what letters and digits make, each once', () => {
  expect(wordsIn("T-Shirt, t-shirt & 'mug' 24 cm")).toEqual(['t', 'shirt', 'mug', '24', 'cm'])
})

test('nothing typed can be an operator of the query language', () => {
  expect(tsqueryOf(askedWords("a' | !(b):* <-> \\"))).toBe('a:* & b:*')
})

test('only the first ten words count', () => {
  expect(askedWords('1 2 3 4 5 6 7 8 9 10 11 12')).toHaveLength(10)
})
