import { describe, expect, test } from 'vitest'
import { mergedLines } from './claim.ts'
import { aLine } from './pricing.fixture.ts'

const listed = (lines: readonly { sku: string; quantity: number; reason?: string }[]) =>
  lines.map(({ sku, quantity, reason }) => [quantity, sku, reason].filter(Boolean).join(' '))

describe("a guest's lines added to an account's", () => {
  const account = [aLine('tee', { quantity: 2 }), aLine('mug'), aLine('pen', { quantity: 3 })]
  const guest = [aLine('mug', { quantity: 4 }), aLine('bag'), aLine('pen', { quantity: 3 })]

  test.each([
    ['SUM_QUANTITIES', ['2 tee', '5 mug', '6 pen', '1 bag'], []],
    ['PREFER_GUEST', ['2 tee', '4 mug', '3 pen', '1 bag'], ['1 mug OTHER_CART_CHOSEN']],
    ['PREFER_ACCOUNT', ['2 tee', '1 mug', '3 pen', '1 bag'], ['4 mug OTHER_CART_CHOSEN']],
    ['REPLACE_WITH_GUEST', ['4 mug', '1 bag', '3 pen'], ['2 tee OTHER_CART_CHOSEN', '1 mug OTHER_CART_CHOSEN']],
  ] as const)('%s', (strategy, expected, untaken) => {
    const { lines, leftOut } = mergedLines(account, guest, strategy)
    expect(listed(lines)).toEqual(expected)
    expect(listed(leftOut)).toEqual(untaken)
  })

  test('lines beyond 100 are left out, the guest’s last ones', () => {
    const many = (name: string, count: number) => Array.from({ length: count }, (_, index) => aLine(`${name}-${index}`))
    for (const strategy of ['SUM_QUANTITIES', 'PREFER_GUEST', 'PREFER_ACCOUNT'] as const) {
      const { lines, leftOut } = mergedLines(many('own', 60), many('guest', 42), strategy)
      expect(lines).toHaveLength(100)
      expect(lines.at(-1)?.sku).toBe('guest-39')
      expect(listed(leftOut)).toEqual(['1 guest-40 CART_FULL', '1 guest-41 CART_FULL'])
    }
  })
})
