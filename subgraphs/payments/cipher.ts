import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

// Names the key, so that what an older one encrypted can be told apart once there is another.
const KEY_ID = 'k1'
const IV_BYTES = 12
const TAG_BYTES = 16

const keyFrom = (secret: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `mercato payments provider token ${KEY_ID}`, 32))

/**
 * AES-256-GCM under a key derived from `secret` by HKDF. `about` (the row's id) is authenticated with it: the text
 * decrypts for no other row.
 */
export function encrypt(plain: string, secret: string, about: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyFrom(secret), iv).setAAD(Buffer.from(about))
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return `${KEY_ID}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
}

/** @throws when the text was made with another key, for another row, or was changed. */
export function decrypt(text: string, secret: string, about: string): string {
  const [keyId, encoded = ''] = text.split('.')
  if (keyId !== KEY_ID) throw new Error('This was encrypted with a key that is not known here')
  const bytes = Buffer.from(encoded, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(secret), bytes.subarray(0, IV_BYTES))
    .setAAD(Buffer.from(about))
    .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
}
