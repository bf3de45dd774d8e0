import { defineConfig } from 'vitest/config'

// Apollo's CommonJS requires graphql's .js files; without this vitest would resolve its .mjs ones, a second realm.
const resolve = { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] }
const patient = { testTimeout: 30_000, hookTimeout: 60_000 }
const withDatabase = { globalSetup: ['tests/setup/database.ts'], maxWorkers: 2 }

export default defineConfig({
  resolve,
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'rules',
          include: ['subgraphs/*/*.test.ts', 'platform/*.test.ts'],
          exclude: ['subgraphs/*/subgraph*.test.ts', 'platform/*.db.test.ts', 'platform/ports.test.ts'],
          ...patient,
        },
      },
      {
        resolve,
        test: {
          name: 'subgraphs',
          include: ['subgraphs/*/subgraph*.test.ts', 'platform/*.db.test.ts', 'platform/ports.test.ts'],
          ...patient,
          ...withDatabase,
        },
      },
      { resolve, test: { name: 'router', include: ['router/**/*.test.ts'], ...patient } },
      { resolve, test: { name: 'system', include: ['tests/**/*.test.ts'], ...patient, ...withDatabase } },
    ],
  },
})
