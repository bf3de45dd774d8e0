import { sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import { messages, participants, ticketEvents, tickets, type MessageRow } from './tables.ts'

const alice = demoId('user/alice')
const bob = demoId('user/bob')
const agent = demoId('user/agent')

type Line = [minutesAgo: number, authorId: string, kind: MessageRow['kind'], body: string]

const aboutTheMug: Line[] = [
  [
    2_900,
    alice,
    'CUSTOMER',
    'Hello! One of the two mugs from my last order has a small chip at the rim. Can I get another one?',
  ],
  [2_880, agent, 'INTERNAL_NOTE', 'Second chipped mug from this batch. Asked the warehouse to look at the padding.'],
  [
    2_870,
    agent,
    'AGENT',
    'Hi Alice, I am sorry about that. Of course: I will send you a new one. Could you send us a photo of the chip?',
  ],
  [2_700, alice, 'CUSTOMER', 'Thank you! The photo is on its way by e-mail. Shall I send the chipped one back?'],
  [2_690, agent, 'AGENT', 'No need, keep it for your plants. The new mug leaves our warehouse tomorrow.'],
]

const aboutSizes: Line[] = [[95, bob, 'CUSTOMER', 'Does the linen shirt run small? I am between M and L.']]

/** Alice's ticket about her delivered order, and an open one by Bob. */
export async function seed({ db, now }: Context): Promise<boolean> {
  if ((await db.$count(tickets)) > 0) return false
  const at = (minutesAgo: number) => new Date(now().getTime() - minutesAgo * 60_000)

  const ticket = (name: string, requesterId: string, subject: string, conversation: Line[]) => {
    const replies = conversation.filter(([, , kind]) => kind === 'AGENT')
    const last = conversation.at(-1)!
    const isAnswered = last[2] === 'AGENT'
    return {
      row: {
        id: demoId(name),
        number: sql<string>`nextval('support.ticket_numbers')::text`,
        subject,
        status: isAnswered ? ('PENDING' as const) : ('OPEN' as const),
        priority: 'MEDIUM' as const,
        requesterId,
        assigneeId: replies.length > 0 ? agent : null,
        lastSequence: conversation.length,
        firstReplyAt: replies[0] ? at(replies[0][0]) : null,
        waitingSince: isAnswered ? null : at(last[0]),
        createdAt: at(conversation[0]![0]),
        updatedAt: at(last[0]),
      },
      messages: conversation.map(([minutesAgo, authorId, kind, body], index) => ({
        id: demoId(`message/${name}/${index + 1}`),
        ticketId: demoId(name),
        sequence: index + 1,
        kind,
        authorId,
        body,
        createdAt: at(minutesAgo),
      })),
    }
  }
  const mug = ticket('ticket/alice-1', alice, 'A chipped mug', aboutTheMug)
  const sizes = ticket('ticket/bob-1', bob, 'Size of the linen shirt', aboutSizes)
  const written = [...mug.messages, ...sizes.messages]

  await db.transaction(async (tx) => {
    await tx.insert(tickets).values({ ...mug.row, orderId: demoId('order/alice-delivered') })
    await tx.insert(tickets).values({ ...sizes.row, productId: demoId('product/linen-tee') })
    await tx.insert(messages).values(written)
    await tx.insert(ticketEvents).values(
      written.map(({ id, ticketId, sequence, kind }) => ({
        ticketId,
        sequence,
        kind: 'MESSAGE_ADDED' as const,
        messageId: id,
        isInternal: kind === 'INTERNAL_NOTE',
      })),
    )
    await tx.insert(participants).values([
      { ticketId: mug.row.id, userId: alice, lastReadSequence: 4 },
      { ticketId: mug.row.id, userId: agent, lastReadSequence: 5 },
      { ticketId: sizes.row.id, userId: bob, lastReadSequence: 1 },
    ])
  })
  return true
}
