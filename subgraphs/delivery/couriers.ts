import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { LiveMessage } from '#platform/live.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import { hasScope, requireAccount, requireScope } from '#platform/viewer.ts'
import { accountOf, courierOf, seen, type SeenShipment } from './access.ts'
import { FLEET, courierTopic, tellProgress } from './hints.ts'
import { courierById, courierByUser, shipmentById } from './loaders.ts'
import { advance } from './progress.ts'
import type { CourierPositionsReportInput, CourierUpsertInput } from './schema.generated.ts'
import { active, believable, underWay, type Position } from './shipment.ts'
import { couriers, shipments, type CourierRow } from './tables.ts'

/** A person as a courier: for themselves and for dispatchers. */
export async function courierProfile(ctx: Context, userId: string): Promise<CourierRow | null> {
  if (!isId(userId) || (accountOf(ctx.viewer) !== userId && !hasScope(ctx.viewer, 'delivery:dispatch'))) return null
  return await courierByUser(ctx).load(userId)
}

/** A courier by id: for dispatchers, and for themselves. Customers see theirs with a shipment. */
export async function readCourier(ctx: Context, id: string): Promise<CourierRow | null> {
  const courier = isId(id) ? await courierById(ctx).load(id) : null
  return courier && (await unlessOthers(ctx, courier, () => courier))
}

/** What only dispatchers see, and a courier of themselves. */
export async function unlessOthers<T>(ctx: Context, courier: CourierRow, value: () => T): Promise<Awaited<T> | null> {
  if (hasScope(ctx.viewer, 'delivery:dispatch') || (await courierOf(ctx))?.id === courier.id) return await value()
  return null
}

/** All couriers for dispatchers, by name. */
export async function allCouriers(ctx: Context, args: PageArgs & { onDutyOnly?: boolean | null }) {
  requireScope(ctx.viewer, 'delivery:dispatch')
  const page = keyset(args, [
    { column: couriers.displayName, direction: 'asc' },
    { column: couriers.id, direction: 'asc' },
  ])
  const asked = args.onDutyOnly ? eq(couriers.isOnDuty, true) : undefined
  const rows = await ctx.db
    .select()
    .from(couriers)
    .where(and(asked, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ displayName, id }) => [displayName, id], {
    totalCount: () => ctx.db.$count(couriers, asked),
  })
}

/** Begins or ends a courier's work; not while they carry shipments. */
export async function setDuty(ctx: Context, isOnDuty: boolean) {
  requireScope(ctx.viewer, 'delivery:courier')
  const { id } = (await courierOf(ctx)) ?? notACourier()
  const courier = await ctx.db.transaction(async (tx) => {
    await tx.select({ id: couriers.id }).from(couriers).where(eq(couriers.id, id)).for('update')
    const carried = and(eq(shipments.courierId, id), inArray(shipments.status, [...active]))
    if (!isOnDuty && (await tx.$count(shipments, carried)) > 0) {
      rejectTransition({ from: 'ON_DUTY', to: 'OFF_DUTY', allowed: [] }, ['onDuty'])
    }
    const [changed] = await tx
      .update(couriers)
      .set({ isOnDuty, updatedAt: ctx.now(), version: sql`${couriers.version} + 1` })
      .where(eq(couriers.id, id))
      .returning()
    return changed!
  })
  await ctx.live.publish(FLEET, { courierId: id })
  return { courier }
}

const reportInput = z.object({
  positions: z
    .array(
      z.object({
        point: z.object({ latitude: z.number(), longitude: z.number() }),
        headingDegrees: z.number().min(0).max(360).nullish(),
        speedMps: z.number().min(0).nullish(),
        accuracyMeters: z.number().min(0).nullish(),
        recordedAt: z.date(),
      }),
    )
    .min(1, 'Report at least one position.')
    .max(100, 'Report at most 100 positions at once.'),
})

/** Takes in where the courier who asks was. Positions that are known already or plainly wrong are left out. */
export async function reportPositions(ctx: Context, input: CourierPositionsReportInput) {
  requireScope(ctx.viewer, 'delivery:courier')
  const courier = (await courierOf(ctx)) ?? notACourier()
  const { positions } = parseInput(reportInput, input)
  const receivedAt = ctx.now().toISOString()
  const reported = positions.map(
    ({
      point: { latitude, longitude },
      headingDegrees = null,
      speedMps = null,
      accuracyMeters = null,
      recordedAt,
    }) => ({
      latitude,
      longitude,
      headingDegrees,
      speedMps,
      accuracyMeters,
      recordedAt: recordedAt.toISOString(),
      receivedAt,
    }),
  )
  return { acceptedCount: await takePositions(ctx, courier.id, reported) }
}

/** Moves a courier, and with them the shipments they carry. Returns how many positions were believed. */
export async function takePositions(ctx: Context, courierId: string, reported: readonly Position[]): Promise<number> {
  const { believed, moved } = await ctx.db.transaction(async (tx) => {
    // The courier's row first, then the shipments by id: two reports at once queue here.
    const [courier] = await tx.select().from(couriers).where(eq(couriers.id, courierId)).for('update')
    if (!courier?.isOnDuty) {
      rejectTransition({ from: 'OFF_DUTY', to: 'ON_DUTY', allowed: ['ON_DUTY'] })
    }
    const believed = believable(courier.position, reported, ctx.now())
    const newest = believed.at(-1)
    if (!newest) return { believed, moved: [] }
    await tx.update(couriers).set({ position: newest, updatedAt: ctx.now() }).where(eq(couriers.id, courierId))
    const carried = await tx
      .select()
      .from(shipments)
      .where(and(eq(shipments.courierId, courierId), inArray(shipments.status, [...underWay])))
      .orderBy(asc(shipments.id))
      .for('update')
    const moved = []
    for (const shipment of carried) moved.push(await advance(tx, ctx, shipment, believed))
    return { believed, moved }
  })
  await tellProgress(ctx, moved)
  if (believed.length > 0) await ctx.live.publish(FLEET, { courierId })
  return believed.length
}

function notACourier(): never {
  reject('NOT_FOUND', 'You are not registered as a courier.')
}

const upsertInput = z.object({
  displayName: z.string().trim().min(1, 'Give a name.').max(100, 'A name has at most 100 characters.'),
  vehicle: z.string().trim().max(50, 'Use at most 50 characters.').nullish(),
})

/** Adds a courier, or changes one when `id` is given. */
export async function upsertCourier(ctx: Context, input: CourierUpsertInput) {
  requireScope(ctx.viewer, 'delivery:dispatch')
  const { displayName, vehicle } = parseInput(upsertInput, input)
  if (!isId(input.userId)) reject('NOT_FOUND', 'There is no such person.', ['userId'])
  const at = ctx.now()
  const values = { userId: input.userId, displayName, vehicle: vehicle || null, updatedAt: at }
  if (input.id == null) {
    const [added] = await ctx.db
      .insert(couriers)
      .values({ ...values, createdAt: at })
      .onConflictDoNothing()
      .returning()
    return { courier: added ?? reject('CONFLICT', 'This person is a courier already.', ['userId']) }
  }
  const [changed] = isId(input.id)
    ? await ctx.db
        .update(couriers)
        .set({ ...values, version: sql`${couriers.version} + 1` })
        .where(and(eq(couriers.id, input.id), eq(couriers.userId, input.userId)))
        .returning()
    : []
  return { courier: changed ?? reject('NOT_FOUND', 'There is no such courier.', ['id']) }
}

/** Couriers as they move, for dispatchers. */
export async function watchFleet({ live, signal, viewer }: Context): Promise<AsyncIterableIterator<LiveMessage>> {
  requireScope(viewer, 'delivery:dispatch')
  return await live.subscribe([FLEET], { signal })
}

export async function courierIn(ctx: Context, { message }: LiveMessage): Promise<CourierRow> {
  return (await courierById(ctx).load((message as { courierId: string }).courierId))!
}

/** Shipments of the courier who asks, as they are assigned, changed or taken away. */
export async function watchAssignments(ctx: Context): Promise<AsyncIterableIterator<LiveMessage>> {
  requireAccount(ctx.viewer)
  requireScope(ctx.viewer, 'delivery:courier')
  const courier = (await courierOf(ctx)) ?? notACourier()
  return await ctx.live.subscribe([courierTopic(courier.id)], { signal: ctx.signal })
}

// What was taken away is shown once more, so that the app can take it off its list.
export async function shipmentIn(ctx: Context, { message }: LiveMessage): Promise<SeenShipment> {
  const shipment = (await shipmentById(ctx).load((message as { shipmentId: string }).shipmentId))!
  return (await seen(ctx, shipment)) ?? { ...shipment, seenAs: 'COURIER' }
}
