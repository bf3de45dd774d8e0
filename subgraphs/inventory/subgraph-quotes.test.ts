import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { anonymous } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { QuoteSource, decimal } from './quotes.ts'

// Answers as CoinGecko's documentation of /simple/price says, or as a server in trouble does.
let answer: (response: ServerResponse, request: IncomingMessage) => void
const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(request.url!)
  answer(response, request)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const port = typeof address === 'object' && address ? address.port : 0
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const json =
  (body: string, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(body)
  }
const price = (eur: number) => json(`{"bitcoin":{"eur":${eur},"last_updated_at":1711356300}}`)

let shop: Parts
beforeEach(async () => {
  shop = await openParts(['inventory'], { COINGECKO_URL: `http://127.0.0.1:${port}/api/v3` })
  shop.clock.now = new Date('2030-01-01T00:00:00.000Z')
  asked.length = 0
})
afterEach(async () => {
  await shop[Symbol.asyncDispose]()
})

const quote = async (symbol = 'BTC') =>
  (
    await shop.ask(
      'inventory',
      anonymous,
      `query ($symbol: String!) { externalQuote(symbol: $symbol) { symbol amount currencyCode source asOf isStale } }`,
      { symbol },
    )
  ).externalQuote
const passMs = (ms: number) => (shop.clock.now = new Date(shop.clock.now!.getTime() + ms))

describe('a quote', () => {
  test('is what CoinGecko says, and asked for once a minute', async () => {
    answer = price(67187.3358936566)
    const first = {
      symbol: 'BTC',
      amount: '67187.3358936566',
      currencyCode: 'EUR',
      source: 'CoinGecko',
      asOf: '2024-03-25T08:45:00.000Z',
      isStale: false,
    }
    expect(await quote(' btc ')).toEqual(first)
    expect(asked).toEqual(['/api/v3/simple/price?ids=bitcoin&vs_currencies=eur&include_last_updated_at=true'])
    answer = price(1)
    passMs(59_000)
    expect(await quote()).toEqual(first)
    passMs(1_000)
    expect(await quote()).toMatchObject({ amount: '1', isStale: false })
    expect(asked).toHaveLength(2)
  })

  test('is fetched once for all who ask at once', async () => {
    answer = price(2)
    const source = new QuoteSource(shop.config)
    const everyone = await Promise.all(Array.from({ length: 5 }, () => source.fetch('BTC', 'EUR', new Date())))
    expect(everyone.map(({ amount }) => amount)).toEqual(['2', '2', '2', '2', '2'])
    expect(asked).toHaveLength(1)
  })

  test('of an asset that nobody knows is none, and nobody is asked', async () => {
    for (const symbol of ['NOPE', '', 'constructor', 'x'.repeat(10_000)]) expect(await quote(symbol)).toBeNull()
    expect(asked).toEqual([])
  })

  test('is null while there never was one', async () => {
    answer = json('{"status":{"error_code":500,"error_message":"Internal Server Error"}}', 500)
    expect(await quote()).toBeNull()
  })
})

describe('the last one known is served as stale', () => {
  test.each([
    ['an error', json('oops', 503)],
    ['nothing in time', () => {}],
    ['half an answer', (response: ServerResponse) => void response.writeHead(200).write('{"bitcoin":')],
    ['no JSON', json('<html>')],
    ['another shape', json('{"bitcoin":{"eur":"much"}}')],
    ['a price of nothing', json('{"bitcoin":{"eur":0,"last_updated_at":1711356300}}')],
    ['no such coin', json('{}')],
    ['a broken connection', (response: ServerResponse) => void response.destroy()],
  ])('when the answer is %s', async (_, trouble) => {
    answer = price(5)
    await quote()
    answer = trouble
    passMs(60_000)
    expect(await quote()).toMatchObject({ amount: '5', asOf: '2024-03-25T08:45:00.000Z', isStale: true })
  })

  test('while CoinGecko wants us to wait, without asking', async () => {
    answer = price(5)
    await quote()
    answer = json('{"status":{"error_code":429}}', 429, { 'retry-after': '120' })
    passMs(60_000)
    expect(await quote()).toMatchObject({ isStale: true })
    answer = price(6)
    passMs(119_000)
    expect(await quote()).toMatchObject({ amount: '5', isStale: true })
    expect(asked).toHaveLength(2)
    passMs(1_000)
    expect(await quote()).toMatchObject({ amount: '6', isStale: false })
  })

  test('without asking, once it failed three times in a row', async () => {
    answer = price(5)
    await quote()
    answer = json('', 500)
    passMs(60_000)
    for (let tries = 0; tries < 5; tries += 1) expect(await quote()).toMatchObject({ isStale: true })
    expect(asked).toHaveLength(1 + 3)
  })
})

test('a variant is quoted in the currency of its price, a list of them with one question', async () => {
  const { seed } = await import('./seed.ts')
  await seed(shop.part('inventory').ownContext())
  answer = price(50_000)
  const { products } = await shop.ask(
    'inventory',
    anonymous,
    `{ products(first: 5) { nodes { variants(first: 2) { nodes { price { currencyCode } externalQuote(symbol: "BTC") { amount currencyCode } } } } } }`,
  )
  const quoted = products.nodes.flatMap(({ variants }: { variants: { nodes: unknown[] } }) => variants.nodes)
  expect(quoted.length).toBeGreaterThan(4)
  for (const variant of quoted) {
    expect(variant).toEqual({
      price: { currencyCode: 'EUR' },
      externalQuote: { amount: '50000', currencyCode: 'EUR' },
    })
  }
  expect(asked).toHaveLength(1)
})

test('an amount has no exponent', () => {
  expect([1e-7, 2.5e-8, 67187.33, 1].map(decimal)).toEqual(['0.0000001', '0.000000025', '67187.33', '1'])
})
