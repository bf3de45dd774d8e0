import { periodOf } from '#platform/period.ts'
import { payload } from '#platform/user-errors.ts'
import { requireAccount, requireService } from '#platform/viewer.ts'
import { listAlerts, listLowVariants, watchAlerts } from './alerts.ts'
import { askForNotice } from './back-in-stock.ts'
import { deleteCategory, upsertCategory } from './category-changes.ts'
import { ancestorsOf, categoriesBelow, productsIn, readCategory } from './categories.ts'
import { categoryById, levelsOf, linesOfReservation, locationById, productOf, variantOf } from './loaders.ts'
import { assignProduct, itemsOf, ownersOf, readItem, unassignProduct } from './customer-items.ts'
import { inventoryStats } from './inventory-stats.ts'
import { listLocations, readLocation, staffView, upsertLocation } from './locations.ts'
import { listMovements } from './movements.ts'
import { createProduct, deleteProduct, updateProduct } from './product-changes.ts'
import { productPage, readProduct } from './products.ts'
import { SOURCE, quoteOf } from './quotes.ts'
import { ratingIn } from './ratings.ts'
import { relatedTo } from './related.ts'
import { extendReservation, releaseStock, reserveStock } from './reservations.ts'
import { returnStock } from './returns.ts'
import {
  createReview,
  deleteReview,
  moderateReview,
  reviewsBy,
  reviewsOf,
  reviewsWaiting,
  updateReview,
} from './reviews.ts'
import { commitStock, shipStock } from './sales.ts'
import type { Resolvers } from './schema.generated.ts'
import { facets, matches, searchProducts, suggestion } from './search.ts'
import { available, totals } from './stock.ts'
import { adjustStock, countStock, restock, transferStock } from './stock-changes.ts'
import { deleteVariant, upsertVariant } from './variant-changes.ts'
import { variantsForCart } from './variants-for-cart.ts'
import { availabilityOf, readVariant, sellableLevels, stockFor, variantsIn, watchAvailability } from './variants.ts'
import { addToWishlist, isWanted, removeFromWishlist, wishlistOf } from './wishlist.ts'

export const resolvers: Resolvers = {
  Query: {
    product: (_, args, ctx) => readProduct(ctx, args),
    productVariant: (_, args, ctx) => readVariant(ctx, args),
    products: (_, args, ctx) => productPage(ctx, args),
    productSearch: (_, args, ctx) => searchProducts(ctx, args),
    category: (_, args, ctx) => readCategory(ctx, args),
    categories: (_, { parentId }, ctx) => categoriesBelow(ctx, parentId),
    externalQuote: (_, { symbol }, ctx) => quoteOf(ctx, symbol),
    customerItem: (_, { id }, ctx) => readItem(ctx, id),
    reviewsForModeration: (_, args, ctx) => reviewsWaiting(ctx, args),
    lowStockVariants: (_, args, ctx) => listLowVariants(ctx, args),
    lowStockAlerts: (_, args, ctx) => listAlerts(ctx, args),
    stockLocations: (_, _args, ctx) => listLocations(ctx),
    stockMovements: (_, args, ctx) => listMovements(ctx, args),
    variantsForCart: (_, { ids }, ctx) => requireService(ctx.viewer) && variantsForCart(ctx, ids),
  },
  Mutation: {
    reviewCreate: (_, { input }, ctx) => payload(() => createReview(ctx, requireAccount(ctx.viewer), input)),
    productCreate: (_, { input }, ctx) => payload(async () => ({ product: await createProduct(ctx, input) })),
    productUpdate: (_, { input }, ctx) => payload(async () => ({ product: await updateProduct(ctx, input) })),
    productDelete: (_, { input }, ctx) => payload(async () => ({ deletedId: await deleteProduct(ctx, input) })),
    productVariantUpsert: (_, { input }, ctx) =>
      payload(async () => ({ productVariant: await upsertVariant(ctx, input) })),
    productVariantDelete: (_, { input }, ctx) => payload(async () => ({ deletedId: await deleteVariant(ctx, input) })),
    categoryUpsert: (_, { input }, ctx) => payload(async () => ({ category: await upsertCategory(ctx, input) })),
    categoryDelete: (_, { input }, ctx) => payload(async () => ({ deletedId: await deleteCategory(ctx, input) })),
    reviewUpdate: (_, { input }, ctx) =>
      payload(async () => ({ review: await updateReview(ctx, requireAccount(ctx.viewer), input) })),
    reviewDelete: (_, { input }, ctx) =>
      payload(async () => ({ deletedId: await deleteReview(ctx, requireAccount(ctx.viewer), input) })),
    reviewModerate: (_, { input }, ctx) => payload(async () => ({ review: await moderateReview(ctx, input) })),
    wishlistItemAdd: (_, { input }, ctx) =>
      payload(async () => ({ wishlistItem: await addToWishlist(ctx, requireAccount(ctx.viewer), input) })),
    wishlistItemRemove: (_, { input }, ctx) =>
      payload(async () => ({ deletedId: await removeFromWishlist(ctx, requireAccount(ctx.viewer), input) })),
    productCustomerAssign: (_, { input }, ctx) => payload(async () => ({ product: await assignProduct(ctx, input) })),
    productCustomerUnassign: (_, { input }, ctx) =>
      payload(async () => ({ product: await unassignProduct(ctx, input) })),
    backInStockSubscribe: (_, { input }, ctx) =>
      payload(() => askForNotice(ctx, requireAccount(ctx.viewer), input), { ok: false }),
    stockLocationUpsert: (_, { input }, ctx) =>
      payload(async () => ({ stockLocation: await upsertLocation(ctx, input) })),
    stockRestock: (_, { input }, ctx) => payload(() => restock(ctx, input), { isReplay: false }),
    stockAdjust: (_, { input }, ctx) => payload(() => adjustStock(ctx, input), { isReplay: false }),
    stockSet: (_, { input }, ctx) => payload(() => countStock(ctx, input), { isReplay: false }),
    stockTransfer: (_, { input }, ctx) => payload(() => transferStock(ctx, input), { isReplay: false }),
    stockReserve: (_, { input }, ctx) =>
      payload(() => reserveStock(ctx, requireService(ctx.viewer), input), { isReplay: false }),
    stockReservationExtend: (_, { input }, ctx) =>
      payload(() => extendReservation(ctx, requireService(ctx.viewer), input), { isReplay: false }),
    stockCommit: (_, { input }, ctx) =>
      payload(() => commitStock(ctx, requireService(ctx.viewer), input), { isReplay: false }),
    stockRelease: (_, { input }, ctx) =>
      payload(() => releaseStock(ctx, requireService(ctx.viewer), input), { isReplay: false }),
    stockShip: (_, { input }, ctx) =>
      payload(() => shipStock(ctx, requireService(ctx.viewer), input), { ok: false, isReplay: false }),
    stockReturn: (_, { input }, ctx) =>
      payload(() => returnStock(ctx, requireService(ctx.viewer), input), { ok: false, isReplay: false }),
  },
  Subscription: {
    stockAvailabilityChanged: {
      subscribe: (_, { variantIds }, ctx) => watchAvailability(ctx, variantIds),
      resolve: (variant: unknown) => variant as never,
    },
    lowStockAlertRaised: {
      subscribe: (_, _args, ctx) => watchAlerts(ctx),
      resolve: (alert: unknown) => alert as never,
    },
  },
  Product: {
    __resolveReference: (by, ctx) => readProduct(ctx, 'id' in by ? { id: by.id } : { slug: by.slug }),
    category: ({ categoryId }, _, ctx) => (categoryId ? categoryById(ctx).load(categoryId) : null),
    variants: (product, args, ctx, info) => variantsIn(ctx, product, args, info),
    priceRange: (product) => (product.priceMinMinor === null ? null : product),
    rating: (product, _, ctx) => ratingIn(ctx, product),
    reviews: (product, args, ctx) => reviewsOf(ctx, product, args),
    isInWishlist: ({ id }, _, ctx) => isWanted(ctx, id),
    assignedCustomers: ({ id }, args, ctx) => ownersOf(ctx, id, args),
    related: (product, { limit }, ctx) => relatedTo(ctx, product, limit ?? 8),
  },
  ProductVariant: {
    __resolveReference: (by, ctx) => readVariant(ctx, 'id' in by ? { id: by.id } : { sku: by.sku }),
    product: async ({ productId }, _, ctx) => (await productOf(ctx).load(productId))!,
    price: ({ priceMinor }, _, { config }) => ({ amountMinor: priceMinor, currency: config.CURRENCY }),
    compareAtPrice: ({ compareAtMinor }, _, { config }) =>
      compareAtMinor === null ? null : { amountMinor: compareAtMinor, currency: config.CURRENCY },
    availability: (variant, _, ctx) => availabilityOf(ctx, variant),
    stock: (variant, _, ctx) => stockFor(ctx, variant),
    externalQuote: (_, { symbol }, ctx) => quoteOf(ctx, symbol),
  },
  Category: {
    __resolveReference: ({ id }, ctx) => readCategory(ctx, { id }),
    parent: ({ parentId }, _, ctx) => (parentId ? categoryById(ctx).load(parentId) : null),
    ancestors: (category, _, ctx) => ancestorsOf(ctx, category),
    children: ({ id }, _, ctx) => categoriesBelow(ctx, id),
    products: (category, args, ctx) => productsIn(ctx, category, args),
  },
  StockLocation: {
    __resolveReference: ({ id }, ctx) => readLocation(ctx, id),
    address: (location, _, ctx) => staffView(ctx, location)?.address ?? null,
    isActive: (location, _, ctx) => staffView(ctx, location)?.isActive ?? null,
    priority: (location, _, ctx) => staffView(ctx, location)?.priority ?? null,
  },
  PriceRange: {
    min: ({ priceMinMinor }, _, { config }) => ({ amountMinor: priceMinMinor!, currency: config.CURRENCY }),
    max: ({ priceMaxMinor }, _, { config }) => ({ amountMinor: priceMaxMinor!, currency: config.CURRENCY }),
  },
  RatingSummary: {
    average: ({ ratingAverage, ratingCount }) => (ratingCount === 0 ? null : ratingAverage),
    count: ({ ratingCount }) => ratingCount,
  },
  VariantStock: {
    onHand: async ({ id }, _, ctx) => totals(await levelsOf(ctx).load(id)).onHand,
    reserved: async ({ id }, _, ctx) => totals(await levelsOf(ctx).load(id)).reserved,
    committed: async ({ id }, _, ctx) => totals(await levelsOf(ctx).load(id)).committed,
    available: async ({ id }, _, ctx) => available(totals(await sellableLevels(ctx, id))),
    levels: ({ id }, _, ctx) => levelsOf(ctx).load(id),
  },
  StockLevel: {
    location: async ({ locationId }, _, ctx) => (await locationById(ctx).load(locationId))!,
    available: (level) => available(level),
  },
  StockMovement: {
    variant: async ({ variantId }, _, ctx) => (await variantOf(ctx).load(variantId))!,
    location: async ({ locationId }, _, ctx) => (await locationById(ctx).load(locationId))!,
    actor: ({ actorId }) => (actorId ? { __typename: 'User', id: actorId } : null),
  },
  LowStockAlert: {
    variant: async ({ variantId }, _, ctx) => (await variantOf(ctx).load(variantId))!,
    location: async ({ locationId }, _, ctx) => (await locationById(ctx).load(locationId))!,
  },
  StockReservation: { lines: ({ id }, _, ctx) => linesOfReservation(ctx).load(id) },
  StockReservationLine: {
    variant: async ({ variantId }, _, ctx) => (await variantOf(ctx).load(variantId))!,
    location: async ({ locationId }, _, ctx) => (await locationById(ctx).load(locationId))!,
  },
  Review: {
    product: async ({ productId }, _, ctx) => (await productOf(ctx).load(productId))!,
    author: ({ authorId }) => ({ __typename: 'User', id: authorId }),
  },
  SearchResult: {
    products: (search, args, ctx) => matches(ctx, search, args),
    facets: (search, _, ctx) => facets(ctx, search),
    suggestion: (search) => suggestion(search),
  },
  ExternalQuote: { currencyCode: ({ currency }) => currency, source: () => SOURCE },
  WishlistItem: {
    product: async ({ productId }, _, ctx) => (await productOf(ctx).load(productId))!,
    variant: ({ variantId }, _, ctx) => (variantId ? variantOf(ctx).load(variantId) : null),
    addedAt: ({ createdAt }) => createdAt,
  },
  CustomerItem: {
    product: async ({ productId }, _, ctx) => (await productOf(ctx).load(productId))!,
    variant: ({ variantId }, _, ctx) => (variantId ? variantOf(ctx).load(variantId) : null),
    order: ({ orderId }) => (orderId ? { __typename: 'Order', id: orderId } : null),
  },
  AdminDashboard: { __resolveReference: periodOf, inventory: (period, _, ctx) => inventoryStats(ctx, period) },
  User: {
    reviews: ({ id }, args, ctx) => reviewsBy(ctx, id, args),
    wishlist: ({ id }, args, ctx) => wishlistOf(ctx, id, args),
    items: ({ id }, args, ctx) => itemsOf(ctx, id, args),
  },
}
