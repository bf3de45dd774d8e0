import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { User, Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['support'])
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const anAgent = () => staffWith('support:agent', 'users:read')

const CREATE = `mutation ($input: TicketCreateInput!) {
  ticketCreate(input: $input) { ticket { id number status waitingSince lastSequence } isReplay userErrors { code field } }
}`
const SEND = `mutation ($input: MessageSendInput!) {
  messageSend(input: $input) { message { id sequence kind } ticket { status lastSequence } userErrors { code field } }
}`
const READ = `query ($id: ID!) {
  ticket(id: $id) {
    status waitingSince firstReplyAt unreadCount version
    messages { nodes { sequence kind body } totalCount }
  }
}`
const EVENTS = `subscription ($ticketId: ID!, $afterSequence: Int) {
  ticketEvents(ticketId: $ticketId, afterSequence: $afterSequence) {
    __typename
    ... on MessageAdded { sequence message { body } }
    ... on MessageUpdated { sequence message { body } }
    ... on TicketChanged { sequence ticket { status } }
    ... on TypingChanged { isTyping user { id } }
    ... on MessageRead { lastReadSequence user { id } }
  }
}`

async function aTicket(requester: User = aCustomer()) {
  const input = { subject: 'A chipped mug', body: 'It is chipped.', idempotencyKey: uuidv7() }
  const { ticketCreate } = await shop.ask('support', requester, CREATE, { input })
  return { id: String(ticketCreate.ticket.id), requester }
}

async function write(author: Viewer, ticketId: string, body: string, more: object = {}) {
  const input = { ticketId, body, clientMessageId: uuidv7(), ...more }
  return (await shop.ask('support', author, SEND, { input })).messageSend
}

const read = async (viewer: Viewer, id: string) => (await shop.ask('support', viewer, READ, { id })).ticket

const follow = (viewer: Viewer, ticketId: string, afterSequence?: number) =>
  shop.watch('support', viewer, EVENTS, { ticketId, afterSequence })

async function take(events: ReturnType<typeof follow>, count: number) {
  const taken: Record<string, any>[] = [] // oxlint-disable-line typescript/no-explicit-any -- what the test asked for
  while (taken.length < count) {
    const { value } = await events.next()
    taken.push(value.data!.ticketEvents)
  }
  return taken
}

describe('a ticket that is opened', () => {
  test('waits for staff and has its first message', async () => {
    const { id, requester } = await aTicket()
    expect(await read(requester, id)).toMatchObject({
      status: 'OPEN',
      waitingSince: expect.any(String),
      firstReplyAt: null,
      messages: { nodes: [{ sequence: 1, kind: 'CUSTOMER', body: 'It is chipped.' }], totalCount: 1 },
    })
  })

  test('is opened once per key', async () => {
    const requester = aCustomer()
    const input = { subject: 'Hello', body: 'World', idempotencyKey: uuidv7() }
    const all = await Promise.all([1, 2, 3, 4].map(() => shop.ask('support', requester, CREATE, { input })))
    expect(new Set(all.map(({ ticketCreate }) => ticketCreate.ticket.id)).size).toBe(1)
    expect(all.filter(({ ticketCreate }) => !ticketCreate.isReplay)).toHaveLength(1)
    const other = await shop.ask('support', requester, CREATE, { input: { ...input, body: 'Something else' } })
    expect(other.ticketCreate.userErrors).toEqual([
      { code: 'IDEMPOTENCY_KEY_REUSED', field: ['input', 'idempotencyKey'] },
    ])
  })

  test('has every problem of its input named at once', async () => {
    const input = { subject: ' ', body: 'x'.repeat(10_001), idempotencyKey: uuidv7() }
    const { ticketCreate } = await shop.ask('support', aCustomer(), CREATE, { input })
    expect(ticketCreate.ticket).toBeNull()
    expect(ticketCreate.userErrors).toEqual([
      { code: 'INVALID', field: ['input', 'subject'] },
      { code: 'INVALID', field: ['input', 'body'] },
    ])
  })

  test('is not opened while the order it is about cannot be looked up', async () => {
    const input = { subject: 'Hello', body: 'World', orderId: uuidv7(), idempotencyKey: uuidv7() }
    const { ticketCreate } = await shop.ask('support', aCustomer(), CREATE, { input })
    expect(ticketCreate).toMatchObject({ ticket: null, userErrors: [{ code: 'UPSTREAM_UNAVAILABLE', field: null }] })
  })

  test('needs an account', async () => {
    const input = { subject: 'Hello', body: 'World', idempotencyKey: uuidv7() }
    const { errors } = await shop.answer('support', aGuest(), CREATE, { input })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('a conversation', () => {
  test('turns to whoever has to answer', async () => {
    const { id, requester } = await aTicket()
    const agent = anAgent()
    expect(await write(agent, id, 'Sorry!')).toMatchObject({
      message: { kind: 'AGENT' },
      ticket: { status: 'PENDING' },
    })
    expect(await read(requester, id)).toMatchObject({
      waitingSince: null,
      firstReplyAt: expect.any(String),
      unreadCount: 1,
    })
    expect(await write(requester, id, 'Thanks')).toMatchObject({
      message: { kind: 'CUSTOMER' },
      ticket: { status: 'OPEN' },
    })
    expect(await read(requester, id)).toMatchObject({ unreadCount: 0 })
  })

  test('has a message once, however often it is sent', async () => {
    const { id, requester } = await aTicket()
    const clientMessageId = uuidv7()
    const sent = await Promise.all([1, 2, 3, 4, 5].map(() => write(requester, id, 'Again', { clientMessageId })))
    expect(new Set(sent.map(({ message }) => message.id)).size).toBe(1)
    expect((await read(requester, id)).messages.totalCount).toBe(2)
  })

  test('numbers what is written at the same time without a double', async () => {
    const { id, requester } = await aTicket()
    await Promise.all(Array.from({ length: 12 }, (_, index) => write(requester, id, `Line ${index}`)))
    const { messages } = await read(requester, id)
    expect(messages.nodes.map(({ sequence }: { sequence: number }) => sequence)).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 1),
    )
  })

  test('keeps notes from the customer', async () => {
    const { id, requester } = await aTicket()
    const agent = anAgent()
    await write(agent, id, 'The third one this week', { isInternal: true })
    await write(agent, id, 'Sorry!')
    const seen = await read(requester, id)
    expect(seen.messages).toMatchObject({ nodes: [{ sequence: 1 }, { sequence: 3 }], totalCount: 2 })
    expect(seen.unreadCount).toBe(1)
    expect((await read(agent, id)).messages.totalCount).toBe(3)
    expect(await take(follow(requester, id, 0), 2)).toMatchObject([{ sequence: 1 }, { sequence: 3 }])
  })

  test('does not let a customer write notes', async () => {
    const { id, requester } = await aTicket()
    expect((await write(requester, id, 'psst', { isInternal: true })).userErrors).toEqual([
      { code: 'FORBIDDEN', field: ['input', 'isInternal'] },
    ])
  })

  test('is over when closed, until it is reopened', async () => {
    const { id, requester } = await aTicket()
    const move = (field: string) =>
      shop.ask(
        'support',
        requester,
        `mutation { ${field}(input: { ticketId: "${id}" }) { ticket { status } userErrors { code } } }`,
      )
    expect(await move('ticketClose')).toEqual({ ticketClose: { ticket: { status: 'CLOSED' }, userErrors: [] } })
    expect((await write(requester, id, 'One more thing')).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    expect(await move('ticketReopen')).toEqual({ ticketReopen: { ticket: { status: 'OPEN' }, userErrors: [] } })
    expect((await write(requester, id, 'One more thing')).userErrors).toEqual([])
  })

  test('can be corrected by its author for 15 minutes', async () => {
    const { id, requester } = await aTicket()
    const { message } = await write(requester, id, 'Helo')
    const edit = (viewer: Viewer) =>
      shop.ask(
        'support',
        viewer,
        `mutation { messageEdit(input: { id: "${message.id}", body: "Hello" }) { message { body editedAt } userErrors { code } } }`,
      )
    expect((await edit(anAgent())).messageEdit.userErrors).toEqual([{ code: 'FORBIDDEN' }])
    expect((await edit(aCustomer())).messageEdit.userErrors).toEqual([{ code: 'NOT_FOUND' }])
    expect((await edit(requester)).messageEdit.message).toMatchObject({ body: 'Hello', editedAt: expect.any(String) })
    shop.clock.now = new Date(Date.now() + 16 * 60_000)
    expect((await edit(requester)).messageEdit.userErrors).toEqual([{ code: 'NOT_APPLICABLE' }])
    shop.clock.now = null
  })
})

describe('following a ticket', () => {
  test('replays what was missed and goes on live', async () => {
    const { id, requester } = await aTicket()
    await write(requester, id, 'two')
    const events = follow(requester, id, 0)
    expect(await take(events, 2)).toMatchObject([{ sequence: 1 }, { sequence: 2, message: { body: 'two' } }])
    const next = take(events, 1)
    await write(anAgent(), id, 'three')
    expect(await next).toMatchObject([{ __typename: 'MessageAdded', sequence: 3, message: { body: 'three' } }])
    await events.return?.()
  })

  test('loses nothing that is written while it begins', async () => {
    const { id, requester } = await aTicket()
    const written = Promise.all(Array.from({ length: 15 }, (_, index) => write(requester, id, `Line ${index}`)))
    const events = follow(requester, id, 0)
    const seen = await take(events, 16)
    await written
    expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1))
    await events.return?.()
  })

  test('resumes after the last sequence seen', async () => {
    const { id, requester } = await aTicket()
    for (const body of ['two', 'three', 'four']) await write(requester, id, body)
    expect(await take(follow(requester, id, 2), 2)).toMatchObject([{ sequence: 3 }, { sequence: 4 }])
  })

  test('shows typing and reading to those who are there, and keeps neither', async () => {
    const { id, requester } = await aTicket()
    const agent = anAgent()
    const events = follow(agent, id, 0)
    await take(events, 1)
    const seen = take(events, 2)
    await shop.ask(
      'support',
      requester,
      `mutation { ticketTypingSet(input: { ticketId: "${id}", isTyping: true }) { ok } }`,
    )
    await shop.ask(
      'support',
      requester,
      `mutation { ticketMarkRead(input: { ticketId: "${id}", upToSequence: 9 }) { ticket { id } } }`,
    )
    expect(await seen).toMatchObject([
      { __typename: 'TypingChanged', isTyping: true, user: { id: requester.id } },
      { __typename: 'MessageRead', lastReadSequence: 1, user: { id: requester.id } },
    ])
    await events.return?.()
  })

  test('is refused to somebody else', async () => {
    const { id } = await aTicket()
    const { value } = await follow(aCustomer(), id, 0).next()
    expect(value.errors[0].extensions.code).toBe('NOT_FOUND')
  })
})

describe('somebody else’s ticket', () => {
  test('is nothing to a customer, a guest or nobody, by id or as an entity', async () => {
    const { id } = await aTicket()
    const entity = `query ($id: ID!) { _entities(representations: [{ __typename: "Ticket", id: $id }]) { ... on Ticket { subject } } }`
    for (const viewer of [aCustomer(), aGuest(), { kind: 'anonymous' } as const, aService('orders')]) {
      expect(await read(viewer, id)).toBeNull()
      expect(await shop.ask('support', viewer, entity, { id })).toEqual({ _entities: [null] })
    }
    expect((await write(aCustomer(), id, 'Hi')).userErrors).toEqual([
      { code: 'NOT_FOUND', field: ['input', 'ticketId'] },
    ])
  })

  test('is not in the list of another person', async () => {
    const { requester } = await aTicket()
    const list = `query ($id: ID!) { _entities(representations: [{ __typename: "User", id: $id }]) { ... on User { tickets { totalCount } } } }`
    expect(await shop.ask('support', requester, list, { id: requester.id })).toEqual({
      _entities: [{ tickets: { totalCount: 1 } }],
    })
    expect(await shop.ask('support', aCustomer(), list, { id: requester.id })).toEqual({
      _entities: [{ tickets: null }],
    })
  })

  test('is unknown when the id is malformed', async () => {
    expect(await read(aCustomer(), 'not-an-id')).toBeNull()
  })
})

describe('the queue of staff', () => {
  test('is theirs alone', async () => {
    const { errors } = await shop.answer('support', aCustomer(), '{ tickets { totalCount } }')
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('begins with whoever waits longest', async () => {
    const agent = anAgent()
    const first = await aTicket()
    const second = await aTicket()
    await write(agent, first.id, 'Hello')
    await write(first.requester, first.id, 'Hello again')
    const { tickets } = await shop.ask('support', agent, '{ tickets(first: 100) { nodes { id waitingSince } } }')
    const order = tickets.nodes.map(({ id }: { id: string }) => id)
    expect(order.indexOf(second.id)).toBeLessThan(order.indexOf(first.id))
  })

  test('reads a page in one statement, and its people, unread counts and messages in one each', async () => {
    const statements = await shop.statements(() =>
      shop.ask(
        'support',
        anAgent(),
        '{ tickets(first: 10) { nodes { id subject unreadCount participants { lastReadSequence } } } }',
      ),
    )
    expect(statements).toHaveLength(3)
  })

  test('refuses a change of what changed meanwhile', async () => {
    const { id } = await aTicket()
    const update = `mutation ($v: Int) { ticketUpdate(input: { ticketId: "${id}", priority: URGENT, expectedVersion: $v }) {
      ticket { priority } userErrors { code ... on StaleVersionError { currentVersion } } } }`
    expect((await shop.ask('support', anAgent(), update, { v: 1 })).ticketUpdate.userErrors).toEqual([
      { code: 'STALE_VERSION', currentVersion: 2 },
    ])
    expect((await shop.ask('support', anAgent(), update, { v: 2 })).ticketUpdate.ticket).toEqual({ priority: 'URGENT' })
  })
})
