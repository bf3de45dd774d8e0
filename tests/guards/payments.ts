import type { Guard } from './guard.ts'

export const paymentsGuards: readonly Guard[] = []
