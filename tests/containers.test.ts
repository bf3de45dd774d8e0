import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '#platform/config.ts'
import { subgraphNames } from '../subgraphs/all.ts'

// No container engine runs where these tests do: what can be held against the code is.
interface Service {
  image: string
  command?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string[]; disable?: boolean }
}
const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>
}
const dockerfile = readFileSync('Dockerfile', 'utf8')
const own = Object.entries(compose.services).filter(([, { image }]) => image === 'mercato')
const secrets = {
  POSTGRES_PASSWORD: 'x',
  DATABASE_ROLE_SECRET: 'r',
  INTERNAL_TOKEN_SECRET: 'i',
  ENCRYPTION_SECRET: 'e',
}

/** A value as compose fills it in: `${NAME:?}` from the secrets, `${NAME:-default}` with its default. */
const filled = (value: string): string =>
  value.replace(/\$\{([A-Z_]+):([?-])([^}]*)\}/g, (_, name: keyof typeof secrets, kind: string, fallback: string) =>
    kind === '?' ? secrets[name].repeat(32) : fallback,
  )

describe('docker-compose.yml', () => {
  test('runs each part with a command whose file exists', () => {
    expect(own.map(([name]) => name).toSorted()).toEqual([...subgraphNames, 'migrate', 'router'].toSorted())
    for (const [name, { command }] of own) {
      const [program, file, argument] = command!
      expect(program).toBe('node')
      expect(existsSync(file!), file).toBe(true)
      if ((subgraphNames as readonly string[]).includes(name))
        expect([file, argument]).toEqual(['subgraphs/serve.ts', name])
    }
  })

  test('configures every part so that production starts, with secrets that have no default', () => {
    for (const [name, { environment = {} }] of own) {
      const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, filled(value)]))
      const config = loadConfig({ NODE_ENV: 'production', ...env })
      expect(Object.keys(config.subgraphUrls).toSorted(), name).toEqual([...subgraphNames].toSorted())
      for (const [subgraph, url] of Object.entries(config.subgraphUrls)) expect(new URL(url).hostname).toBe(subgraph)
      for (const secret of ['DATABASE_ROLE_SECRET', 'INTERNAL_TOKEN_SECRET', 'ENCRYPTION_SECRET']) {
        expect(environment[secret]).toBe(`\${${secret}:?}`)
      }
      const unknown = Object.keys(environment).filter(
        (key) => !(key in config) && !/^([A-Z]+_URL|METRICS_TOKEN|STRIPE_[A-Z_]+)$/.test(key),
      )
      expect(unknown, name).toEqual([])
    }
  })

  test('gives the password of the database’s owner to nobody but the migration', () => {
    const knows = own.filter(([, { environment }]) => JSON.stringify(environment).includes('POSTGRES_PASSWORD'))
    expect(knows.map(([name]) => name)).toEqual(['migrate'])
  })

  test('starts a part after what it stands on', () => {
    for (const [name, { depends_on: needs = {} }] of own) {
      if (name === 'migrate') expect(needs).toEqual({ postgres: { condition: 'service_healthy' } })
      else if (name === 'router') expect(Object.keys(needs).toSorted()).toEqual([...subgraphNames].toSorted())
      else expect(needs.migrate).toEqual({ condition: 'service_completed_successfully' })
      for (const needed of Object.keys(needs)) expect(compose.services).toHaveProperty(needed)
    }
  })

  test('watches the health of the servers', () => {
    for (const name of ['postgres', 'redis']) expect(compose.services[name]!.healthcheck?.test?.[0]).toBe('CMD')
  })
})

describe('the Dockerfile', () => {
  test('builds in stages and runs as nobody special on the Node.js that the project asks for', () => {
    expect([...dockerfile.matchAll(/^FROM node:24-slim/gm)]).toHaveLength(2)
    const final = dockerfile.slice(dockerfile.lastIndexOf('\nFROM'))
    expect(final).toMatch(/^USER node$/m)
    expect(final).toMatch(/^HEALTHCHECK /m)
    expect(final).toContain('/health/ready')
  })

  test('copies what exists, and all that the commands need', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) => paths!.split(' '))
    for (const path of copied) expect(existsSync(path), path).toBe(true)
    const allowed = readFileSync('.dockerignore', 'utf8')
      .match(/^!.+$/gm)!
      .map((line) => line.slice(1))
    expect(copied.filter((path) => !allowed.includes(path))).toEqual([])
    for (const folder of ['platform', 'drizzle', 'schema', 'subgraphs', 'router']) expect(copied).toContain(folder)
  })
})
