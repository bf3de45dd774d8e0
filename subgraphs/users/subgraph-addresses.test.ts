import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openPeople } from './people.fixture.ts'

const { shop, query, mutate, somebody } = await openPeople()
afterAll(() => shop[Symbol.asyncDispose]())

describe('the address book', () => {
  const ENTRY =
    'address { id label address { line1 city countryCode location { latitude } } isDefaultShipping isDefaultBilling }'
  const home = {
    line1: 'Kastanienallee 12',
    city: 'Berlin',
    postalCode: '10435',
    countryCode: 'DE',
    location: { latitude: 52.538, longitude: 13.409 },
  }
  const add = (viewer: Viewer, input: object = {}) =>
    mutate(viewer, 'addressCreate', ENTRY, { address: home, ...input })

  test('keeps an entry, changes part of it and removes it with its defaults', async () => {
    const { viewer } = await somebody()
    const { address } = await add(viewer, { label: 'Home', makeDefaultShipping: true })
    expect(address).toEqual({
      id: expect.any(String),
      label: 'Home',
      address: { line1: 'Kastanienallee 12', city: 'Berlin', countryCode: 'DE', location: { latitude: 52.538 } },
      isDefaultShipping: true,
      isDefaultBilling: false,
    })
    const changed = await mutate(viewer, 'addressUpdate', ENTRY, {
      id: address.id,
      label: null,
      makeDefaultBilling: true,
    })
    expect(changed.address).toEqual({ ...address, label: null, isDefaultBilling: true })
    expect((await mutate(viewer, 'addressDelete', 'deletedId', { id: address.id })).deletedId).toBe(address.id)
    const { viewer: me } = await query(viewer, 'viewer { defaultShippingAddress { id } addresses { totalCount } }')
    expect(me).toEqual({ defaultShippingAddress: null, addresses: { totalCount: 0 } })
  })

  test('tells the new default at once when one request names two', async () => {
    const { viewer } = await somebody()
    const document = `mutation ($a: AddressCreateInput!) { one: addressCreate(input: $a) { ${ENTRY} } two: addressCreate(input: $a) { ${ENTRY} } }`
    const { one, two } = await shop.ask('users', viewer, document, { a: { address: home, makeDefaultBilling: true } })
    expect([one.address.isDefaultBilling, two.address.isDefaultBilling]).toEqual([true, true])
    const { viewer: me } = await query(viewer, 'viewer { defaultBillingAddress { id } }')
    expect(me.defaultBillingAddress.id).toBe(two.address.id)
  })

  test('is paged newest first', async () => {
    const { viewer } = await somebody()
    for (const label of ['one', 'two', 'three']) await add(viewer, { label })
    const page = async (args: string) =>
      (await query(viewer, `viewer { addresses(${args}) { nodes { label } pageInfo { hasNextPage endCursor } } }`))
        .viewer.addresses
    const first = await page('first: 2')
    expect(first).toMatchObject({ nodes: [{ label: 'three' }, { label: 'two' }], pageInfo: { hasNextPage: true } })
    expect((await page(`first: 2, after: "${first.pageInfo.endCursor}"`)).nodes).toEqual([{ label: 'one' }])
    const { errors } = await shop.answer('users', viewer, '{ viewer { addresses(first: 101) { nodes { id } } } }')
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })

  test('holds fifty, however many are added at once', async () => {
    const { viewer } = await somebody()
    const answers = await Promise.all(Array.from({ length: 53 }, () => add(viewer)))
    expect(answers.flatMap(({ userErrors }) => userErrors).map(({ code }) => code)).toEqual(
      Array(3).fill('LIMIT_EXCEEDED'),
    )
  })

  test('of others is out of reach', async () => {
    const [mine, theirs] = [await somebody(), await somebody()]
    const { address } = await add(theirs.viewer)
    for (const id of [address.id, uuidv7(), 'nonsense']) {
      const notFound = [{ __typename: 'InputError', code: 'NOT_FOUND', field: ['input', 'id'] }]
      expect((await mutate(mine.viewer, 'addressUpdate', ENTRY, { id, label: 'x' })).userErrors).toEqual(notFound)
      expect((await mutate(mine.viewer, 'addressDelete', 'deletedId', { id })).userErrors).toEqual(notFound)
    }
  })

  test('names every malformed part at once', async () => {
    const { viewer } = await somebody()
    const { userErrors } = await add(viewer, {
      label: '',
      address: { ...home, line1: ' ', phone: '030', location: { latitude: 91, longitude: 0 } },
    })
    expect(userErrors.map(({ field }: { field: string[] }) => field.join('.')).toSorted()).toEqual([
      'input.address.line1',
      'input.address.location.latitude',
      'input.address.phone',
      'input.label',
    ])
  })
})
