import type { Device, Viewer } from '#platform/viewer.ts'

/** What goes with a request from the door to the subgraphs. */
export interface RequestContext {
  viewer: Viewer
  device?: Device
  requestId: string
  /** Epoch milliseconds after which the client is told that it took too long. */
  deadline: number
  /** Aborts when the client has gone. */
  signal: AbortSignal
}
