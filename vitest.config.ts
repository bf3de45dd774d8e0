import { globSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

// What asks for a fresh database runs beside the subgraphs; the rest of the platform needs no server.
const onDatabase = globSync('platform/*.test.ts').filter((file) =>
  readFileSync(file, 'utf8').includes('fresh-database'),
)
const globalSetup = ['tests/setup/servers.ts']

export default defineConfig({
  resolve: {
    // Without it our code gets graphql's .mjs files and Apollo's the .js ones: two copies, "from another realm".
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    testTimeout: 30_000,
    hookTimeout: 90_000,
    // A suite that hangs on to something must not hang the run.
    teardownTimeout: 30_000,
    unstubEnvs: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'rules',
          include: ['platform/*.test.ts', 'subgraphs/*/*.test.ts'],
          exclude: ['subgraphs/*/subgraph.test.ts', ...onDatabase],
        },
      },
      {
        extends: true,
        test: { name: 'subgraphs', include: ['subgraphs/*/subgraph.test.ts', ...onDatabase], globalSetup },
      },
      { extends: true, test: { name: 'router', include: ['router/**/*.test.ts'], globalSetup } },
      { extends: true, test: { name: 'system', include: ['tests/**/*.test.ts'], globalSetup } },
    ],
  },
})
