// What is measured: the golden operations that a front end sends most.
import { readFile } from 'node:fs/promises'
import { goods, openCheckout, payment, readyCart, type Line } from '../tests/system/buying.ts'
import { Visitor } from '../tests/system/client.ts'
import { guestAt } from '../tests/system/people.ts'
import { load } from './load.ts'
import { CONNECTIONS, type Request } from './shop.ts'

export interface Operation {
  name: string
  title: string
  /** True: its statements cannot be sent twice, so there is nothing to compare with. */
  isFinal?: boolean
  /** Makes what the requests need in the shop at `origin`. Each may be sent once, in this order. */
  requests(origin: string): Promise<Iterator<Request, undefined>>
}

const golden = (name: string): Promise<string> =>
  readFile(new URL(`../schema/operations/${name}.graphql`, import.meta.url), 'utf8')

const DETAIL = `query Detail($slug: String!) {
  product(slug: $slug) {
    id slug name description brand tags attributes { name value } media { url altText }
    category { name ancestors { slug name } } rating { average count } options { name values }
    variants(first: 20) {
      nodes { id sku title selectedOptions { name value } price { amount currencyCode } availability }
    }
  }
}`

export const operations: readonly Operation[] = [
  {
    name: 'list',
    title: 'list of 20 products',
    requests: async () => cycle([{ query: await golden('browse'), variables: { first: 20 } }]),
  },
  {
    name: 'detail',
    title: 'product detail',
    async requests(origin) {
      const { products } = await new Visitor(origin).ask('browse', { first: 50 })
      return cycle(products.nodes.map(({ slug }: { slug: string }) => ({ query: DETAIL, variables: { slug } })))
    },
  },
  {
    name: 'cart',
    title: 'cart page of two lines',
    async requests(origin) {
      const query = await golden('cart')
      return cycle(
        await prepare(origin, 32, async (visitor, lines) => {
          await visitor.ask('cart-create', { lines })
          return { query, accessToken: visitor.accessToken }
        }),
      )
    },
  },
  {
    name: 'cart-create',
    title: 'new cart with one line',
    async requests(origin) {
      const query = await golden('cart-create')
      const request = async ({ accessToken }: Visitor, [line]: readonly Line[]) => ({
        query,
        accessToken,
        variables: { lines: [line] },
      })
      return (await prepare(origin, 2_000, request)).values()
    },
  },
  {
    name: 'checkout',
    title: 'checkout completed',
    isFinal: true,
    async requests(origin) {
      const query = await golden('checkout-complete')
      const request = async (visitor: Visitor, lines: readonly Line[]) => {
        const { cartId, total } = await readyCart(visitor, lines, 'bench@example.com')
        const variables = await payment(visitor, await openCheckout(visitor, cartId), total)
        return { query, variables, accessToken: visitor.accessToken }
      }
      return (await prepare(origin, 500, request)).values()
    },
  },
]

function* cycle(requests: readonly Request[]): Generator<Request, undefined> {
  for (;;) yield* requests
}

// Enough for all rounds on a quick machine, and on a slow one ready in this time.
const PREPARE_SECONDS = 6

/** One request each of `count` new guests, or of as many as there is time for. */
async function prepare(
  origin: string,
  count: number,
  request: (visitor: Visitor, lines: readonly Line[]) => Promise<Request>,
): Promise<Request[]> {
  const lines = await goods(new Visitor(origin))
  const requests: Request[] = []
  let begun = 0
  await load(CONNECTIONS, PREPARE_SECONDS, async () => {
    if ((begun += 1) > count) return false
    requests.push(await request(await guestAt(origin), lines))
    return true
  })
  return requests
}
