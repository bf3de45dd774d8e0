import type { z } from 'zod'

/** What went wrong, for the client's app: the contract's `enum ErrorCode`. */
export type UserErrorCode =
  | 'INVALID'
  | 'REQUIRED'
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'CONFLICT'
  | 'STALE_VERSION'
  | 'RATE_LIMITED'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'INSUFFICIENT_STOCK'
  | 'PRICE_CHANGED'
  | 'NOT_APPLICABLE'
  | 'LIMIT_EXCEEDED'
  | 'STATE_TRANSITION'
  | 'PAYMENT_DECLINED'
  | 'TOKEN_INVALID'
  | 'TOKEN_EXPIRED'
  | 'CREDENTIALS_INVALID'
  | 'UPSTREAM_UNAVAILABLE'

/** An entry of `userErrors`. Further fields are those of its GraphQL type, such as `available` of a stock error. */
export interface UserError {
  /** GraphQL type; `InputError` when left out. */
  __typename?: string
  code: UserErrorCode
  message: string
  /** Path of the input field at fault from `input` on, list positions as decimal strings; null when there is none. */
  field?: readonly string[] | null
  [detail: string]: unknown
}

/**
 * Thrown by a use case when the caller can mend what went wrong: the transaction rolls back and `payload` turns it into
 * `userErrors`. `data` goes into the payload beside them, such as the cart as it stands.
 */
export class Rejection extends Error {
  override name = 'Rejection'
  readonly errors: readonly UserError[]
  readonly data: Record<string, unknown>

  constructor(errors: readonly UserError[], data: Record<string, unknown> = {}) {
    super(errors.map(({ code }) => code).join(', '))
    this.errors = errors
    this.data = data
  }
}

/** Rejects with one error. `field` is the path below `input`: `reject('NOT_FOUND', 'No such cart.', ['cartId'])`. */
export function reject(
  code: UserErrorCode,
  message: string,
  field?: readonly (string | number)[] | null,
  details: Record<string, unknown> = {},
): never {
  throw new Rejection([{ ...details, code, message, field: field ? inputPath(field) : null }])
}

/** The path of an input field as clients see it: `inputPath(['lines', 0, 'quantity'])`. */
export const inputPath = (path: readonly PropertyKey[]): string[] => ['input', ...path.map(String)]

/** Rejects a change that a state does not allow. */
export function rejectTransition(
  states: { from: string; to: string; allowed: readonly string[] },
  /** Path below `input`. */
  field: readonly string[] | null = null,
): never {
  reject('STATE_TRANSITION', `This cannot be done while it is ${states.from}.`, field, {
    __typename: 'StateTransitionError',
    fromState: states.from,
    toState: states.to,
    allowed: states.allowed,
  })
}

/** Rejects a change of something that changed meanwhile. */
export function rejectStale(currentVersion: number): never {
  reject('STALE_VERSION', 'It changed since you read it. Read it again.', ['expectedVersion'], {
    __typename: 'StaleVersionError',
    currentVersion,
  })
}

/**
 * The input after a zod schema's checks. Every problem is reported at once; an issue's code is INVALID unless the check
 * names another with `params: { code: 'LIMIT_EXCEEDED' }`. `found` are problems seen elsewhere, such as the id of nothing,
 * and are reported beside them. An `idempotencyKey` is checked here: the schemas leave it out.
 * @throws Rejection
 */
export function parseInput<T extends z.ZodType>(
  schema: T,
  input: unknown,
  found: readonly UserError[] = [],
): z.output<T> {
  const result = schema.safeParse(input)
  const beside = [...found, ...keyProblems(keyIn(input))]
  if (result.success && beside.length === 0) return result.data
  const issues = result.error?.issues ?? []
  throw new Rejection([
    ...issues.map((issue): UserError => ({
      code: (issue.code === 'custom' ? (issue.params?.code as UserErrorCode | undefined) : undefined) ?? 'INVALID',
      message: issue.message,
      field: inputPath(issue.path),
    })),
    ...beside,
  ])
}

/** The longest `idempotencyKey` there is, in characters. */
const MAX_KEY_LENGTH = 128

const keyIn = (input: unknown): unknown =>
  typeof input === 'object' && input && 'idempotencyKey' in input ? input.idempotencyKey : undefined

/** What is wrong with a command's `idempotencyKey`, if it has one. */
export function keyProblems(key: unknown): UserError[] {
  if (typeof key !== 'string' || (key.length > 0 && key.length <= MAX_KEY_LENGTH)) return []
  return [problem('INVALID', `A key has 1 to ${MAX_KEY_LENGTH} characters.`, ['idempotencyKey'])]
}

/** A problem to report beside others: `problem('NOT_FOUND', 'There is no such category.', ['categoryId'])`. */
export const problem = (code: UserErrorCode, message: string, field: readonly (string | number)[]): UserError => ({
  code,
  message,
  field: inputPath(field),
})

/**
 * Runs a mutation and shapes its payload: what `run` returns with no errors, or `onError` (such as `{ ok: false }`) with
 * the errors of a Rejection. Anything else thrown is not the caller's to mend and passes through.
 */
export async function payload<T extends object, E extends object = object>(
  run: () => Promise<T>,
  onError?: E,
): Promise<(T & { userErrors: [] }) | (E & Record<string, unknown> & { userErrors: UserError[] })> {
  try {
    return { ...(await run()), userErrors: [] }
  } catch (error) {
    if (!(error instanceof Rejection)) throw error
    return { ...(onError as E), ...error.data, userErrors: error.errors.map(complete) }
  }
}

const complete = (error: UserError): UserError => ({ __typename: 'InputError', field: null, ...error })
