import { GraphQLScalarType } from 'graphql'
import { badUserInput } from './errors.ts'
import { toDecimal, type Money } from './money.ts'
import type { UserError } from './user-errors.ts'

/** A scalar that is text on the wire. `read` and `write` give undefined for what is not one. */
function textScalar<T>(
  name: string,
  text: { expected: string; read(text: string): T | undefined; write(value: unknown): string | undefined },
): GraphQLScalarType<T, string> {
  const message = `${name}: expected ${text.expected}.`
  const read = (value: unknown) => (typeof value === 'string' ? text.read(value) : undefined)
  return new GraphQLScalarType<T, string>({
    name,
    parseValue: (value) => read(value) ?? badUserInput(message),
    serialize: (value) => {
      // What a resolver returns may have been through JSON and be text again.
      const written = text.write(typeof value === 'string' ? read(value) : value)
      // Our own mistake, not the caller's: no code.
      if (written === undefined) throw new TypeError(message)
      return written
    },
  })
}

const verbatim = (name: string, expected: string, isValid: (text: string) => boolean) =>
  textScalar<string>(name, {
    expected,
    read: (text) => (isValid(text) ? text : undefined),
    write: (value) => (typeof value === 'string' ? value : undefined),
  })

const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/

/** RFC 3339 in UTC with up to milliseconds, as columns keep it; a Date inside. */
const dateTime = textScalar<Date>('DateTime', {
  expected: 'a time in UTC such as 2026-03-01T09:30:00.000Z',
  read: (text) => {
    if (!RFC_3339_UTC.test(text)) return undefined
    const date = new Date(text)
    // JavaScript takes the 30th of February for the 2nd of March.
    return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, 19)) ? date : undefined
  },
  write: (value) => (value instanceof Date ? value.toISOString() : undefined),
})

const decimal = verbatim('Decimal', 'a decimal number as text, such as "12.99"', (text) =>
  /^-?\d{1,30}(\.\d{1,30})?$/.test(text),
)

const url = verbatim('URL', 'an absolute http or https address', (text) => {
  const parsed = URL.parse(text)
  return parsed !== null && /^https?:\/\//i.test(text) && /^https?:$/.test(parsed.protocol)
})

const currencies = new Set(Intl.supportedValuesOf('currency'))
const currencyCode = verbatim('CurrencyCode', 'an ISO 4217 code such as EUR', (text) => currencies.has(text))

const regions = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
// Codes that Unicode names and ISO 3166-1 has not assigned: reserved ones, unions, places to test with.
const NO_COUNTRIES = new Set('AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ'.split(' '))

function isCountry(text: string): boolean {
  if (!/^[A-Z]{2}$/.test(text) || NO_COUNTRIES.has(text) || regions.of(text) === undefined) return false
  // Withdrawn codes and aliases are known by their successor's name: DD is DE, UK is GB.
  return Intl.getCanonicalLocales(`und-${text}`)[0] === `und-${text}`
}

const countryCode = verbatim('CountryCode', 'an ISO 3166-1 alpha-2 code such as DE', isCountry)

/** Resolvers of the SDL that all subgraphs share (schema.graphql). */
export const commonResolvers = {
  DateTime: dateTime,
  Decimal: decimal,
  JSON: new GraphQLScalarType({ name: 'JSON' }),
  URL: url,
  CurrencyCode: currencyCode,
  CountryCode: countryCode,
  Money: {
    amount: toDecimal,
    currencyCode: ({ currency }: Money): string => currency,
  },
  UserError: {
    __resolveType: ({ __typename = 'InputError' }: UserError): string => __typename,
  },
}
