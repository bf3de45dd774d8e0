import { distanceMeters, type Point } from './shipment.ts'

// From the warehouse at Mehringdamm along Friedrichstraße and Torstraße towards Kastanienallee in Berlin: [°N, °E].
const CORNERS: readonly (readonly [number, number])[] = [
  [52.4847, 13.3844],
  [52.487, 13.3858],
  [52.4893, 13.3867],
  [52.4915, 13.3873],
  [52.4938, 13.388],
  [52.4958, 13.3886],
  [52.4968, 13.3899],
  [52.4977, 13.3913],
  [52.4995, 13.3912],
  [52.5013, 13.3909],
  [52.5036, 13.3905],
  [52.5058, 13.3903],
  [52.5076, 13.3904],
  [52.5096, 13.3899],
  [52.5118, 13.3894],
  [52.5139, 13.389],
  [52.516, 13.3886],
  [52.5183, 13.388],
  [52.5203, 13.3873],
  [52.5226, 13.3878],
  [52.5249, 13.3876],
  [52.527, 13.3871],
  [52.5276, 13.3899],
  [52.5281, 13.3932],
  [52.5287, 13.3968],
  [52.5293, 13.4003],
  [52.5297, 13.4014],
  [52.5309, 13.4029],
  [52.532, 13.4039],
]

/** The streets that the courier of the demo drives, from the warehouse to where the delivery would arrive. */
export const corners: readonly Point[] = CORNERS.map(([latitude, longitude]) => ({ latitude, longitude }))

const lengths = corners.slice(1).map((corner, index) => distanceMeters(corners[index]!, corner))

/** Metres from one end of the route to the other. */
export const routeMeters: number = lengths.reduce((sum, length) => sum + length, 0)

/** The place `meters` along the route, kept between its ends. */
export function placeAt(meters: number): Point {
  let left = Math.min(Math.max(meters, 0), routeMeters)
  for (const [index, length] of lengths.entries()) {
    if (left <= length) return between(corners[index]!, corners[index + 1]!, left / length)
    left -= length
  }
  return corners.at(-1)!
}

function between(a: Point, b: Point, part: number): Point {
  return {
    latitude: a.latitude + (b.latitude - a.latitude) * part,
    longitude: a.longitude + (b.longitude - a.longitude) * part,
  }
}

/** How far along the route the corner nearest to a place is, in metres. */
export function metersAt(place: Point): number {
  let best = { distance: Infinity, meters: 0 }
  let meters = 0
  for (const [index, corner] of corners.entries()) {
    const distance = distanceMeters(place, corner)
    if (distance < best.distance) best = { distance, meters }
    meters += lengths[index] ?? 0
  }
  return best.meters
}

/** Direction from one place to another in degrees clockwise from north. */
export function headingDegrees(from: Point, to: Point): number {
  const east = (to.longitude - from.longitude) * Math.cos((from.latitude * Math.PI) / 180)
  return Math.round(((Math.atan2(east, to.latitude - from.latitude) * 180) / Math.PI + 360) % 360)
}
