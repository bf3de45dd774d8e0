import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { staffWith } from '../../tests/setup/viewers.ts'
import { openPeople } from './people.fixture.ts'
import { sessions, users } from './tables.ts'

const admin = staffWith('admin:read')
const may = (day: number) => new Date(Date.UTC(2026, 4, day))

let people: Awaited<ReturnType<typeof openPeople>>
beforeAll(async () => {
  people = await openPeople()
})
afterAll(() => people.shop[Symbol.asyncDispose]())

const QUERY = /* GraphQL */ `
  query ($from: DateTime!, $to: DateTime!) {
    adminDashboard(from: $from, to: $to) {
      from
      to
      users {
        registered
        active
        verified
      }
    }
  }
`
const dashboard = async (from: Date, to: Date) =>
  await people.shop.answer('users', admin, QUERY, { from: from.toISOString(), to: to.toISOString() })

test('counts who registered, was confirmed and was signed in during the period', async () => {
  const { db } = people.shop.part('users').ownContext()
  const opened = async (day: number, isConfirmed = false) => {
    const { id } = await people.somebody()
    const account = {
      createdAt: may(day),
      ...(isConfirmed && { emailVerifiedAt: may(day), status: 'ACTIVE' as const }),
    }
    await db.update(users).set(account).where(eq(users.id, id))
    const ended = { createdAt: may(day), revokedAt: may(day + 1), revokedFor: 'SIGN_OUT' as const }
    await db.update(sessions).set(ended).where(eq(sessions.ownerId, id))
    return id
  }
  await opened(9)
  await opened(10)
  await opened(11, true)
  await opened(13, true)
  const { data } = await dashboard(may(10), may(13))
  expect(data?.adminDashboard).toEqual({
    from: may(10).toISOString(),
    to: may(13).toISOString(),
    // Whoever signed in on the 9th was still signed in when the 10th began.
    users: { registered: 2, active: 3, verified: 1 },
  })
  expect((await dashboard(may(20), may(21))).data?.adminDashboard.users.active).toBe(0)
})

test('a session that goes on counts until now, and in no period to come', async () => {
  await people.somebody()
  const now = Date.now()
  const day = 86_400_000
  const during = async (from: number, to: number) =>
    (await dashboard(new Date(from), new Date(to))).data?.adminDashboard.users.active
  expect(await during(now - day, now + day)).toBe(1)
  expect(await during(now + day, now + 2 * day)).toBe(0)
})

test.each([
  ['empty', may(2), may(2)],
  ['longer than 366 days', may(2), new Date(Date.UTC(2027, 4, 4))],
])('a period that is %s is refused', async (_, from, to) => {
  const { data, errors } = await dashboard(from, to)
  expect(data?.adminDashboard).toBeNull()
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})
