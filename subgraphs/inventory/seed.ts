import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { demoId } from '#platform/ids.ts'
import { countRecentSales } from './best-sellers.ts'
import { forgetCatalogue } from './catalogue-cache.ts'
import { purchases, reviews } from './customer-tables.ts'
import { families } from './demo-catalogue.ts'
import { tree } from './demo-categories.ts'
import { seedAlice } from './demo-customer.ts'
import { demoLocations, demoOrders, seedOrder, stockOf } from './demo-stock.ts'
import { BOUGHT_BY_ALICE, productsOf, reviewsFor } from './demo-products.ts'
import { categories, locations, movements, products, stockLevels, variants, type CategoryRow } from './tables.ts'
import { indexProducts } from './search-documents.ts'
import { slugOf } from './slug.ts'

/** Fills an empty catalogue: categories, products, stock at two locations, reviews, and what Alice's orders took. */
export async function seed(ctx: Context): Promise<boolean> {
  if ((await ctx.db.$count(products)) > 0) return false
  await ctx.db.transaction(async (tx) => {
    await seedCatalogue(tx, ctx.now())
    for (const order of demoOrders) await seedOrder(tx, ctx.now(), order)
    await seedAlice(tx, ctx.now())
  })
  await countRecentSales(ctx)
  await forgetCatalogue(ctx)
  return true
}

async function seedCatalogue(tx: Db, at: Date): Promise<void> {
  const filed = categoryRows(tree, at)
  await tx.insert(categories).values(filed)
  const made = families.flatMap((family) => productsOf(family, filed, at))
  const said = made.flatMap(({ product }, index) => reviewsFor(product.id, index, at))
  const byProduct = Map.groupBy(said, ({ productId }) => productId)
  const stars = (id: string) => byProduct.get(id)?.map(({ rating }) => rating) ?? []
  await tx.insert(products).values(
    made.map(({ product }) => ({
      ...product,
      ratingCount: stars(product.id).length,
      ratingSum: stars(product.id).reduce((sum, rating) => sum + rating, 0),
    })),
  )
  await indexProducts(
    tx,
    made.map(({ product }) => product.id),
  )
  const sold = made.flatMap((each) => each.variants)
  await tx.insert(variants).values(sold)
  await tx.insert(reviews).values(said)
  await tx.insert(purchases).values(BOUGHT_BY_ALICE.map((productId) => ({ userId: demoId('user/alice'), productId })))
  await tx.insert(locations).values(demoLocations(at))
  const stock = sold.flatMap(({ id, sku }) => stockOf(id, sku, at))
  await tx
    .insert(stockLevels)
    .values(stock.map(({ variantId, locationId, quantity }) => ({ variantId, locationId, onHand: quantity })))
  await tx.insert(movements).values(stock.filter(({ quantity }) => quantity > 0))
}

type Branches = readonly string[] | { [name: string]: Branches }

function categoryRows(branches: Branches, at: Date, above: readonly string[] = []): CategoryRow[] {
  const below = Array.isArray(branches) ? branches.map((name) => [name, []] as const) : Object.entries(branches)
  return below.flatMap(([name, branch]) => {
    const slug = slugOf(name)
    const id = demoId(`category/${slug}`)
    const path = [...above, id]
    const row = { id, slug, name, parentId: above.at(-1) ?? null, path, createdAt: at, updatedAt: at, version: 1 }
    return [row, ...categoryRows(branch, at, path)]
  })
}
