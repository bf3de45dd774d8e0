import type { Config } from '#platform/config.ts'
import { toDecimal, type Money } from '#platform/money.ts'

/** A mail without its recipient. */
export interface Letter {
  subject: string
  text: string
  html: string
}

/** A link of the shop's pages that carries `token`, as mails do. */
export function linkTo({ PUBLIC_URL }: Pick<Config, 'PUBLIC_URL'>, page: string, token: string): string {
  const url = new URL(page, PUBLIC_URL.endsWith('/') ? PUBLIC_URL : `${PUBLIC_URL}/`)
  url.searchParams.set('token', token)
  return url.href
}

/** Asks for the confirmation of an e-mail address. */
export const confirmation = (link: string): Letter =>
  letter('Confirm your e-mail address', [
    'Welcome! Confirm your e-mail address by opening this link within 24 hours:',
    link,
    'If you did not open an account with us, ignore this mail.',
  ])

/** Tells what was ordered. `link` opens a guest's session again; null for an account. */
export const orderConfirmation = (order: {
  number: string
  lines: readonly { title: string; quantity: number }[]
  total: Money
  link: string | null
}): Letter =>
  letter(`Your order ${order.number}`, [
    `Thank you for your order ${order.number}.`,
    ...order.lines.map(({ title, quantity }) => `${quantity} × ${title}`),
    `Total: ${toDecimal(order.total)} ${order.total.currency}`,
    ...(order.link ? ['Open this link to see how it goes on:', order.link] : []),
  ])

// Paragraphs; one that is a link becomes one.
function letter(subject: string, paragraphs: readonly string[]): Letter {
  const html = paragraphs.map((text) => {
    const safe = escape(text)
    return `<p>${/^https?:/.test(text) ? `<a href="${safe}">${safe}</a>` : safe}</p>`
  })
  return { subject, text: `${paragraphs.join('\n\n')}\n`, html: html.join('\n') }
}

/** Text as HTML shows it. */
export const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
