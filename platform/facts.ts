import { sql, type SQL } from 'drizzle-orm'
import { jsonb, pgSchema, primaryKey, text } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { columns } from './columns.ts'
import type { Db } from './database.ts'
import { uuidv7 } from './ids.ts'
import type { Owner } from './viewer.ts'

/** Something that became true and that other parts may act on. Declared in the owner's `events.ts`. */
export interface Fact<T = unknown> {
  /** `OrderPlaced`. Its queues are named after it. */
  name: string
  /** Grows when the shape of `data` changes. */
  version: number
  data: z.ZodType<T>
}

export function fact<T extends z.ZodRawShape>(name: string, version: number, shape: T): Fact<z.output<z.ZodObject<T>>> {
  return { name, version, data: z.object(shape) }
}

/** One announcement of a fact. */
export interface Announced<T = unknown> {
  eventId: string
  name: string
  version: number
  /** RFC 3339. */
  occurredAt: string
  entityId: string
  /** Version of the entity the fact is about; an older one than already seen is ignored by consumers. */
  entityVersion: number
  /** Whose entity it is; null when nobody's. */
  owner: Owner | null
  requestId: string
  data: T
}

const events = pgSchema('events')

/** One row per fact until the relay has handed it on. Roles of subgraphs may insert here and nothing else. */
export const outbox = events.table('outbox', {
  eventId: columns.id(),
  name: text().notNull(),
  event: jsonb().$type<Announced>().notNull(),
})

/** Which queues get which fact. */
export const subscriptions = events.table(
  'subscriptions',
  { fact: text().notNull(), queue: text().notNull() },
  (table) => [primaryKey({ columns: [table.fact, table.queue] })],
)

/** What is told of a fact. */
export interface About<T> {
  entityId: string
  entityVersion: number
  owner: Owner | null
  data: T
}

/**
 * Announces `fact` in the transaction that makes it true: rolled back, it never happened; committed, every consumer gets
 * it at least once.
 */
export async function announce<T>(
  tx: Db,
  clock: { now(): Date; requestId: string },
  announced: Fact<T>,
  about: About<T>,
): Promise<void> {
  await tx.insert(outbox).values(announcement(clock, announced, about))
}

/** The row of the outbox that announces `fact`, for statements that insert it themselves. */
export function announcement<T>(
  { now, requestId }: { now(): Date; requestId: string },
  { name, version, data: shape }: Fact<T>,
  about: About<T>,
): typeof outbox.$inferSelect {
  const { owner } = about
  const event: Announced<T> = {
    eventId: uuidv7(),
    name,
    version,
    occurredAt: now().toISOString(),
    requestId,
    ...about,
    owner: owner && { kind: owner.kind, id: owner.id },
    data: shape.parse(about.data),
  }
  return { eventId: event.eventId, name, event }
}

/**
 * Part of a statement that announces `fact` once for each row of `from`. What it is about are SQL expressions on that row;
 * `data` is a jsonb of the fact's shape.
 */
export function announcing<T>(
  { now, requestId }: { now(): Date; requestId: string },
  { name, version }: Fact<T>,
  from: SQL,
  { entityId, entityVersion, owner, data }: { entityId: SQL; entityVersion: SQL; owner?: SQL; data: SQL },
): SQL {
  return sql`
    insert into ${outbox} (event_id, name, event)
    select event_id, ${name}, jsonb_build_object(
      'eventId', event_id, 'name', ${name}::text, 'version', ${version}::int, 'occurredAt', ${now().toISOString()}::text,
      'requestId', ${requestId}::text, 'entityId', entity_id, 'entityVersion', entity_version, 'owner', owner, 'data', data
    )
    from (
      select uuidv7() as event_id, ${entityId} as entity_id, ${entityVersion} as entity_version,
        ${owner ?? sql`null::jsonb`} as owner, ${data} as data
      from ${from}
    ) announced`
}
