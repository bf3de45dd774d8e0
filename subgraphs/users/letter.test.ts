import { expect, test } from 'vitest'
import { confirmation, linkTo, orderConfirmation } from './letters.ts'

test('a link in a mail begins with the shop’s own address, and its path', () => {
  expect(linkTo({ PUBLIC_URL: 'https://shop.example' }, 'guest', 'a/b')).toBe('https://shop.example/guest?token=a%2Fb')
  expect(linkTo({ PUBLIC_URL: 'https://shop.example/de' }, 'guest', 't')).toBe('https://shop.example/de/guest?token=t')
})

test('only addresses become links: a total does not', () => {
  expect(confirmation('https://shop.example/x').html).toContain('<a href="https://shop.example/x">')
  const total = { amountMinor: 2900, currency: 'EUR' }
  const { html } = orderConfirmation({
    number: '10001',
    lines: [{ title: 'Mug & cup', quantity: 2 }],
    total,
    link: null,
  })
  expect(html).toContain('<p>Total: 29.00 EUR</p>')
  expect(html).toContain('Mug &amp; cup')
  expect(html).not.toContain('<a')
})
