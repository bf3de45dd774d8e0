import { afterAll } from 'vitest'
import { buyingAt, openShop } from './buying.fixture.ts'
import { owningAt } from './owning.fixture.ts'

/** For the top of a test file: a shop that is there for all of its tests, and what they do in it. */
export async function shopForTests() {
  const shop = await openShop()
  afterAll(() => shop[Symbol.asyncDispose]())
  return { shop, at: buyingAt(shop), our: owningAt(shop) }
}
