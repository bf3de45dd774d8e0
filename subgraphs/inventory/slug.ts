import { z } from 'zod'
import { fold } from './search-words.ts'

const ADVICE = 'A slug has up to 100 small letters, digits and single hyphens, such as linen-shirt.'

/** A name for web addresses as somebody chose it. */
export const slug = z.string().regex(/^(?=.{1,100}$)[a-z0-9]+(-[a-z0-9]+)*$/, ADVICE)

/** The slug of a name: `On the Road` → `on-the-road`. Empty when the name has no Latin letter and no digit. */
export const slugOf = (name: string): string =>
  fold(name)
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 80)
    .replaceAll(/^-+|-+$/g, '')
