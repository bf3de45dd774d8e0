import { eq } from 'drizzle-orm'
import type { Address } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import type { Role } from './role.ts'
import { addresses, identities, users } from './tables.ts'
import { initialDisplayName } from './user.ts'

const DAY_MS = 86_400_000

// Of `password123`, which all of them sign in with. Hashed once, for five hashes take longer than the rest of the seed.
const PASSWORD_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$IZw5TWLhHIFp3u819t/VDg$wZ5mSqpzHZWAqagOTLG9JokU29s3jTIxksKImcUd0Ow'

const people: readonly { name: string; firstName: string; lastName: string; roles: Role[] }[] = [
  { name: 'alice', firstName: 'Alice', lastName: 'Andersen', roles: ['CUSTOMER'] },
  { name: 'bob', firstName: 'Bob', lastName: 'Brandt', roles: ['CUSTOMER'] },
  { name: 'admin', firstName: 'Ada', lastName: 'Sommer', roles: ['CUSTOMER', 'ADMIN'] },
  { name: 'agent', firstName: 'Anton', lastName: 'Keller', roles: ['CUSTOMER', 'SUPPORT_AGENT'] },
  { name: 'courier', firstName: 'Clara', lastName: 'Winter', roles: ['CUSTOMER', 'COURIER'] },
]

const nowhere = { company: null, line2: null, region: null, countryCode: 'DE' } as const

const homes: readonly { name: string; of: string; address: Address }[] = [
  {
    name: 'alice-home',
    of: 'alice',
    address: {
      ...nowhere,
      name: 'Alice Andersen',
      line1: 'Kastanienallee 12',
      city: 'Berlin',
      postalCode: '10435',
      phone: '+493012345678',
      location: { latitude: 52.538, longitude: 13.409 },
    },
  },
  {
    name: 'bob-home',
    of: 'bob',
    address: {
      ...nowhere,
      name: 'Bob Brandt',
      line1: 'Große Bergstraße 160',
      city: 'Hamburg',
      postalCode: '22767',
      phone: '+494012345678',
      location: { latitude: 53.5503, longitude: 9.9419 },
    },
  },
]

/** People of every role, with confirmed addresses, and the homes of the two who shop. */
export async function seed({ db, now }: Pick<Context, 'db' | 'now'>): Promise<boolean> {
  const at = new Date(now().getTime() - 120 * DAY_MS)
  const times = { createdAt: at, updatedAt: at }
  return await db.transaction(async (tx) => {
    const added = await tx
      .insert(users)
      .values(
        people.map(({ name, ...person }) => ({
          ...person,
          ...times,
          id: demoId(`user/${name}`),
          email: `${name}@example.com`,
          displayName: initialDisplayName(person),
          status: 'ACTIVE' as const,
          emailVerifiedAt: at,
        })),
      )
      .onConflictDoNothing()
      .returning({ id: users.id })
    if (added.length === 0) return false
    await tx.insert(identities).values(
      people.map(({ name }) => ({
        id: demoId(`identity/${name}`),
        userId: demoId(`user/${name}`),
        provider: 'PASSWORD' as const,
        subject: `${name}@example.com`,
        linkedAt: at,
        passwordHash: PASSWORD_HASH,
      })),
    )
    await tx.insert(addresses).values(
      homes.map(({ name, of, address }) => ({
        ...times,
        id: demoId(`address/${name}`),
        userId: demoId(`user/${of}`),
        label: 'Home',
        address,
      })),
    )
    for (const { name, of } of homes) {
      const id = demoId(`address/${name}`)
      await tx
        .update(users)
        .set({ defaultShippingAddressId: id, defaultBillingAddressId: id })
        .where(eq(users.id, demoId(`user/${of}`)))
    }
    return true
  })
}
