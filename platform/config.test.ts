import { describe, expect, test } from 'vitest'
import { DEVELOPMENT_SECRET, loadConfig } from './config.ts'

const secret = 'a-secret-that-is-long-enough-to-be-one'
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://somebody:hidden@db/mercato',
  DATABASE_ROLE_SECRET: secret,
  INTERNAL_TOKEN_SECRET: secret,
  ENCRYPTION_SECRET: secret,
}

test('development needs nothing', () => {
  expect(loadConfig({})).toMatchObject({ NODE_ENV: 'development', PORT: 4000, CURRENCY: 'EUR', subgraphUrls: {} })
})

test('an empty variable is an unset one', () => {
  expect(loadConfig({ PORT: '', REDIS_URL: '' })).toEqual(loadConfig({}))
})

describe('production', () => {
  test('starts with secrets and a database of its own', () => {
    expect(loadConfig(production).NODE_ENV).toBe('production')
  })

  test.each(['DATABASE_ROLE_SECRET', 'INTERNAL_TOKEN_SECRET', 'ENCRYPTION_SECRET', 'DATABASE_URL'])(
    'does not start without %s',
    (name) => {
      expect(() => loadConfig({ ...production, [name]: undefined })).toThrow(name)
    },
  )
})

test('a router in production needs a secret as soon as it is to tell who calls', () => {
  const router = (env: NodeJS.ProcessEnv) => loadConfig({ NODE_ENV: 'production', ...env }, { keepsData: false })
  expect(router({}).NODE_ENV).toBe('production')
  expect(() => router({ JWKS_URL: 'http://users/jwks' })).toThrow('INTERNAL_TOKEN_SECRET')
})

test('production charges at Stripe only when it can hear what Stripe tells', () => {
  const production = (env: NodeJS.ProcessEnv) => () =>
    loadConfig({ NODE_ENV: 'production', INTERNAL_TOKEN_SECRET: 's'.repeat(32), ...env }, { keepsData: false })
  expect(production({ STRIPE_SECRET_KEY: 'sk_1' })).toThrow('STRIPE_WEBHOOK_SECRET')
  expect(production({ STRIPE_SECRET_KEY: 'sk_1', STRIPE_WEBHOOK_SECRET: 'whsec_1' })).not.toThrow()
})

test('secrets that encrypt may be several, each long enough, and in production none of development’s', () => {
  const [newer, older] = ['n'.repeat(32), 'o'.repeat(32)]
  const both = { ENCRYPTION_SECRET: `${newer},${older}` }
  expect(loadConfig(both).ENCRYPTION_SECRET).toBe(`${newer},${older}`)
  expect(() => loadConfig({ ENCRYPTION_SECRET: `${newer},short` })).toThrow('ENCRYPTION_SECRET')
  const mixed = { ...production, ENCRYPTION_SECRET: `${newer},${DEVELOPMENT_SECRET}` }
  expect(() => loadConfig(mixed)).toThrow('ENCRYPTION_SECRET')
})

test('every variable at fault is named, and no value', () => {
  const fault = () => loadConfig({ PORT: 'forty', REDIS_URL: 'hidden', CURRENCY: 'euros' })
  expect(fault).toThrow(/PORT[^]*REDIS_URL[^]*CURRENCY|CURRENCY[^]*PORT/)
  expect(fault).not.toThrow(/forty|hidden|euros/)
})

test('a subgraph’s own address and database go by its name', () => {
  const config = loadConfig({
    ORDERS_URL: 'http://orders/graphql',
    ORDERS_DATABASE_URL: 'postgres://o@db/m',
    SMTP_URL: 'smtp://mail',
  })
  expect(config.subgraphUrls).toEqual({ orders: 'http://orders/graphql' })
  expect(config.databaseUrls).toEqual({ orders: 'postgres://o@db/m' })
})
