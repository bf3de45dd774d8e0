import { inArray } from 'drizzle-orm'
import type { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, problem, Rejection, type UserError } from '#platform/user-errors.ts'
import { locations, variants } from './tables.ts'

/** Where a variant lies. */
export interface Place {
  variantId: string
  locationId: string
}

/** A place that staff name in their input, and where in it they do. */
export interface NamedPlace extends Place {
  path: readonly (string | number)[]
  /** Name of the location's field. */
  locationField?: string
  /** Name of the field that says how many. */
  unitsField?: string
}

/** At most so many places are looked for in an input that is refused anyway. */
const MOST_LOOKED_FOR = 100

/** The variants and locations that are not among those that there are, each field once. */
export function unknownPlaces(
  places: readonly NamedPlace[],
  known: Pick<ReadonlySet<string>, 'has'>,
  here: Pick<ReadonlySet<string>, 'has'>,
): UserError[] {
  const errors = places.flatMap(({ variantId, locationId, path, locationField = 'locationId' }): UserError[] => [
    ...(known.has(variantId) ? [] : [problem('NOT_FOUND', 'There is no such variant.', [...path, 'variantId'])]),
    ...(here.has(locationId) ? [] : [problem('NOT_FOUND', 'There is no such location.', [...path, locationField])]),
  ])
  const said = new Set<string>()
  return errors.filter(({ field }) => !said.has(String(field)) && said.add(String(field)))
}

/**
 * The input of a command after its checks. Only when they find something wrong are its places looked for here, so that
 * what there is not is told beside it; otherwise whoever books finds them.
 * @throws Rejection
 */
export async function parsePlaced<T extends z.ZodType, I>(
  { db }: Pick<Context, 'db'>,
  schema: T,
  input: I,
  placesOf: (input: I) => readonly NamedPlace[],
): Promise<z.output<T>> {
  try {
    return parseInput(schema, input)
  } catch (error) {
    if (!(error instanceof Rejection)) throw error
    const places = placesOf(input)
      .slice(0, MOST_LOOKED_FOR)
      .map((place) => ({
        ...place,
        variantId: place.variantId.toLowerCase(),
        locationId: place.locationId.toLowerCase(),
      }))
    const variantIds = places.map(({ variantId }) => variantId).filter(isId)
    const locationIds = places.map(({ locationId }) => locationId).filter(isId)
    const known = await db.select({ id: variants.id }).from(variants).where(inArray(variants.id, variantIds))
    const here = await db.select({ id: locations.id }).from(locations).where(inArray(locations.id, locationIds))
    const idsOf = (rows: readonly { id: string }[]) => new Set(rows.map(({ id }) => id))
    throw new Rejection([...error.errors, ...unknownPlaces(places, idsOf(known), idsOf(here))])
  }
}
