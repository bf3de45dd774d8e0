// What is measured: the golden operations that a front end sends most.
import { readFile } from 'node:fs/promises'
import { CONNECTIONS, type Request, type Send } from './shop.ts'
import { load } from './load.ts'

export interface Operation {
  name: string
  title: string
  /** Makes what the requests need. They may be sent in this order only, and none of them again. */
  requests(send: Send): Promise<Iterator<Request, undefined>>
}

const golden = (name: string): Promise<string> =>
  readFile(new URL(`../schema/operations/${name}.graphql`, import.meta.url), 'utf8')

const DETAIL = `query Detail($slug: String!) {
  product(slug: $slug) {
    id slug name description brand tags attributes { name value } media { url altText }
    category { name ancestors { slug name } } rating { average count }
    options { name values }
    variants(first: 20) {
      nodes { id sku title selectedOptions { name value } price { amount currencyCode } availability }
    }
    reviews(first: 5) { nodes { rating title body } }
  }
}`

const ASSORTMENT = `{ products(first: 50) { nodes {
  slug variants(first: 5) { nodes { id availability } } } } }`

// Enough for two rounds of a fast machine, and ready in a few seconds on a slow one.
const GUESTS = 2_000
const GUEST_SECONDS = 4
const CARTS = 32

export const operations: readonly Operation[] = [
  {
    name: 'list',
    title: 'list of 20 products',
    requests: async () => cycle([{ query: await golden('browse'), variables: { first: 20 } }]),
  },
  {
    name: 'detail',
    title: 'product detail',
    async requests(send) {
      const { slugs } = await assortment(send)
      return cycle(slugs.map((slug) => ({ query: DETAIL, variables: { slug } })))
    },
  },
  {
    name: 'cart-create',
    title: 'new cart, one line',
    async requests(send) {
      const [tokens, { variantIds }] = await Promise.all([guests(send, GUESTS), assortment(send)])
      return (await cartRequests(tokens, variantIds, 1)).values()
    },
  },
  {
    name: 'cart',
    title: 'cart page, three lines',
    async requests(send) {
      const [tokens, { variantIds }] = await Promise.all([guests(send, CARTS), assortment(send)])
      for (const request of await cartRequests(tokens, variantIds, 3)) await send(request)
      const query = await golden('cart')
      return cycle(tokens.map((accessToken) => ({ query, accessToken })))
    },
  },
]

function* cycle(requests: readonly Request[]): Generator<Request, undefined> {
  for (;;) yield* requests
}

async function assortment(send: Send): Promise<{ slugs: string[]; variantIds: string[] }> {
  const { data } = JSON.parse(await send({ query: ASSORTMENT })) as {
    data: { products: { nodes: { slug: string; variants: { nodes: { id: string; availability: string }[] } }[] } }
  }
  const { nodes } = data.products
  const inStock = nodes.flatMap(({ variants }) => variants.nodes.find((each) => each.availability === 'IN_STOCK') ?? [])
  return { slugs: nodes.map(({ slug }) => slug), variantIds: inStock.map(({ id }) => id) }
}

/** Access tokens of new guests: `count`, or fewer when they take too long. */
async function guests(send: Send, count: number): Promise<string[]> {
  const query = await golden('guest-session-create')
  const tokens: string[] = []
  let asked = 0
  await load(CONNECTIONS, GUEST_SECONDS, async () => {
    if ((asked += 1) > count) return false
    const { data } = JSON.parse(await send({ query })) as {
      data: { guestSessionCreate: { authTokens: { accessToken: string } } }
    }
    tokens.push(data.guestSessionCreate.authTokens.accessToken)
    return true
  })
  return tokens
}

async function cartRequests(tokens: readonly string[], variantIds: readonly string[], lines: number) {
  const query = await golden('cart-create')
  return tokens.map((accessToken, index) => ({
    query,
    accessToken,
    variables: {
      lines: Array.from({ length: lines }, (_, line) => ({
        variantId: variantIds[(index + line) % variantIds.length],
        quantity: 1,
      })),
    },
  }))
}
