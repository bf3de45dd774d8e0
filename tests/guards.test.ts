import { access } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { guards } from './guards/all.ts'
import { takenOut } from './guards/guard.ts'

// That its test goes red without it takes a run of each: `npm run check:guards`.
describe('a guard on the list', () => {
  test.each(guards)('$file: no more that $forbids', async (guard) => {
    const { before, after } = await takenOut(guard)
    expect(after).not.toBe(before)
    await access(new URL(`../${guard.redIn.file}`, import.meta.url))
  })

  test('is there once', () => {
    const places = guards.map(({ file, text, without }) => `${file}: ${text} → ${without}`)
    expect(new Set(places).size).toBe(places.length)
  })
})
