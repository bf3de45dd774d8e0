import { expect, test } from 'vitest'
import { seal, unseal } from './sealed.ts'

const secret = 'a secret of thirty-two characters'

test('what was sealed comes back, and looks different each time', () => {
  const text = seal('card_123', 'row-1', secret)
  expect(unseal(text, 'row-1', secret)).toBe('card_123')
  expect(text).toMatch(/^k1\./)
  expect(text).not.toContain('card_123')
  expect(seal('card_123', 'row-1', secret)).not.toBe(text)
})

test('it opens neither for another row, nor with another secret or key, nor when changed', () => {
  const text = seal('card_123', 'row-1', secret)
  const changed = text.slice(0, -2) + (text.endsWith('AA') ? 'BB' : 'AA')
  expect(() => unseal(text, 'row-2', secret)).toThrow()
  expect(() => unseal(text, 'row-1', `${secret}!`)).toThrow()
  expect(() => unseal(text.replace('k1', 'k2'), 'row-1', secret)).toThrow('not known')
  expect(() => unseal(changed, 'row-1', secret)).toThrow()
})
