import type { Guard } from './guard.ts'

export const cartGuards: readonly Guard[] = [
  {
    forbids: 'an undone attempt freezes a cart',
    file: 'subgraphs/cart/holds.ts',
    text: "if (isTaken(error, 'holds_checkout_id_attempt_pk')) return undefined",
    redIn: { file: 'subgraphs/cart/subgraph.holds.test.ts' },
  },
]
