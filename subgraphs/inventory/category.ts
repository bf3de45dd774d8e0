import { z } from 'zod'
import { text } from './product.ts'
import { slug } from './slug.ts'

/** Levels of the tree at most: every page of a shop shows the way down to it. */
export const MAX_LEVELS = 10

export const categoryInput = z.object({ name: text('A name', 100), slug: slug.nullish() })

type Path = readonly string[]

/** Whether a category would be put below itself. `path` and `above` run from the top of the tree down to each. */
export const isBelowItself = (path: Path, above: Path): boolean => above.includes(path.at(-1)!)

/** Levels the tree would have there: `levelsBelow` is 0 for a category without any below it. */
export const isTooDeep = (above: Path, levelsBelow: number): boolean => above.length + 1 + levelsBelow > MAX_LEVELS
