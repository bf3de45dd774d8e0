import type { Guard } from './guard.ts'

const redIn = (subject: string, name?: string): Guard['redIn'] => ({
  file: `subgraphs/inventory/${subject}.test.ts`,
  ...(name === undefined ? {} : { name }),
})

/** What keeps the catalogue and the things of customers right. */
export const catalogueGuards: readonly Guard[] = [
  {
    forbids: 'a product is changed that is another than was read',
    file: 'subgraphs/inventory/product-changes.ts',
    text: `    if (input.expectedVersion != null && input.expectedVersion !== version) rejectStale(version)
`,
    redIn: redIn('subgraph-products'),
  },
  {
    forbids: 'two change a product at once',
    file: 'subgraphs/inventory/product-changes.ts',
    text: '.for(strength)',
    redIn: redIn('subgraph-products'),
  },
  {
    forbids: 'a product is filed in a category that is being removed',
    file: 'subgraphs/inventory/product-changes.ts',
    text: `.for('key share')`,
    redIn: redIn('subgraph-removed-meanwhile', 'in a category'),
  },
  {
    forbids: 'what customers own is removed',
    file: 'subgraphs/inventory/product-changes.ts',
    text: `    if (owned > 0) reject('CONFLICT', 'Customers own it. Archive it instead.', ['id'])
`,
    redIn: redIn('subgraph-product-removal'),
  },
  {
    forbids: 'what was sold is removed',
    file: 'subgraphs/inventory/product-changes.ts',
    text: `  if (sold.length + owned > 0) reject('CONFLICT', message, ['id'])
`,
    redIn: redIn('subgraph-product-removal'),
  },
  {
    forbids: 'a product is removed while it is booked on',
    file: 'subgraphs/inventory/product-changes.ts',
    text: `lockProduct(tx, id, 'update')`,
    without: 'lockProduct(tx, id)',
    redIn: redIn('subgraph-removed-meanwhile', 'a booking at the same moment'),
  },
  {
    forbids: 'a product is removed while it is put into a cart',
    file: 'subgraphs/inventory/product-changes.ts',
    text: `  await lockLevels(tx, variantIds)
`,
    redIn: redIn('subgraph-removed-meanwhile', 'a hold at the same moment'),
  },
  {
    forbids: 'a variant is changed that is another than was read',
    file: 'subgraphs/inventory/variant-changes.ts',
    text: `    if (before && input.expectedVersion != null && input.expectedVersion !== before.version) rejectStale(before.version)
`,
    redIn: redIn('subgraph-variants'),
  },
  {
    forbids: 'a variant is removed while it is booked on',
    file: 'subgraphs/inventory/variant-changes.ts',
    text: `lockProduct(tx, variant.productId, 'update')`,
    without: 'lockProduct(tx, variant.productId)',
    redIn: redIn('subgraph-removed-meanwhile', 'a booking at the same moment'),
  },
  {
    forbids: 'a variant in stock is removed',
    file: 'subgraphs/inventory/variant-changes.ts',
    text: `    if ((await tx.$count(stockLevels, stocked)) > 0) reject('CONFLICT', 'There is stock of it.', ['id'])
`,
    redIn: redIn('subgraph-product-removal'),
  },
  {
    forbids: 'taking a number that another takes fails',
    file: 'subgraphs/inventory/variant-changes.ts',
    text: `if (!isTaken(error, 'variants_sku_unique')) throw error`,
    without: 'throw error',
    redIn: redIn('subgraph-variants'),
  },
  {
    forbids: 'a category is below itself, by two moves at once',
    file: 'subgraphs/inventory/category-changes.ts',
    text: `    await lockTree(tx)
    const before`,
    without: '    const before',
    redIn: redIn('subgraph-categories'),
  },
  {
    forbids: 'a category is below itself',
    file: 'subgraphs/inventory/category-changes.ts',
    text: 'if (before && isBelowItself(before.path, above.path)) {',
    without: 'if (before && before === above) {',
    redIn: redIn('subgraph-categories'),
  },
  {
    forbids: 'a category with something in it is removed',
    file: 'subgraphs/inventory/category-changes.ts',
    text: `    if (filed + below > 0) reject('CONFLICT', 'It is not empty.', ['id'])
`,
    redIn: redIn('subgraph-categories'),
  },
  {
    forbids: 'shoppers see what was before a change',
    file: 'subgraphs/inventory/catalogue-cache.ts',
    text: `  await forgetCatalogue(ctx)
`,
    redIn: redIn('subgraph-cache', 'shows a change'),
  },
  {
    forbids: 'shoppers see what a product was rated before',
    file: 'subgraphs/inventory/catalogue-cache.ts',
    text: `  await beginGeneration(ctx, 'ratings')
`,
    redIn: redIn('subgraph-cache', 'counts a review'),
  },
  {
    forbids: 'shoppers see what only staff may',
    file: 'subgraphs/inventory/catalogue-cache.ts',
    text: `  if (hasScope(ctx.viewer, 'inventory:read')) return await read()
`,
    redIn: redIn('subgraph-cache', 'never shows a draft'),
  },
  {
    forbids: 'a list stands in the order of earlier ratings',
    file: 'subgraphs/inventory/catalogue-cache.ts',
    text: 'if (!entry || (isByRating && !isRated))',
    without: 'if (!entry)',
    redIn: redIn('subgraph-cache', 'best rated'),
  },
  {
    forbids: 'a cached product shows its earlier rating',
    file: 'subgraphs/inventory/ratings.ts',
    text: `  if (!isRated) for (const row of rows) outdated.add(row)
`,
    redIn: redIn('subgraph-cache', 'counts a review'),
  },
  {
    forbids: 'who asks after a rating is answered by who asked before it',
    file: 'subgraphs/inventory/catalogue-cache.ts',
    text: 'const name = `${key} ${ratings}`',
    without: 'const name = key',
    redIn: redIn('catalogue-cache'),
  },
  {
    forbids: 'reviewing twice at once fails',
    file: 'subgraphs/inventory/reviews.ts',
    text: `
      .onConflictDoNothing()`,
    redIn: redIn('subgraph-reviews'),
  },
  {
    forbids: 'of two changes of a review one is counted wrong',
    file: 'subgraphs/inventory/reviews.ts',
    text: `
    .for('no key update')`,
    redIn: redIn('subgraph-reviews'),
  },
  {
    forbids: 'a review of what is being removed fails',
    file: 'subgraphs/inventory/reviews.ts',
    text: `.catch(rejectRemoved('reviews'))`,
    redIn: redIn('subgraph-removed-meanwhile', 'reviewCreate'),
  },
  {
    forbids: 'a wish for what is being removed fails',
    file: 'subgraphs/inventory/wishlist.ts',
    text: `.catch(rejectRemoved('wishlist_items'))`,
    redIn: redIn('subgraph-removed-meanwhile', 'wishlistItemAdd'),
  },
  {
    forbids: 'asking for what is being removed fails',
    file: 'subgraphs/inventory/back-in-stock.ts',
    text: `.catch(rejectRemoved('restock_wishes'))`,
    redIn: redIn('subgraph-removed-meanwhile', 'backInStockSubscribe'),
  },
  {
    forbids: 'an item of what is being removed fails',
    file: 'subgraphs/inventory/customer-items.ts',
    text: `.catch(rejectRemoved('customer_items'))`,
    redIn: redIn('subgraph-customer-items', 'removes the product'),
  },
  {
    forbids: 'two adds to a wishlist at once fail or are too many',
    file: 'subgraphs/inventory/wishlist.ts',
    text: '    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`wishlist ${userId}`}, 0))`)\n',
    redIn: redIn('subgraph-wishlist', 'who waited finds'),
  },
  {
    forbids: 'a wishlist has more than 500 products',
    file: 'subgraphs/inventory/wishlist.ts',
    text: 'if ((await tx.$count(wishlistItems, theirs)) >= MAX_ITEMS) {',
    without: 'if (!theirs) {',
    redIn: redIn('subgraph-wishlist'),
  },
  {
    forbids: 'registering the same twice fails',
    file: 'subgraphs/inventory/customer-items.ts',
    text: `
      .onConflictDoNothing()`,
    redIn: redIn('subgraph-customer-items', 'by staff, once'),
  },
  {
    forbids: 'a delivery that is told of twice is two items',
    file: 'subgraphs/inventory/deliveries.ts',
    text: '.onConflictDoNothing({ target: customerItems.orderLineId })',
    redIn: redIn('subgraph-customer-items', 'once per line'),
  },
  {
    forbids: 'a second delivery of a product fails',
    file: 'subgraphs/inventory/deliveries.ts',
    text: 'values(bought).onConflictDoNothing()',
    without: 'values(bought)',
    redIn: redIn('subgraph-reviews'),
  },
  {
    forbids: 'two deliveries wait for each other’s products in a circle',
    file: 'subgraphs/inventory/deliveries.ts',
    text: '.toSorted()',
    redIn: redIn('subgraph-customer-items', 'in a circle'),
  },
  {
    forbids: 'a guest’s delivery that is told of twice fails',
    file: 'subgraphs/inventory/deliveries.ts',
    text: 'values(waiting).onConflictDoNothing()',
    without: 'values(waiting)',
    redIn: redIn('subgraph-customer-items', 'once the guest has signed in'),
  },
  {
    forbids: 'a guest’s delivery misses the claim at the same moment',
    file: 'subgraphs/inventory/deliveries.ts',
    text: `    .insert(guests)
    .values({ id: guestId })
    .onConflictDoUpdate({ target: guests.id, set: { id: guestId } })
    .returning()
  return guest!.userId`,
    without: `    .select()
    .from(guests)
    .where(eq(guests.id, guestId))
  return guest?.userId ?? null`,
    redIn: redIn('subgraph-customer-items', 'is being noted'),
  },
  {
    forbids: 'a claim that is told of twice fails',
    file: 'subgraphs/inventory/deliveries.ts',
    text: '.onConflictDoUpdate({ target: guests.id, set: { userId } })',
    redIn: redIn('subgraph-customer-items', 'once the guest has signed in'),
  },
]
