import { graphql, parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { schemaOf } from './subgraph.ts'

const echo = (_: unknown, { value }: { value: unknown }) => value

let given: unknown
const schema = schemaOf({
  name: 'echo',
  typeDefs: /* GraphQL */ `
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@shareable"])
    type Query {
      DateTime(value: DateTime): DateTime
      Decimal(value: Decimal): Decimal
      JSON(value: JSON): JSON
      URL(value: URL): URL
      CurrencyCode(value: CurrencyCode): CurrencyCode
      CountryCode(value: CountryCode): CountryCode
      given: DateTime
      price: Money
      errors: [UserError!]
    }
  `,
  resolvers: {
    Query: {
      DateTime: (_: unknown, { value }: { value: unknown }) => {
        expect(value).toBeInstanceOf(Date)
        return value
      },
      Decimal: echo,
      JSON: echo,
      URL: echo,
      CurrencyCode: echo,
      CountryCode: echo,
      given: () => given,
      price: () => ({ amountMinor: 1299, currency: 'KWD' }),
      errors: () => [
        { code: 'INVALID', message: 'No.' },
        { __typename: 'StaleVersionError', code: 'STALE_VERSION', message: 'Old.', currentVersion: 3 },
      ],
    },
  },
})

const ask = (source: string, variableValues?: Record<string, unknown>) => graphql({ schema, source, variableValues })
const send = (scalar: string, value: unknown) =>
  ask(`query ($value: ${scalar}) { value: ${scalar}(value: $value) }`, { value })

const accepted: Record<string, unknown[]> = {
  DateTime: ['2026-03-01T09:30:00.000Z', '2024-02-29T23:59:59.999Z'],
  Decimal: ['0', '12.99', '-0.5', '0.190000'],
  JSON: [null, 1, 'text', [true, { nested: [1.5] }]],
  URL: ['https://shop.example/path?q=1', 'http://localhost:4000'],
  CurrencyCode: ['EUR', 'JPY', 'USD'],
  CountryCode: ['DE', 'GB', 'US', 'TW'],
}

const refused: Record<string, unknown[]> = {
  DateTime: [
    '2026-03-01',
    '2026-03-01T09:30:00',
    '2026-03-01T09:30:00+01:00',
    '2026-02-30T09:30:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T09:30:60Z',
    '2026-03-01T09:30:00.0001Z',
    'yesterday',
    0,
  ],
  Decimal: ['', '1,5', '1e3', '.5', '5.', '+1', ' 1', 'NaN', '1'.repeat(1000), 12.99],
  URL: ['shop.example', '/path', 'ftp://shop.example', 'javascript:alert(1)', 'https:shop.example', 'https://', 1],
  CurrencyCode: ['eur', 'EURO', 'QQQ', '', 978],
  CountryCode: ['de', 'DEU', 'UK', 'DD', 'EU', 'ZZ', 'XX', '', 49],
}

describe('a scalar', () => {
  for (const [scalar, values] of Object.entries(accepted)) {
    test(`${scalar} comes back as it was sent`, async () => {
      for (const value of values) expect(await send(scalar, value)).toEqual({ data: { value } })
    })
  }

  for (const [scalar, values] of Object.entries(refused)) {
    test(`${scalar} that is malformed is BAD_USER_INPUT, as a variable and as a literal`, async () => {
      for (const value of values) {
        const { data, errors } = await send(scalar, value)
        expect(data, String(value)).toBeUndefined()
        expect(errors, String(value)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
        const literal = parse(`{ ${scalar}(value: ${JSON.stringify(value)}) }`)
        expect(validate(schema, literal), String(value)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      }
    })
  }

  test('JSON may be a literal with variables inside', async () => {
    const source = 'query ($n: JSON) { JSON(value: { list: [1, $n], is: true }) }'
    expect(await ask(source, { n: 2 })).toMatchObject({ data: { JSON: { list: [1, 2], is: true } } })
  })

  test('DateTime is written in milliseconds, also when it has been through JSON', async () => {
    for (const value of [new Date('2026-03-01T09:30:00Z'), '2026-03-01T09:30:00Z']) {
      given = value
      expect(await ask('{ given }')).toEqual({ data: { given: '2026-03-01T09:30:00.000Z' } })
    }
  })

  test('that we get wrong ourselves is not called the caller’s mistake', async () => {
    given = 'yesterday'
    const { errors } = await ask('{ given }')
    expect(errors?.[0]?.extensions.code).toBeUndefined()
    expect(errors).toHaveLength(1)
  })

  test('CountryCode covers every country that has a code', async () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('')
    const codes = letters.flatMap((a) => letters.map((b) => a + b))
    const answers = await Promise.all(codes.map((code) => send('CountryCode', code)))
    // ISO 3166-1 has assigned 249.
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(249)
  })
})

test('Money is a decimal in the currency’s own precision', async () => {
  expect(await ask('{ price { amount currencyCode } }')).toEqual({
    data: { price: { amount: '1.299', currencyCode: 'KWD' } },
  })
})

test('a user error without a type is an InputError', async () => {
  const source = '{ errors { __typename code ... on StaleVersionError { currentVersion } } }'
  expect(await ask(source)).toEqual({
    data: {
      errors: [
        { __typename: 'InputError', code: 'INVALID' },
        { __typename: 'StaleVersionError', code: 'STALE_VERSION', currentVersion: 3 },
      ],
    },
  })
})
