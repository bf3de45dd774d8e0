import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Viewer } from '#platform/viewer.ts'
import { aCustomer, staffWith } from '../../tests/setup/viewers.ts'
import {
  aCourier,
  aShipment,
  assign,
  context,
  delivery,
  dispatcher,
  follow,
  home,
  read,
  report,
  sell,
  sendHome,
  setStatus,
  shop,
  takeUntil,
  underWay,
} from './delivery.fixture.ts'

beforeEach(sendHome)
afterAll(() => shop[Symbol.asyncDispose]())

describe('a shipment on its way', () => {
  test('goes from state to state and tells each of them to whoever follows it', async () => {
    const { id, owner, courier } = await underWay()
    const events = follow(owner, id, 0)
    await report(courier, [{ latitude: 52.52, longitude: 13.3873 }], 50)
    await report(courier, [home])
    await setStatus(courier, id, 'DELIVERED')
    const seen = await takeUntil(events, ({ event }) => event?.status === 'DELIVERED')
    const statuses = seen.flatMap(({ event }) => (event ? [event.status] : []))
    expect(statuses).toEqual(['PENDING', 'ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'ARRIVING', 'DELIVERED'])
    const sequences = seen.map(({ sequence }) => Number(sequence))
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
    expect(await read(owner, id)).toMatchObject({ status: 'DELIVERED', eta: null, currentPosition: null })
    await events.return?.()
  })

  test('books its goods out of the stock when it is picked up', async () => {
    const stock = async () =>
      (
        await shop.ask(
          'inventory',
          staffWith('inventory:read'),
          '{ productVariant(sku: "MUG-STONE-GRY") { stock { onHand committed } } }',
        )
      ).productVariant.stock
    const { id, orderId } = await aShipment()
    const courier = await aCourier()
    await assign(dispatcher, id, courier.id)
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toMatchObject([{ code: expect.any(String) }])
    expect((await read(dispatcher, id)).status).toBe('ASSIGNED')
    await sell(orderId)
    const before = await stock()
    expect((await setStatus(courier.user, id, 'PICKED_UP')).userErrors).toEqual([])
    expect(await stock()).toEqual({ onHand: before.onHand - 2, committed: before.committed - 2 })
    // A retry books nothing out again.
    expect((await setStatus(courier.user, id, 'PICKED_UP')).shipment).toEqual({ status: 'PICKED_UP' })
    expect((await stock()).onHand).toBe(before.onHand - 2)
  })

  test('is shown at its newest position to whoever begins to follow it, and resumed after a sequence', async () => {
    const { id, owner, courier } = await underWay()
    // Some seconds ago: the next position must not come faster than a courier can be.
    const path = [52.51, 52.5101, 52.5102].map((latitude) => ({ latitude, longitude: 13.39 }))
    await report(courier, path, 5)
    const [first, second] = await takeUntil(follow(owner, id), ({ __typename }) => __typename === 'PositionUpdated')
    expect(first).toMatchObject({ event: { status: 'IN_TRANSIT' } })
    expect(second).toMatchObject({ position: { point: { latitude: 52.5102 } }, shipment: { status: 'IN_TRANSIT' } })
    const { lastSequence } = await read(owner, id)
    const events = follow(owner, id, lastSequence)
    const next = takeUntil(events, ({ __typename }) => __typename === 'PositionUpdated')
    expect((await report(courier, [{ latitude: 52.51021, longitude: 13.39 }])).acceptedCount).toBe(1)
    expect(await next).toMatchObject([{ sequence: lastSequence + 1, position: { point: { latitude: 52.51021 } } }])
    await events.return?.()
  })

  test('counts only positions that can be believed', async () => {
    const { courier, id, owner } = await underWay()
    expect(
      await report(courier, [
        { latitude: 52.51, longitude: 13.39 },
        { latitude: 48.1, longitude: 11.5 },
      ]),
    ).toEqual({
      acceptedCount: 1,
      userErrors: [],
    })
    expect((await read(owner, id)).path).toHaveLength(1)
  })

  test('arrives by hand where its place on the map is not known', async () => {
    const { id, courier, owner } = await underWay(aCustomer(), null)
    await report(courier, [home])
    expect(await read(owner, id)).toMatchObject({ status: 'IN_TRANSIT', eta: { remainingMeters: null } })
    expect((await setStatus(courier, id, 'ARRIVING')).shipment).toEqual({ status: 'ARRIVING' })
  })

  test('does not skip a state', async () => {
    const { id, courier } = await underWay()
    expect((await setStatus(courier, id, 'DELIVERED')).userErrors).toEqual([
      { code: 'STATE_TRANSITION', field: ['input', 'status'], fromState: 'PICKED_UP', allowed: ['IN_TRANSIT'] },
    ])
  })

  test('takes reports that come at the same time one after the other', async () => {
    const { id, courier, owner } = await underWay()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        report(courier, [{ latitude: 52.51 + index * 0.00001, longitude: 13.39 }]),
      ),
    )
    const accepted = answers.reduce((sum, { acceptedCount }) => sum + acceptedCount, 0)
    expect((await read(owner, id)).path).toHaveLength(accepted)
  })
})

describe('a tracking link', () => {
  const byToken = `query ($token: String!) { trackingByToken(token: $token) {
    status order { id } lines { title } destination { line1 } instructions proof { signedBy } events { status } } }`
  const share = async (viewer: Viewer, shipmentId: string, more: object = {}) =>
    (
      await delivery(
        viewer,
        'mutation ($input: TrackingShareCreateInput!) { trackingShareCreate(input: $input) { token url userErrors { code field } } }',
        { input: { shipmentId, ...more } },
      )
    ).trackingShareCreate

  test('shows how far it is, and nothing private, until it is revoked', async () => {
    const { id, owner } = await underWay()
    const { token, url } = await share(owner, id)
    expect(url).toContain(token)
    expect((await delivery({ kind: 'anonymous' }, byToken, { token })).trackingByToken).toEqual({
      status: 'PICKED_UP',
      order: null,
      lines: [],
      destination: null,
      instructions: null,
      proof: null,
      events: [{ status: 'PENDING' }, { status: 'ASSIGNED' }, { status: 'PICKED_UP' }],
    })
    await delivery(owner, `mutation { trackingShareRevoke(input: { shipmentId: "${id}" }) { ok } }`)
    expect((await delivery({ kind: 'anonymous' }, byToken, { token })).trackingByToken).toBeNull()
  })

  test('is made by the buyer alone, for at most 30 days', async () => {
    const { id, owner, courier } = await underWay()
    expect((await share(courier, id)).userErrors).toEqual([{ code: 'NOT_FOUND', field: ['input', 'shipmentId'] }])
    const expiresAt = new Date(Date.now() + 31 * 86_400_000).toISOString()
    expect((await share(owner, id, { expiresAt })).userErrors).toEqual([
      { code: 'INVALID', field: ['input', 'expiresAt'] },
    ])
  })

  test('opens a page in a browser', async () => {
    const { id, owner } = await underWay()
    const { url } = await share(owner, id)
    const [route] = shop.part('delivery').subgraph.routes!
    const page = await route!.handle(context(), new Request(url))
    expect(await page.text()).toContain('The courier has your goods.')
    expect((await route!.handle(context(), new Request(`${url}x`))).status).toBe(404)
  })
})

test('whoever follows a link is let go when it is revoked', async () => {
  const { id, owner } = await underWay()
  const input = { shipmentId: id }
  const { trackingShareCreate } = await delivery(
    owner,
    'mutation ($input: TrackingShareCreateInput!) { trackingShareCreate(input: $input) { token } }',
    { input },
  )
  const events = shop.watch(
    'delivery',
    { kind: 'anonymous' },
    'subscription ($token: String!) { deliveryTrackingByToken(token: $token) { ... on EtaUpdated { eta { remainingMeters } } ... on ShipmentStatusChanged { event { status } shipment { order { id } lines { title } } } } }',
    { token: trackingShareCreate.token },
  )
  expect((await events.next()).value.data.deliveryTrackingByToken).toEqual({ eta: { remainingMeters: null } })
  expect((await events.next()).value.data.deliveryTrackingByToken).toEqual({
    event: { status: 'PICKED_UP' },
    shipment: { order: null, lines: [] },
  })
  const end = events.next()
  await delivery(owner, 'mutation ($input: TrackingShareRevokeInput!) { trackingShareRevoke(input: $input) { ok } }', {
    input,
  })
  expect((await end).done).toBe(true)
})
