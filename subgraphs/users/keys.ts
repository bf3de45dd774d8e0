import { setTimeout } from 'node:timers/promises'
import { eq, gt, isNull, lt, or, and } from 'drizzle-orm'
import {
  createLocalJWKSet,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose'
import type { Context } from '#platform/context.ts'
import { uuidv7 } from '#platform/ids.ts'
import { resealed, seal, unseal } from '#platform/sealed.ts'
import { signingKeys } from './tables.ts'

const DAY_MS = 86_400_000
const SIGNS_DAYS = 90
// An unknown key id may be a key that another process made a moment ago, or nonsense from outside: it waits its turn.
const ASK_AGAIN_MS = 1_000

const sealedAs = (kid: string): string => `signing-key ${kid}`

type Keeping = Pick<Context, 'db' | 'now' | 'config'>

/** The key that signs access tokens now; made when there is none. */
export async function signingKey({ db, now, config }: Keeping): Promise<{ kid: string; key: CryptoKey }> {
  const current = () => db.select().from(signingKeys).where(isNull(signingKeys.retiredAt))
  let [row] = await current()
  if (!row) {
    await db
      .insert(signingKeys)
      .values(await newKey(now(), config.ENCRYPTION_SECRET))
      .onConflictDoNothing()
    ;[row] = await current()
  }
  const { kid, sealed } = row!
  const jwk = JSON.parse(unseal(sealed, sealedAs(kid), config.ENCRYPTION_SECRET)) as JWK
  // Once the secret has changed; whoever else does so seals the same.
  const anew = resealed(sealed, sealedAs(kid), config.ENCRYPTION_SECRET)
  if (anew) await db.update(signingKeys).set({ sealed: anew }).where(eq(signingKeys.kid, kid))
  return { kid, key: (await importJWK(jwk, 'EdDSA')) as CryptoKey }
}

async function newKey(createdAt: Date, secret: string) {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const kid = uuidv7()
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' }
  return { kid, publicJwk, sealed: seal(JSON.stringify(await exportJWK(privateKey)), sealedAs(kid), secret), createdAt }
}

/** Retires a key that has signed for 90 days; the next token makes another. */
export async function rotateKeys({ db, now }: Pick<Context, 'db' | 'now'>): Promise<void> {
  const cutoff = new Date(now().getTime() - SIGNS_DAYS * DAY_MS)
  await db
    .update(signingKeys)
    .set({ retiredAt: now() })
    .where(and(isNull(signingKeys.retiredAt), lt(signingKeys.createdAt, cutoff)))
}

/** The public half of every key that a token still in use may be signed with. */
export async function publishedKeys({ db, now }: Pick<Context, 'db' | 'now'>): Promise<JSONWebKeySet> {
  const cutoff = new Date(now().getTime() - DAY_MS)
  const rows = await db
    .select({ jwk: signingKeys.publicJwk })
    .from(signingKeys)
    .where(or(isNull(signingKeys.retiredAt), gt(signingKeys.retiredAt, cutoff)))
  return { keys: rows.map(({ jwk }) => jwk) }
}

/** The published keys, for whoever verifies tokens in this process. */
export function localKeys(ctx: Pick<Context, 'db' | 'now'>): JWTVerifyGetKey {
  let known = createLocalJWKSet({ keys: [] })
  let readAt = -Infinity
  let reading: Promise<unknown> | null = null
  const read = async (): Promise<void> => {
    await setTimeout(Math.max(0, readAt + ASK_AGAIN_MS - performance.now()))
    readAt = performance.now()
    known = createLocalJWKSet(await publishedKeys(ctx))
  }
  return async (header, token) => {
    try {
      return await known(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // One reads for all who wait; tokens of known keys wait for nobody.
      await (reading ??= read().finally(() => (reading = null)))
      return await known(header, token)
    }
  }
}
