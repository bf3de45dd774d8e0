import type { Guard } from './guard.ts'

/** Guards in one file of the payments. `test` names the tests' file. */
export const inFile =
  (file: string) =>
  (forbids: string, text: string, without: string, test: string, name?: string): Guard => ({
    forbids,
    file: `subgraphs/payments/${file}.ts`,
    text,
    without,
    redIn: { file: `subgraphs/payments/${test}.test.ts`, ...(name && { name }) },
  })
