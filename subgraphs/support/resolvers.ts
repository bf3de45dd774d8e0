import type { Context } from '#platform/context.ts'
import type { LiveMessage } from '#platform/live.ts'
import { payload } from '#platform/user-errors.ts'
import { requireAccount } from '#platform/viewer.ts'
import { participantsOf, unreadOf } from './loaders.ts'
import { editMessage, sendMessage } from './messages.ts'
import type { Resolvers } from './schema.generated.ts'
import { messageOf, queueChanges, queued, ticketEventsOf, ticketOf, type TicketEvent } from './ticket-events.ts'
import {
  allTickets,
  assignTicket,
  closeTicket,
  createTicket,
  rateTicket,
  readTicket,
  reopenTicket,
  ticketsAbout,
  ticketsOf,
  updateTicket,
} from './tickets.ts'
import { isTyping, markRead, messagesOf, setTyping } from './conversation.ts'

const person = (id: string | null) => (id === null ? null : { __typename: 'User' as const, id })

export const resolvers: Resolvers = {
  Query: {
    ticket: (_, { id }, ctx) => readTicket(ctx, id),
    tickets: (_, args, ctx) => allTickets(ctx, args),
  },
  Mutation: {
    ticketCreate: (_, { input }, ctx) =>
      payload(() => createTicket(ctx, requireAccount(ctx.viewer), input), { isReplay: false }),
    ticketClose: (_, { input }, ctx) => payload(() => closeTicket(ctx, input.ticketId)),
    ticketReopen: (_, { input }, ctx) => payload(() => reopenTicket(ctx, input.ticketId)),
    ticketRate: (_, { input }, ctx) => payload(() => rateTicket(ctx, requireAccount(ctx.viewer), input)),
    messageSend: (_, { input }, ctx) => payload(() => sendMessage(ctx, requireAccount(ctx.viewer), input)),
    messageEdit: (_, { input }, ctx) => payload(() => editMessage(ctx, requireAccount(ctx.viewer), input)),
    ticketMarkRead: (_, { input }, ctx) => payload(() => markRead(ctx, requireAccount(ctx.viewer), input)),
    ticketTypingSet: (_, { input }, ctx) =>
      payload(() => setTyping(ctx, requireAccount(ctx.viewer), input), { ok: false }),
    ticketAssign: (_, { input }, ctx) => payload(() => assignTicket(ctx, input)),
    ticketUpdate: (_, { input }, ctx) => payload(() => updateTicket(ctx, input)),
  },
  Subscription: {
    ticketEvents: { subscribe: (_, args, ctx) => ticketEventsOf(ctx, args), resolve: (event: TicketEvent) => event },
    supportQueueChanged: {
      subscribe: (_, _args, ctx) => queueChanges(ctx),
      resolve: (hint: LiveMessage, _: unknown, ctx: Context) => queued(ctx, hint),
    },
  },
  Ticket: {
    __resolveReference: ({ id }, ctx) => readTicket(ctx, id),
    requester: ({ requesterId }) => person(requesterId),
    assignee: ({ assigneeId }) => person(assigneeId),
    order: ({ orderId }) => (orderId === null ? null : { __typename: 'Order', id: orderId }),
    product: ({ productId }) => (productId === null ? null : { __typename: 'Product', id: productId }),
    messages: (ticket, args, ctx) => messagesOf(ctx, ticket, args),
    unreadCount: async ({ id }, _, ctx) => (await unreadOf(ctx).load(id))?.unread ?? 0,
    participants: ({ id }, _, ctx) => participantsOf(ctx).load(id),
    satisfaction: ({ ratingScore, ratingComment }) =>
      ratingScore === null ? null : { score: ratingScore, comment: ratingComment },
  },
  Message: { author: ({ authorId }) => person(authorId) },
  TicketParticipant: {
    user: ({ userId }) => person(userId),
    isTyping: (participant, _, ctx) => isTyping(ctx, participant),
  },
  MessageAdded: { message: (event, _, ctx) => messageOf(ctx, event) },
  MessageUpdated: { message: (event, _, ctx) => messageOf(ctx, event) },
  MessageRead: { user: ({ userId }) => person(userId) },
  TypingChanged: { user: ({ userId }) => person(userId) },
  TicketChanged: { ticket: (event, _, ctx) => ticketOf(ctx, event) },
  User: { tickets: ({ id }, args, ctx) => ticketsOf(ctx, id, args) },
  Order: { tickets: ({ id }, _, ctx) => ticketsAbout(ctx, id) },
}
