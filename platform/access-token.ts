import { SignJWT, jwtVerify, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import type { Client, Guest, User } from './viewer.ts'

// RFC 9068 names the type of such a token, so that no other kind of JWT of the same issuer passes for one.
const TYPE = 'at+jwt'
const ISSUER = 'mercato'

/** Signs what a client sends as `Authorization: Bearer …` (EdDSA; `kid` names the key). */
export async function signAccessToken(
  who: Guest | User,
  { key, kid, expiresAt, issuedAt }: { key: CryptoKey; kid: string; issuedAt: Date; expiresAt: Date },
): Promise<string> {
  const account = who.kind === 'user' ? { roles: who.roles, scope: who.scopes.join(' ') } : {}
  return await new SignJWT({ kind: who.kind, sid: who.sessionId, ...account })
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: TYPE })
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setSubject(who.id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key)
}

export interface VerifiedToken {
  viewer: Extract<Client, { sessionId: string }>
  /** Epoch milliseconds. */
  expiresAt: number
}

/** Who a bearer token stands for, or null when it is malformed, expired or not signed by one of `keys`. */
export async function verifyAccessToken(token: string, keys: JWTVerifyGetKey): Promise<VerifiedToken | null> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER,
      audience: ISSUER,
      typ: TYPE,
      algorithms: ['EdDSA'],
      requiredClaims: ['sub', 'exp', 'sid', 'kind'],
    })
    const id = String(payload.sub)
    const sessionId = String(payload.sid)
    const expiresAt = payload.exp! * 1000
    if (payload.kind === 'guest') return { viewer: { kind: 'guest', id, sessionId }, expiresAt }
    const roles = Array.isArray(payload.roles) ? payload.roles.map(String) : []
    const scopes = typeof payload.scope === 'string' ? payload.scope.split(' ').filter(Boolean) : []
    return { viewer: { kind: 'user', id, sessionId, roles, scopes }, expiresAt }
  } catch {
    return null
  }
}
