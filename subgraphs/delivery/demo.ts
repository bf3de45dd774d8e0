import { setTimeout } from 'node:timers/promises'
import { eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import { takePositions } from './couriers.ts'
import { headingDegrees, metersAt, placeAt, routeMeters } from './route.ts'
import type { Position } from './shipment.ts'
import { couriers } from './tables.ts'

const EVERY_MS = 2_000
const SPEED_MPS = 8
// Somebody who plays the courier by hand has the wheel for this long.
const HANDS_OFF_MS = 120_000

/**
 * Drives the courier of the demo up and down the route, so that whoever watches the order in transit sees it move. The
 * route ends before the delivery would arrive: the demo never runs dry. Goes on where it stopped; ends with `ctx.signal`.
 */
export async function animate(ctx: Context): Promise<void> {
  const courierId = demoId('courier/clara')
  let lastSet: string | null = null
  let meters: number | null = null
  let direction = 1
  while (!ctx.signal.aborted) {
    await setTimeout(EVERY_MS, undefined, { signal: ctx.signal }).catch(() => {})
    if (ctx.signal.aborted) return
    const [courier] = await ctx.db.select().from(couriers).where(eq(couriers.id, courierId))
    if (!courier?.isOnDuty || isDrivenBySomebody(ctx, courier.position, lastSet)) {
      meters = null
      continue
    }
    meters = (meters ?? metersAt(courier.position ?? placeAt(0))) + (direction * SPEED_MPS * EVERY_MS) / 1000
    if (meters >= routeMeters) direction = -1
    if (meters <= 0) direction = 1
    const place = placeAt(meters)
    const recordedAt = ctx.now().toISOString()
    const position: Position = {
      ...place,
      headingDegrees: courier.position && headingDegrees(courier.position, place),
      speedMps: SPEED_MPS,
      accuracyMeters: 5,
      recordedAt,
      receivedAt: recordedAt,
    }
    await takePositions(ctx, courierId, [position])
    lastSet = recordedAt
  }
}

function isDrivenBySomebody({ now }: Context, position: Position | null, lastSet: string | null): boolean {
  if (!position || lastSet === null || position.recordedAt === lastSet) return false
  return now().getTime() - Date.parse(position.receivedAt) < HANDS_OFF_MS
}
