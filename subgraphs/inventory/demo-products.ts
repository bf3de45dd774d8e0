import { demoId } from '#platform/ids.ts'
import type { Choice, Family, Style } from './demo-family.ts'
import { opinions, strangers } from './demo-reviews.ts'
import { slugOf } from './slug.ts'
import type { CategoryRow } from './tables.ts'

const DAY_MS = 86_400_000
/** What Alice's delivered order brought her. */
export const BOUGHT_BY_ALICE = ['linen-tee', 'stoneware-mug'].map((slug) => demoId(`product/${slug}`))

/** The products of a family with their variants. */
export function productsOf(family: Family, filed: readonly CategoryRow[], at: Date) {
  const category = filed.find(({ slug }) => slug === family.category)!
  const options = family.axes.map(({ name, choices }) => ({ name, values: choices.map(({ title }) => title) }))
  return family.styles.map((style, index) => {
    const age = (index * 9 + (family.weightGrams % 40)) * DAY_MS
    const product = productOf(family, style, category.id, new Date(at.getTime() - age))
    const variants = variantsOf(family, style, product)
    const prices = variants.map(({ priceMinor }) => priceMinor)
    return {
      product: { ...product, options, priceMinMinor: Math.min(...prices), priceMaxMinor: Math.max(...prices) },
      variants,
    }
  })
}

function productOf(family: Family, style: Style, categoryId: string, at: Date) {
  const slug = `${slugOf(style.name)}-${family.slug}`
  const name = `${style.name} ${family.noun}`
  return {
    id: demoId(`product/${slug}`),
    slug,
    name,
    description: `${name} by ${family.brand}. ${family.about}`,
    brand: family.brand,
    tags: [...family.tags],
    status: 'ACTIVE' as const,
    categoryId,
    media: [1, 2].map((picture) => ({
      url: `https://images.example.com/products/${slug}-${picture}.jpg`,
      altText: name,
    })),
    attributes: [
      { name: 'Kind', value: style.name },
      { name: 'Brand', value: family.brand },
    ],
    createdAt: at,
    updatedAt: at,
  }
}

function variantsOf(family: Family, style: Style, product: { id: string; createdAt: Date }) {
  return combinations(family).map((choices, position) => {
    const sku = [family.code, style.code, ...choices.map(({ code }) => code)].join('-')
    const factor = choices.reduce((all, { factor: own }) => all * own, 1)
    // Prices end in full ten cents, whatever the size.
    const price = Math.round((style.priceMinor * factor) / 10) * 10
    return {
      id: demoId(`variant/${sku}`),
      productId: product.id,
      sku,
      title: choices.map(({ title }) => title).join(' / '),
      position,
      selectedOptions: family.axes.map(({ name }, axis) => ({ name, value: choices[axis]!.title })),
      priceMinor: price,
      compareAtMinor: style.code.length === 6 ? Math.round((price * 1.25) / 100) * 100 : null,
      taxCategory: family.taxCategory ?? 'standard',
      weightGrams: Math.round(family.weightGrams * factor),
      maxOrderQuantity: 20,
      lowStockThreshold: 5,
      createdAt: product.createdAt,
      updatedAt: product.createdAt,
    }
  })
}

/** One choice of each axis, in every way. */
const combinations = ({ axes }: Family): Choice[][] =>
  axes.reduce<Choice[][]>((sets, { choices }) => sets.flatMap((set) => choices.map((choice) => [...set, choice])), [[]])

/** Reviews of the product at `index` in the catalogue; every third has none. */
export function reviewsFor(productId: string, index: number, at: Date) {
  const isBought = BOUGHT_BY_ALICE.includes(productId)
  if (index % 3 === 2 && !isBought) return []
  const authors = ['alice', 'bob', ...strangers].slice(isBought ? 0 : index % 2, 2 + (index % 4))
  return authors.map((author, place) => {
    const [rating, title, body] = opinions[(index + place * 3) % opinions.length]!
    const createdAt = new Date(at.getTime() - (1 + place * 2 + (index % 11)) * DAY_MS)
    return {
      id: demoId(`review/${author}-${productId}`),
      productId,
      authorId: demoId(`user/${author}`),
      rating,
      title,
      body,
      status: 'PUBLISHED' as const,
      createdAt,
      updatedAt: createdAt,
    }
  })
}
