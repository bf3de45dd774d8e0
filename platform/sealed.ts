import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

// Names how it is sealed. After it stands the id of the key, by which what an older one sealed is told apart.
const SCHEME = 'k1'
const IV_BYTES = 12
const TAG_BYTES = 16

const derived = (secret: string, use: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `mercato sealed at rest ${use}`, bytes))

const keyFrom = (secret: string): Buffer => derived(secret, SCHEME, 32)
const prefixOf = (secret: string): string => `${SCHEME}.${derived(secret, `${SCHEME} id`, 6).toString('hex')}.`

/** The secrets in a configured list, newest first. The newest seals; what an older one has sealed still opens. */
const secretsIn = (secrets: string): string[] => secrets.split(',').map((secret) => secret.trim())

/**
 * Encrypts `text` (AES-256-GCM, key by HKDF from the newest of `secrets`, which is `ENCRYPTION_SECRET`). `about`, such as
 * `signing-key ID`, is not hidden but bound to it: what is sealed for one row opens for no other.
 */
export function seal(text: string, about: string, secrets: string): string {
  const [secret] = secretsIn(secrets)
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyFrom(secret!), iv).setAAD(Buffer.from(about))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return prefixOf(secret!) + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

/** @throws when it was sealed with a secret that is not among these, about something else, or changed since. */
export function unseal(sealed: string, about: string, secrets: string): string {
  const secret = secretsIn(secrets).find((each) => sealed.startsWith(prefixOf(each)))
  if (secret) return opened(sealed.slice(prefixOf(secret).length), about, secret)
  // From before keys had ids: whichever opens it.
  const [scheme, encoded, ...rest] = sealed.split('.')
  if (scheme !== SCHEME || encoded === undefined || rest.length > 0) {
    throw new Error('This was sealed with a key that is not known here')
  }
  const found = secretsIn(secrets).flatMap((each) => {
    try {
      return [opened(encoded, about, each)]
    } catch {
      return []
    }
  })
  if (found.length === 0) throw new Error('This was sealed with a key that is not known here')
  return found[0]!
}

function opened(encoded: string, about: string, secret: string): string {
  const bytes = Buffer.from(encoded, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(secret), bytes.subarray(0, IV_BYTES))
    .setAAD(Buffer.from(about))
    .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
}

/** How everything begins that the newest secret has sealed. */
export const newestPrefix = (secrets: string): string => prefixOf(secretsIn(secrets)[0]!)

/** The same sealed with the newest secret; null when it is. @throws as `unseal` */
export const resealed = (sealed: string, about: string, secrets: string): string | null =>
  sealed.startsWith(newestPrefix(secrets)) ? null : seal(unseal(sealed, about, secrets), about, secrets)

/** Whether somebody shows the secret; takes as long when only its beginning is right. */
export function isSameSecret(given: unknown, expected: string): boolean {
  const left = Buffer.from(String(given))
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}
