import type { IncomingMessage } from 'node:http'
import type { Device } from '#platform/viewer.ts'

const MAX_AGENT_LENGTH = 300

/**
 * What a client came with. Each of `trustedProxies` in front of this router has added the address it was asked from to
 * `x-forwarded-for`; what stands left of those is the client's own word and counts for nothing.
 */
export function deviceOf(
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  trustedProxies: number,
): Device {
  const hops = (headers['x-forwarded-for']?.toString() ?? '').split(',').map((hop) => hop.trim())
  const forwarded = trustedProxies > 0 ? hops.at(-trustedProxies) : undefined
  return {
    ip: forwarded || (socket.remoteAddress ?? null),
    userAgent: headers['user-agent']?.slice(0, MAX_AGENT_LENGTH) ?? null,
  }
}
