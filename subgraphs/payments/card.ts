/** A card as typed in, checked. Never stored or logged. */
export interface Card {
  /** 12 to 19 digits. */
  cardNumber: string
  expiryMonth: number
  /** Four digits. */
  expiryYear: number
  cvc: string
  holderName?: string | null | undefined
}

export interface CardProblem {
  field: keyof Card
  code: 'INVALID' | 'REQUIRED'
  message: string
}

const MAX_HOLDER_NAME = 200

/** The digits alone: people type a number in groups. */
export const digitsOf = (cardNumber: string): string => cardNumber.replace(/\s/g, '')

/** Everything that is wrong with a card, all at once. No message repeats what was typed in. */
export function cardProblems(card: Card, now: Date): CardProblem[] {
  const problems: CardProblem[] = []
  const add = (field: keyof Card, message: string, code: CardProblem['code'] = 'INVALID') =>
    problems.push({ field, code, message })
  const digits = digitsOf(card.cardNumber)
  const brand = brandOf(digits)
  const hasMonth = card.expiryMonth >= 1 && card.expiryMonth <= 12
  const hasYear = card.expiryYear >= 1000 && card.expiryYear <= 9999

  if (digits === '') add('cardNumber', 'A card has a number.', 'REQUIRED')
  else if (!/^\d{12,19}$/.test(digits)) add('cardNumber', 'A card number has 12 to 19 digits.')
  else if (!passesLuhn(digits)) add('cardNumber', 'This card number does not exist. Check its digits.')

  if (!hasMonth) add('expiryMonth', 'A month is a number from 1 to 12.')
  if (!hasYear) add('expiryYear', 'A year has four digits.')
  if (hasMonth && hasYear && isExpired(card, now)) {
    add(card.expiryYear < now.getUTCFullYear() ? 'expiryYear' : 'expiryMonth', 'This card has expired.')
  }

  if (card.cvc === '') add('cvc', 'A card has a security code.', 'REQUIRED')
  else if (!(brand === 'amex' ? /^\d{4}$/ : /^\d{3,4}$/).test(card.cvc)) {
    add('cvc', brand === 'amex' ? 'The security code has 4 digits.' : 'The security code has 3 or 4 digits.')
  }
  if ((card.holderName ?? '').length > MAX_HOLDER_NAME) {
    add('holderName', `A name has at most ${MAX_HOLDER_NAME} characters.`)
  }
  return problems
}

/** Whether the card's last month (UTC) is over. */
export function isExpired({ expiryMonth, expiryYear }: Pick<Card, 'expiryMonth' | 'expiryYear'>, now: Date): boolean {
  return now.getTime() >= Date.UTC(expiryYear, expiryMonth)
}

/** The check digit of ISO/IEC 7812-1. */
export function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    const weighted = index % 2 === 1 ? digit * 2 : digit
    sum += weighted > 9 ? weighted - 9 : weighted
  }
  return sum % 10 === 0
}

// Leading digits that card networks have been given, as inclusive ranges. A longer one goes before a shorter.
const prefixes: readonly (readonly [brand: string, from: number, to: number])[] = [
  ['discover', 6011, 6011],
  ['mastercard', 2221, 2720],
  ['jcb', 3528, 3589],
  ['discover', 644, 649],
  ['diners', 300, 305],
  ['amex', 34, 34],
  ['amex', 37, 37],
  ['diners', 36, 36],
  ['diners', 38, 39],
  ['mastercard', 51, 55],
  ['unionpay', 62, 62],
  ['discover', 65, 65],
  ['visa', 4, 4],
]

/** The network by the number's leading digits, such as `visa`; null when not known. */
export function brandOf(digits: string): string | null {
  const found = prefixes.find(([, from, to]) => {
    const leading = Number(digits.slice(0, String(from).length))
    return leading >= from && leading <= to
  })
  return found?.[0] ?? null
}

/** What a saved card's token is sealed about: it opens for no other card. */
export const sealedAs = (methodId: string): string => `card-token ${methodId}`
