import { expect, test } from 'vitest'
import { memoryInUse } from './testing/memory.ts'
import { initialised } from './testing/raw-socket.ts'
import { startSky } from './testing/router-under-test.ts'

const OPERATIONS = 100_000
const ROUND = 10_000

test('a hundred thousand different operations leave no more behind than the first ten thousand', async () => {
  await using sky = await startSky('local')
  await using raw = await initialised(sky.url)
  let asked = 0
  const round = async () => {
    for (let batch = 0; batch < ROUND / 100; batch++) {
      for (let each = 0; each < 100; each++) {
        // Planning is most of the work; every twentieth is enough to fill what plans are kept in many times over.
        const query = asked % 20 ? `{ name${asked}: __typename }` : `{ planet(id: "p1") { name${asked}: name } }`
        raw.send({ id: `${asked++}`, type: 'subscribe', payload: { query } })
      }
      for (let each = 0; each < 200; each++) {
        const { type, payload } = await raw.next()
        if (type === 'next' && payload.errors) throw new Error(JSON.stringify(payload))
      }
    }
  }
  await round()
  const first = memoryInUse()
  while (asked < OPERATIONS) await round()
  expect(memoryInUse() - first).toBeLessThan(20)
}, 600_000)
