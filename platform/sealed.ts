import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

// Names the key, so that what an older one sealed can be told apart once there is another.
const KEY_ID = 'k1'
const IV_BYTES = 12
const TAG_BYTES = 16

const keyFrom = (secret: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `mercato sealed at rest ${KEY_ID}`, 32))

/**
 * Encrypts `text` (AES-256-GCM, key by HKDF from `ENCRYPTION_SECRET`). `about`, such as `signing-key ID`, is not hidden
 * but bound to it: what is sealed for one row opens for no other.
 */
export function seal(text: string, about: string, secret: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyFrom(secret), iv).setAAD(Buffer.from(about))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return `${KEY_ID}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
}

/** @throws when it was sealed with another secret or key, about something else, or changed since. */
export function unseal(sealed: string, about: string, secret: string): string {
  const [keyId, encoded = ''] = sealed.split('.')
  if (keyId !== KEY_ID) throw new Error('This was sealed with a key that is not known here')
  const bytes = Buffer.from(encoded, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(secret), bytes.subarray(0, IV_BYTES))
    .setAAD(Buffer.from(about))
    .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
}

/** Whether somebody shows the secret; takes as long when only its beginning is right. */
export function isSameSecret(given: unknown, expected: string): boolean {
  const left = Buffer.from(String(given))
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}
