import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newestPrefix, resealed, seal, unseal } from './sealed.ts'

const secret = 'a secret of thirty-two characters'
const newer = 'another one of thirty-two letters'

test('what was sealed comes back, and looks different each time', () => {
  const text = seal('card_123', 'row-1', secret)
  expect(unseal(text, 'row-1', secret)).toBe('card_123')
  expect(text).toMatch(/^k1\.[0-9a-f]{12}\./)
  expect(text).not.toContain('card_123')
  expect(seal('card_123', 'row-1', secret)).not.toBe(text)
})

test('it opens neither for another row, nor with another secret or key, nor when changed', () => {
  const text = seal('card_123', 'row-1', secret)
  const changed = text.slice(0, -2) + (text.endsWith('AA') ? 'BB' : 'AA')
  expect(() => unseal(text, 'row-2', secret)).toThrow()
  expect(() => unseal(text, 'row-1', newer)).toThrow('not known')
  expect(() => unseal(text.replace('k1', 'k2'), 'row-1', secret)).toThrow('not known')
  expect(() => unseal(changed, 'row-1', secret)).toThrow()
})

describe('a newer secret, named before the older one,', () => {
  const both = `${newer}, ${secret}`

  test('seals from then on, while what the older one has sealed still opens', () => {
    const old = seal('card_123', 'row-1', secret)
    expect(unseal(old, 'row-1', both)).toBe('card_123')
    const text = seal('card_123', 'row-1', both)
    expect(unseal(text, 'row-1', newer)).toBe('card_123')
    expect(() => unseal(text, 'row-1', secret)).toThrow('not known')
  })

  test('takes over what the older one has sealed, once', () => {
    const old = seal('card_123', 'row-1', secret)
    const text = resealed(old, 'row-1', both)!
    expect(text.startsWith(newestPrefix(both))).toBe(true)
    expect(old.startsWith(newestPrefix(both))).toBe(false)
    expect(unseal(text, 'row-1', newer)).toBe('card_123')
    expect(resealed(text, 'row-1', both)).toBeNull()
    expect(() => resealed(old, 'row-2', both)).toThrow()
  })

  test('opens what was sealed before keys had ids', () => {
    const key = Buffer.from(hkdfSync('sha256', secret, '', 'mercato sealed at rest k1', 32))
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from('row-1'))
    const body = Buffer.concat([cipher.update('card_123', 'utf8'), cipher.final()])
    const old = `k1.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
    expect(unseal(old, 'row-1', both)).toBe('card_123')
    expect(unseal(resealed(old, 'row-1', both)!, 'row-1', newer)).toBe('card_123')
    expect(() => unseal(old, 'row-1', newer)).toThrow('not known')
  })
})
