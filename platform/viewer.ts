import { forbidden, unauthenticated } from './errors.ts'

/** Somebody things can belong to: a guest or an account. Stored as the pair (kind, id). */
export interface Owner {
  kind: 'guest' | 'user'
  /** UUID of the guest or account. */
  id: string
}

export interface Guest extends Owner {
  kind: 'guest'
  sessionId: string
}

export interface User extends Owner {
  kind: 'user'
  roles: readonly string[]
  scopes: readonly string[]
  sessionId: string
}

export interface ApiKey {
  kind: 'apiKey'
  id: string
  scopes: readonly string[]
}

/** A client of the public API. */
export type Client = { kind: 'anonymous' } | Guest | User | ApiKey

/** One of our own parts calling another, possibly for a client. */
export interface Service {
  kind: 'service'
  name: string
  onBehalfOf?: Client
}

/** Who asks. The router proves it once; every subgraph judges by it again. */
export type Viewer = Client | Service

export const anonymous: Client = { kind: 'anonymous' }

/** What a client came with, as the router saw it; null where it did not say or nobody asked. */
export interface Device {
  /** Network address. */
  ip: string | null
  userAgent: string | null
}

export const noDevice: Device = { ip: null, userAgent: null }

/** The client whose rights count for a public field: a service is judged as the client it acts for. */
export function client(viewer: Viewer): Client {
  return viewer.kind === 'service' ? (viewer.onBehalfOf ?? anonymous) : viewer
}

/** The guest or account that things made in this request belong to, or null for anonymous callers and API keys. */
export function owner(viewer: Viewer): Owner | null {
  const { kind, ...rest } = client(viewer)
  return kind === 'guest' || kind === 'user' ? { kind, id: (rest as Owner).id } : null
}

export function hasScope(viewer: Viewer, scope: string): boolean {
  const asked = client(viewer)
  return (asked.kind === 'user' || asked.kind === 'apiKey') && asked.scopes.includes(scope)
}

export function owns(viewer: Viewer, thing: Owner): boolean {
  const asked = owner(viewer)
  return asked !== null && asked.kind === thing.kind && asked.id === thing.id
}

/** @throws UNAUTHENTICATED unless the caller is a guest or an account. */
export function requireSession(viewer: Viewer): Owner {
  return owner(viewer) ?? unauthenticated()
}

/** @throws UNAUTHENTICATED unless the caller is an account. */
export function requireAccount(viewer: Viewer): User {
  const asked = client(viewer)
  return asked.kind === 'user' ? asked : unauthenticated()
}

/** @throws UNAUTHENTICATED for callers without sign-in, FORBIDDEN for those without the scope. */
export function requireScope(viewer: Viewer, scope: string): void {
  if (hasScope(viewer, scope)) return
  const { kind } = client(viewer)
  if (kind === 'user' || kind === 'apiKey') forbidden()
  unauthenticated()
}

/** Guards internal fields. @throws FORBIDDEN unless one of our own parts calls. */
export function requireService(viewer: Viewer): Service {
  return viewer.kind === 'service' ? viewer : forbidden()
}
