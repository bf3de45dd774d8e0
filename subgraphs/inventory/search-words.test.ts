import { expect, test } from 'vitest'
import { askedWords, fold, meant, tsqueryOf, wordsIn } from './search-words.ts'

test('case and accents make no difference', () => {
  expect(fold('Rösterei GRÖSSE Größe café')).toBe('rosterei grosse grosse cafe')
})

test('ligatures and wide letters are the letters they stand for', () => {
  expect(fold('ﬁg Ｍｕｇ')).toBe('fig mug')
})

test('a sign that looks like letters is none, so that it is no part of the word before it', () => {
  expect(wordsIn('Baby™ ℝᴬ Mug 3½ ２４')).toEqual(['baby', 'ra', 'mug', '3½', '24'])
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

test('a few mistakes are forgiven, none in a word of two letters', () => {
  expect(meant('linnen', ['women', 'linen'])).toBe('linen')
  expect(meant('mgu', ['mug'])).toBe('mug')
  expect(meant('mgu', ['pan'])).toBeNull()
  expect(meant('xs', ['xl', 's'])).toBeNull()
})
