import { z } from 'zod'
import { fact } from '#platform/facts.ts'

/** Somebody was answered; the recipient is told when not connected. */
export const TicketReplied = fact('TicketReplied', 1, {
  ticketId: z.uuid(),
  recipientId: z.uuid(),
  excerpt: z.string(),
})
