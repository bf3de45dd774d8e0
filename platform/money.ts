/** An amount of money: a safe integer of the currency's minor units, such as cents. */
export interface Money {
  amountMinor: number
  /** ISO 4217 code. */
  currency: string
}

// ISO 4217 itself, because Intl reports what people usually write: no decimals for HUF, IDR or COP, a hundredfold error.
const FRACTION_DIGITS: ReadonlyMap<string, number> = new Map([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3] as const),
  ...'CLF UYW'.split(' ').map((code) => [code, 4] as const),
])

/** Decimals of a currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD. */
export const fractionDigits = (currency: string): number => FRACTION_DIGITS.get(currency) ?? 2

/** The amount in the currency's own precision: `12.99` for EUR, `1299` for JPY. */
export function toDecimal({ amountMinor, currency }: Money): string {
  if (!Number.isSafeInteger(amountMinor)) throw new RangeError(`Not an amount in minor units: ${amountMinor}`)
  const digits = fractionDigits(currency)
  const sign = amountMinor < 0 ? '-' : ''
  const text = String(Math.abs(amountMinor)).padStart(digits + 1, '0')
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/**
 * The exact amount that a `MoneyInput` names. Null when it is not a plain decimal number, has more decimals than the
 * currency, or is beyond what minor units can hold exactly.
 */
export function parseMoney({ amount, currencyCode }: { amount: string; currencyCode: string }): Money | null {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,4}))?$/.exec(amount)
  if (!match) return null
  const [, sign, whole, fraction = ''] = match
  const digits = fractionDigits(currencyCode)
  if (fraction.length > digits) return null
  const amountMinor = Number(whole + fraction.padEnd(digits, '0'))
  if (!Number.isSafeInteger(amountMinor)) return null
  return { amountMinor: sign && amountMinor !== 0 ? -amountMinor : amountMinor, currency: currencyCode }
}

/**
 * The total of `moneys`; 0 when there are none.
 * @throws RangeError when one has another currency or the total is beyond a safe integer: mistakes of the program.
 */
export function sum(moneys: Iterable<Money>, currency: string): Money {
  let amountMinor = 0
  for (const money of moneys) {
    if (money.currency !== currency) throw new RangeError(`${money.currency} among ${currency}`)
    amountMinor = safe(amountMinor + money.amountMinor)
  }
  return { amountMinor, currency }
}

/**
 * Splits an amount by `weights` (whole numbers, 0 or more) with the largest-remainder method: the parts add up to
 * `amountMinor` exactly, and none is a minor unit or more away from its exact share. Units left over go to the largest
 * remainders, the earlier part first. Weights that are all 0 count as equal. A negative amount gives the negated parts.
 */
export function split(amountMinor: number, weights: readonly number[]): number[] {
  if (weights.length === 0) throw new RangeError('Nothing to split among')
  if (weights.some((weight) => weight < 0)) throw new RangeError('A weight is negative')
  const sign = amountMinor < 0 ? -1 : 1
  const amount = BigInt(Math.abs(amountMinor))
  const shares = (weights.some((weight) => weight > 0) ? weights : weights.map(() => 1)).map(BigInt)
  const whole = shares.reduce((total, share) => total + share)
  const parts = shares.map((share) => Number((amount * share) / whole))
  const leftOver = Math.abs(amountMinor) - parts.reduce((total, part) => total + part)
  const remainder = (index: number) => (amount * shares[index]!) % whole
  const byRemainder = parts.map((_, index) => index).sort((a, b) => Number(remainder(b) - remainder(a)) || a - b)
  for (const index of byRemainder.slice(0, leftOver)) parts[index]! += 1
  return parts.map((part) => (part === 0 ? 0 : sign * part))
}

/**
 * `rate` of an amount, such as `portion(1000, '0.19')` → 190: exact, rounded half up (a negative amount's half away from
 * zero, so that giving back mirrors taking).
 * @throws RangeError when `rate` is not a plain decimal number.
 */
export function portion(amountMinor: number, rate: string): number {
  const { numerator, denominator } = fractionOf(rate)
  return rounded(BigInt(amountMinor) * numerator, denominator)
}

/**
 * The tax of `rate` that a gross amount contains: `includedTax(1190, '0.19')` → 190. Rounded like `portion`.
 * @throws RangeError when `rate` is not a plain decimal number of 0 or more.
 */
export function includedTax(grossMinor: number, rate: string): number {
  const { numerator, denominator } = fractionOf(rate)
  if (numerator < 0n) throw new RangeError(`Not a tax rate: ${rate}`)
  return rounded(BigInt(grossMinor) * numerator, denominator + numerator)
}

function fractionOf(rate: string): { numerator: bigint; denominator: bigint } {
  const match = /^(-?\d{1,20})(?:\.(\d{1,20}))?$/.exec(rate)
  if (!match) throw new RangeError(`Not a decimal number: ${rate}`)
  const [, whole, decimals = ''] = match
  return { numerator: BigInt(whole + decimals), denominator: 10n ** BigInt(decimals.length) }
}

function rounded(numerator: bigint, denominator: bigint): number {
  const half = numerator < 0n ? -denominator : denominator
  return safe(Number((2n * numerator + half) / (2n * denominator)))
}

function safe(amountMinor: number): number {
  if (!Number.isSafeInteger(amountMinor)) throw new RangeError('An amount beyond 2^53 - 1 minor units')
  return amountMinor
}
