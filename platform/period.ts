import { badUserInput } from './errors.ts'

/** A stretch of time: from a moment on, up to another and without it. */
export interface Period {
  from: Date
  to: Date
}

const MAX_DAYS = 366
const DAY_MS = 86_400_000

/**
 * The period that somebody asks about; as an entity's key its moments come as text.
 * @throws BAD_USER_INPUT when it is empty, runs backwards or is longer than 366 days.
 */
export function periodOf({ from, to }: { from: Date | string; to: Date | string }): Period {
  const period = { from: new Date(from), to: new Date(to) }
  const lengthMs = period.to.getTime() - period.from.getTime()
  if (!(lengthMs > 0 && lengthMs <= MAX_DAYS * DAY_MS)) badUserInput(`Ask about 1 ms to ${MAX_DAYS} days.`)
  return period
}
