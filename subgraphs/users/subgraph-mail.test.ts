import { createServer } from 'node:net'
import { once } from 'node:events'
import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { sendMails } from './mails.ts'
import { mails } from './tables.ts'
import { openPeople } from './people.fixture.ts'

/** A mail server that takes everything, unless `isClosed`: then it turns every sender away. */
async function startSmtp() {
  const received: string[] = []
  const state = { isClosed: false }
  const server = createServer((socket) => {
    let text = ''
    const say = (line: string) => socket.write(`${line}\r\n`)
    say(state.isClosed ? '421 closed' : '220 ready')
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      for (;;) {
        const isInData = text.startsWith('DATA\r\n')
        const end = isInData ? text.indexOf('\r\n.\r\n') : text.indexOf('\r\n')
        if (isInData && text === 'DATA\r\n') return say('354 go on')
        if (end < 0) return
        const line = text.slice(0, end)
        text = text.slice(end + (isInData ? 5 : 2))
        if (isInData) received.push(line)
        if (line === 'QUIT') return socket.end('221 bye\r\n')
        say('250 fine')
      }
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { received, state, url: `smtp://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() }
}

const smtp = await startSmtp()
const { shop, register, newEmail, route, mailsTo, atTime, after } = await openPeople(['users'], { SMTP_URL: smtp.url })
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await smtp[Symbol.asyncDispose]()
})
const ctx = shop.part('users').ownContext()
const waiting = (to: string) => ctx.db.select().from(mails).where(eq(mails.recipient, to))

describe('a mail', () => {
  test('leaves by SMTP once, however many send at the same time, and is not kept', async () => {
    const emails = Array.from({ length: 8 }, newEmail)
    await Promise.all(emails.map((email) => register({ email, password: 'password123' })))
    await Promise.all(Array.from({ length: 5 }, () => sendMails(ctx)))
    for (const email of emails) {
      const mine = smtp.received.filter((text) => text.includes(`To: ${email}`))
      expect(mine).toHaveLength(1)
      expect(mine[0]).toMatch(/Subject: Confirm your e-mail address[\s\S]*token=/)
      expect(await waiting(email)).toEqual([])
    }
  })

  test('that is turned away is sent again later, and given up after ten tries', async () => {
    const email = newEmail()
    smtp.state.isClosed = true
    await register({ email, password: 'password123' })
    await sendMails(ctx)
    expect(await waiting(email)).toMatchObject([{ status: 'PENDING', attempts: 1 }])
    smtp.state.isClosed = false
    await sendMails(ctx)
    expect(await waiting(email)).toMatchObject([{ attempts: 1 }])
    await ctx.db.update(mails).set({ attempts: 9 }).where(eq(mails.recipient, email))
    smtp.state.isClosed = true
    await atTime(after(5_000), () => sendMails(ctx))
    expect(await waiting(email)).toMatchObject([{ status: 'DEAD', attempts: 10 }])
  })

  test('stays in the queue in production without a mail server', async () => {
    const { shop: shut, register: enter, newEmail: address } = await openPeople(['users'])
    await using _ = shut
    const email = address()
    await enter({ email, password: 'password123' })
    const own = shut.part('users').ownContext()
    await sendMails({ ...own, config: { ...own.config, NODE_ENV: 'production' } })
    expect(await own.db.select().from(mails)).toMatchObject([{ recipient: email, status: 'PENDING', attempts: 1 }])
  })
})

describe('the mailbox', () => {
  test('shows a mail as soon as it is posted, as JSON by address and as a page that runs no script', async () => {
    const email = newEmail()
    await register({ email, password: 'password123' })
    const [mail] = await mailsTo(email.toUpperCase())
    expect(mail).toMatchObject({
      to: email,
      subject: 'Confirm your e-mail address',
      links: [expect.stringContaining('http://localhost:4000/')],
    })
    const page = await route('/dev/mail')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain(email)
  })
})
