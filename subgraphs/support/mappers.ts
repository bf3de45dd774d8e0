/** GraphQL type → what its resolvers get. */
export default {
  Ticket: './tables.ts#TicketRow',
  Message: './tables.ts#MessageRow',
  TicketParticipant: './tables.ts#ParticipantRow',
  TicketEvent: './ticket-events.ts#TicketEvent',
  MessageAdded: './ticket-events.ts#MessageEvent',
  MessageUpdated: './ticket-events.ts#MessageEvent',
  MessageRead: './ticket-events.ts#ReadEvent',
  TypingChanged: './ticket-events.ts#TypingEvent',
  TicketChanged: './ticket-events.ts#ChangeEvent',
}
