import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './setup/until.ts'
import { buySecurely, checkoutOf, goods, type Line } from './system/buying.ts'
import { guestAt } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

const program = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => [join(folder, 'chromium'), join(folder, 'chromium-browser'), join(folder, 'google-chrome')])
  .find((path) => existsSync(path))

describe.skipIf(!program && !process.env.CI)('the bank’s page, in a browser that runs no script', () => {
  const opened = new AsyncDisposableStack()
  const elsewhere: string[] = []
  let origin: string
  let browser: Browser
  let wanted: Line[]

  beforeAll(async () => {
    const shop: Shop = opened.use(await oneProcess())
    origin = shop.routers[0]!
    browser = await chromium.launch({ executablePath: program ?? 'chromium', args: ['--no-sandbox', '--disable-gpu'] })
    opened.defer(() => browser.close())
    wanted = await goods(await guestAt(origin))
  }, OPENING_MS)
  afterAll(() => opened.disposeAsync())

  const waiting = async () => {
    const buyer = await guestAt(origin)
    const bought = await buySecurely(buyer, [wanted[1]!], 'nils@example.com')
    const ends = (status: string) =>
      until(async () => {
        const checkout = await checkoutOf(buyer, bought.checkoutId)
        return checkout.status === status && checkout
      })
    return { ...bought, buyer, ends }
  }
  const shown = async (path: string): Promise<Page> => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 700 } })
    opened.defer(() => context.close())
    const page = await context.newPage()
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) elsewhere.push(request.url())
    })
    await page.goto(`${origin}${path}`)
    return page
  }
  const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent()
  const shot = async (page: Page, name: string) => {
    const folder = process.env.SCREENSHOTS
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`) })
  }

  test('shows the amount; Approve buys', async () => {
    const { path, total, ends } = await waiting()
    const page = await shown(path)
    expect(await heading(page)).toBe('Confirm your payment')
    expect(await page.locator('main').textContent()).toContain(`${total.amount} ${total.currencyCode}`)
    await shot(page, 'asked')
    await page.getByRole('button', { name: 'Approve' }).click()
    expect(await heading(page)).toBe('Payment approved')
    await shot(page, 'approved')
    expect(await ends('COMPLETED')).toMatchObject({ failure: null, order: { status: 'CONFIRMED' } })
  })

  test('Decline charges nothing, and the checkout can be tried again', async () => {
    const { path, ends } = await waiting()
    const page = await shown(path)
    await page.getByRole('button', { name: 'Decline' }).click()
    expect(await heading(page)).toBe('Payment declined')
    expect(await page.getByRole('button').count()).toBe(0)
    expect(await ends('OPEN')).toMatchObject({ failure: { code: 'PAYMENT_DECLINED' }, order: null })
  })

  test('is used with the keyboard alone', async () => {
    const { path, ends } = await waiting()
    const page = await shown(path)
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').textContent()).toBe('Approve')
    await shot(page, 'focused')
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').textContent()).toBe('Decline')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Payment approved' }).waitFor()
    await ends('COMPLETED')
  })

  test('opened twice keeps the first decision, and says it in both', async () => {
    const { path, ends } = await waiting()
    const [first, second] = [await shown(path), await shown(path)]
    await first.getByRole('button', { name: 'Approve' }).click()
    await second.getByRole('button', { name: 'Decline' }).click()
    expect(await heading(second)).toBe('Payment approved')
    await ends('COMPLETED')
  })

  test('says that it is too late once the shop does not wait any more', async () => {
    const { path, checkoutId, buyer, ends } = await waiting()
    const page = await shown(path)
    await buyer.query('mutation ($id: ID!) { checkoutCancel(input: { checkoutId: $id }) { userErrors { code } } }', {
      id: checkoutId,
    })
    await ends('CANCELLED')
    await page.getByRole('button', { name: 'Approve' }).click()
    expect(await heading(page)).toBe('Too late')
    await page.reload()
    expect(await heading(page)).toBe('Too late')
    await shot(page, 'late')
    expect(await heading(await shown(path))).toBe('Too late')
  })

  test('knows no payment of another address', async () => {
    for (const path of ['/dev/3ds/unknown', '/dev/3ds', '/dev/3ds/']) {
      const page = await shown(path)
      expect(await heading(page)).toBe('There is no such payment')
    }
    await shot(await shown('/dev/3ds/unknown'), 'unknown')
  })

  test('asks nothing of any other site', () => {
    expect(elsewhere).toEqual([])
  })
})
