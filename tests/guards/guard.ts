import { readFile } from 'node:fs/promises'

/** One thing that keeps money or stock right when two do the same at once or one comes too late. */
export interface Guard {
  /** What it forbids, as a sentence's rest: `a paused process freezes a cart after its undo`. */
  forbids: string
  /** Where it stands, from the project's root: code, or a migration for an index. */
  file: string
  /** Its text there, found exactly once. */
  text: string
  /** What stands there without it; `''` when left out. */
  without?: string
  /** The tests that go red then: a file and, to be quick, a part of the tests' names. */
  redIn: { file: string; name?: string }
}

/** The guard's file as it is, and without the guard. @throws if the text is not there exactly once. */
export async function takenOut({
  file,
  text,
  without = '',
  forbids,
}: Guard): Promise<{ before: string; after: string }> {
  const before = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
  const found = before.split(text).length - 1
  if (found !== 1) throw new Error(`The guard that forbids that ${forbids} stands ${found} times in ${file}: ${text}`)
  return { before, after: before.replace(text, () => without) }
}
