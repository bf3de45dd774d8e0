import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

const program = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => [join(folder, 'chromium'), join(folder, 'chromium-browser'), join(folder, 'google-chrome')])
  .find((path) => existsSync(path))

describe('the pages of a shop in development', () => {
  let shop: Shop
  let origin: string
  beforeAll(async () => {
    shop = await oneProcess()
    origin = shop.routers[0]!
  }, OPENING_MS)
  afterAll(() => shop?.[Symbol.asyncDispose]())

  test('Apollo Sandbox, GraphiQL and the mailbox answer', async () => {
    for (const path of ['/', '/graphiql', '/dev/mail']) {
      const response = await fetch(`${origin}${path}`)
      expect([path, response.status, response.headers.get('content-type')]).toEqual([
        path,
        200,
        expect.stringContaining('text/html'),
      ])
    }
  })

  test.skipIf(!program && !process.env.CI)(
    'GraphiQL runs a query and a subscription without any other site (skipped without chromium on the PATH)',
    async () => {
      const browser = await chromium.launch({
        executablePath: program ?? 'chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      })
      try {
        const page = await browser.newPage()
        const elsewhere: string[] = []
        await page.route(
          (url) => url.protocol.startsWith('http') && url.origin !== origin,
          async (route) => {
            elsewhere.push(route.request().url())
            await route.abort()
          },
        )
        const open = (query: string) => page.goto(`${origin}/graphiql?query=${encodeURIComponent(query)}`)
        const run = () => page.locator('.graphiql-execute-button').click()
        const result = page.locator('.result-window')

        await open('{ product(slug: "stoneware-mug") { name } }')
        await run()
        await result.getByText('"Stoneware Mug"').waitFor()

        // The courier of the demo is on the way with it: every two seconds a place and an estimate come.
        await open(
          `subscription { deliveryTracking(shipmentId: "${demoId('shipment/alice-in-transit')}") { __typename } }`,
        )
        await page.getByRole('button', { name: 'Headers' }).click()
        await page.locator('.graphiql-editor-tool .monaco-editor:visible').last().click()
        const { accessToken } = await signedIn(origin, 'alice')
        await page.keyboard.insertText(JSON.stringify({ Authorization: `Bearer ${accessToken}` }))
        await run()
        await result.getByText(/PositionUpdated|EtaUpdated/).waitFor()
        expect(elsewhere).toEqual([])
      } finally {
        await browser.close()
      }
    },
    60_000,
  )
})
