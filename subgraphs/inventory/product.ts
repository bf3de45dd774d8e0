import { z } from 'zod'
import type { ProductOption } from './schema.generated.ts'
import { slug } from './slug.ts'
import type { ProductRow, VariantRow } from './tables.ts'

export type ProductStatus = ProductRow['status']

/** What was for sale once is archived and not made a draft again: links and orders lead to it. */
export const nextStatuses = {
  DRAFT: ['ACTIVE', 'ARCHIVED'],
  ACTIVE: ['ARCHIVED'],
  ARCHIVED: ['ACTIVE'],
} as const satisfies Record<ProductStatus, readonly ProductStatus[]>

export const mayBecome = (from: ProductStatus, to: ProductStatus): boolean =>
  from === to || (nextStatuses[from] as readonly ProductStatus[]).includes(to)

/** Text of 1 to `most` characters. */
export const text = (what: string, most: number) => {
  const advice = `${what} has 1 to ${most} characters.`
  return z.string(`${what} cannot be cleared.`).trim().min(1, advice).max(most, advice)
}

/** Text that may be left out, and cleared by null or by leaving nothing of it. */
const note = (what: string, most: number) =>
  z
    .string()
    .trim()
    .max(most, `${what} has at most ${most} characters.`)
    .nullish()
    .transform((given) => (given === undefined ? undefined : given || null))

/** A list that may be left out, and cleared by null. */
const list = <T extends z.ZodType>(of: T, most: number) =>
  z
    .array(of)
    .max(most, `At most ${most}.`)
    .nullish()
    .transform((given) => (given === null ? [] : given))

/** Named values, each name once. */
export const attributes = (what: string) =>
  z
    .array(z.object({ name: text('A name', 100), value: text('A value', 500) }))
    .max(100, `At most 100 ${what}.`)
    .superRefine((given, { addIssue }) => {
      const names = given.map(({ name }) => name.toLowerCase())
      for (const [index, name] of names.entries()) {
        if (names.indexOf(name) < index)
          addIssue({ code: 'custom', path: [index, 'name'], message: 'Name each once.', continue: true })
      }
    })

const name = text('A name', 200)
const status = z.enum(['DRAFT', 'ACTIVE', 'ARCHIVED'], 'A status cannot be cleared.')
const facts = {
  description: note('A description', 10_000),
  brand: note('A brand', 100),
  categoryId: z.string().nullish(),
  tags: list(text('A tag', 50), 50).transform((tags) => tags && [...new Set(tags)]),
  attributes: attributes('attributes')
    .nullish()
    .transform((given) => (given === null ? [] : given)),
  media: list(
    z.object({
      url: z.string().max(2_000, 'An address has at most 2,000 characters.'),
      altText: note('A text', 500),
    }),
    20,
  ),
}

export const productCreation = z.object({ name, slug: slug.nullish(), status: status.nullish(), ...facts })
export const productChange = z.object({ name: name.optional(), status: status.optional(), ...facts })

type Sold = Pick<VariantRow, 'priceMinor' | 'selectedOptions'>

/** Cheapest and dearest of the variants; nulls without any. */
export function priceRange(variants: readonly Sold[]): Pick<ProductRow, 'priceMinMinor' | 'priceMaxMinor'> {
  if (variants.length === 0) return { priceMinMinor: null, priceMaxMinor: null }
  const prices = variants.map(({ priceMinor }) => priceMinor)
  return { priceMinMinor: Math.min(...prices), priceMaxMinor: Math.max(...prices) }
}

/** What there is to choose from: options and values in the order in which the variants first name them. */
export function optionsOf(variants: readonly Sold[]): ProductOption[] {
  const choices = variants.flatMap(({ selectedOptions }) => selectedOptions)
  return [...Map.groupBy(choices, (choice) => choice.name)].map(([option, chosen]) => ({
    name: option,
    values: [...new Set(chosen.map(({ value }) => value))],
  }))
}
