import { defineConfig } from 'vitest/config'

const needsServers = ['subgraphs/*/subgraph*.test.ts', 'platform/*.db.test.ts', 'platform/ports.test.ts']
const globalSetup = ['tests/setup/servers.ts']

export default defineConfig({
  resolve: {
    // Apollo's CommonJS requires graphql's .js files; without this vitest would take its .mjs ones, a second realm.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 90_000,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: { name: 'rules', include: ['platform/*.test.ts', 'subgraphs/*/*.test.ts'], exclude: needsServers },
      },
      { extends: true, test: { name: 'subgraphs', include: needsServers, globalSetup } },
      { extends: true, test: { name: 'router', include: ['router/**/*.test.ts'], globalSetup } },
      { extends: true, test: { name: 'system', include: ['tests/**/*.test.ts'], globalSetup } },
    ],
  },
})
