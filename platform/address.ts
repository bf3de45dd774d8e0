import { z } from 'zod'

const text = (max: number) => z.string().trim().min(1).max(max)
const optional = <T extends z.ZodType>(value: T) => value.nullish().transform((given) => given ?? null)

/** A postal address as it is kept and as clients send it (`AddressInput`). Unset parts are null. */
export const addressSchema = z.object({
  name: optional(text(200)),
  company: optional(text(200)),
  line1: text(200),
  line2: optional(text(200)),
  city: text(200),
  region: optional(text(100)),
  postalCode: optional(text(20)),
  countryCode: z.string().regex(/^[A-Z]{2}$/, 'A country is given by its ISO 3166-1 alpha-2 code.'),
  phone: optional(z.string().regex(/^\+[1-9]\d{6,14}$/, 'A phone number has E.164 form, such as +493012345678.')),
  location: optional(
    z.object({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
    }),
  ),
})

/** A postal address; the parent of the GraphQL type `MailingAddress`. */
export type Address = z.output<typeof addressSchema>
