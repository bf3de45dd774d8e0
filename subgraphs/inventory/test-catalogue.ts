import postgres from 'postgres'
import type { Announced } from '#platform/facts.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { staffWith } from '../../tests/setup/viewers.ts'

// What the specifications of the catalogue have in common: an empty shop, and the commands that fill it.

export const editor = staffWith('inventory:read', 'inventory:manage')

const PRODUCT = `id slug name description brand tags status version category { id } options { name values }
  attributes { name value } media { url altText } priceRange { min { amount } max { amount } }`
const VARIANT = `id sku title version price { amount currencyCode } compareAtPrice { amount } taxCategory weightGrams
  maxOrderQuantity selectedOptions { name value } availability stock { lowStockThreshold }`
const ERRORS = `userErrors { code field message ... on StaleVersionError { currentVersion }
  ... on StateTransitionError { fromState toState allowed } }`
const mutation = (name: string, payload: string) => {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`
  return `mutation ($input: ${type}!) { ${name}(input: $input) { ${payload} ${ERRORS} } }`
}

const commands = {
  productCreate: mutation('productCreate', `product { ${PRODUCT} }`),
  productUpdate: mutation('productUpdate', `product { ${PRODUCT} }`),
  productDelete: mutation('productDelete', 'deletedId'),
  productVariantUpsert: mutation('productVariantUpsert', `productVariant { ${VARIANT} product { ${PRODUCT} } }`),
  productVariantDelete: mutation('productVariantDelete', 'deletedId'),
  categoryUpsert: mutation('categoryUpsert', 'category { id slug name parent { id } ancestors { slug } }'),
  categoryDelete: mutation('categoryDelete', 'deletedId'),
}

/** An empty shop. */
export async function openCatalogue(env: Record<string, string> = {}) {
  const shop = await openParts(['inventory'], env)
  const ownContext = () => shop.part('inventory').ownContext()
  const { db } = ownContext()

  /** Carries out a command as an editor, or as somebody else. */
  const run = async (command: keyof typeof commands, input: object, viewer: Viewer = editor) =>
    (await shop.ask('inventory', viewer, commands[command], { input }))[command]

  const aProduct = async (more: object = {}) =>
    (await run('productCreate', { name: 'Linen Shirt', status: 'ACTIVE', ...more })).product

  let made = 0
  const aVariant = async (productId: string, more: object = {}) => {
    const input = { productId, sku: `SKU-${(made += 1)}`, price: { amount: '10.00', currencyCode: 'EUR' }, ...more }
    return (await run('productVariantUpsert', input)).productVariant
  }

  const aCategory = async (name: string, more: object = {}) => (await run('categoryUpsert', { name, ...more })).category

  const find = async (query: string, viewer?: Viewer, filter?: object) => {
    const SEARCH = `query ($query: String!, $filter: ProductFilter) { productSearch(query: $query, filter: $filter) {
      products { nodes { slug } } suggestion } }`
    const { productSearch } = await shop.ask('inventory', viewer ?? { kind: 'anonymous' }, SEARCH, { query, filter })
    return {
      slugs: productSearch.products.nodes.map(({ slug }: { slug: string }) => slug),
      suggestion: productSearch.suggestion,
    }
  }

  /** What was announced of a product so far, oldest first. */
  async function told(productId: string): Promise<Announced<{ variantIds: string[] }>[]> {
    const sql = postgres(shop.config.DATABASE_URL!, { max: 1 })
    try {
      const rows = await sql<{ event: Announced<{ variantIds: string[] }> }[]>`
        select event from events.outbox where name = 'ProductChanged' and event->>'entityId' = ${productId}
        order by event_id`
      return rows.map(({ event }) => event)
    } finally {
      await sql.end()
    }
  }

  return { told, shop, db, run, aProduct, aVariant, aCategory, find, ownContext }
}
