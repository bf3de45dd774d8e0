import { expect, test } from 'vitest'
import { decrypt, encrypt } from './cipher.ts'

const secret = 'a secret of thirty-two characters'

test('what was encrypted comes back, and looks different each time', () => {
  const text = encrypt('card_123', secret, 'row-1')
  expect(decrypt(text, secret, 'row-1')).toBe('card_123')
  expect(text).toMatch(/^k1\./)
  expect(text).not.toContain('card_123')
  expect(encrypt('card_123', secret, 'row-1')).not.toBe(text)
})

test('it decrypts neither for another row, nor with another secret or key, nor when changed', () => {
  const text = encrypt('card_123', secret, 'row-1')
  const changed = text.slice(0, -2) + (text.endsWith('AA') ? 'BB' : 'AA')
  expect(() => decrypt(text, secret, 'row-2')).toThrow()
  expect(() => decrypt(text, `${secret}!`, 'row-1')).toThrow()
  expect(() => decrypt(text.replace('k1', 'k2'), secret, 'row-1')).toThrow('not known')
  expect(() => decrypt(changed, secret, 'row-1')).toThrow()
})
