import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Sql } from 'postgres'

/** What has to hold at every moment, whatever was killed when. A part keeps its own in `invariants.ts`. */
export interface Invariant {
  /** As a sentence: `a cart has one live checkout`. */
  name: string
  /** Returns the rows that break it. Run by an administrator of the database: it may look at the schemas of all parts. */
  sql: string
}

export interface Checked extends Invariant {
  part: string
  offending: readonly Record<string, unknown>[]
}

/** The invariants of all parts. */
export async function allInvariants(): Promise<(Invariant & { part: string })[]> {
  const parts = globSync('*/invariants.ts', { cwd: import.meta.dirname }).map((file) => dirname(file))
  const found = await Promise.all(
    parts.sort().map(async (part) => {
      const { invariants } = (await import(`./${part}/invariants.ts`)) as { invariants: readonly Invariant[] }
      return invariants.map((invariant) => ({ ...invariant, part }))
    }),
  )
  return found.flat()
}

/** Checks every invariant on what is committed now, all on the same state. */
export async function checkInvariants(admin: Sql): Promise<Checked[]> {
  const invariants = await allInvariants()
  return await admin.begin('isolation level repeatable read read only', async (tx) => {
    const checked: Checked[] = []
    for (const invariant of invariants) checked.push({ ...invariant, offending: await tx.unsafe(invariant.sql) })
    return checked
  })
}
