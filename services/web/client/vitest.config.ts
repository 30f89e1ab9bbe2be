import { defineConfig } from 'vitest/config'

const stand = (name: string) => new URL(`test/stand/${name}.ts`, import.meta.url).pathname

export default defineConfig({
  test: {
    projects: [
      {
        // What needs no server but its own. Next is stood in for where it only answers (headers, cookies); the gateway tests have the real one.
        resolve: { alias: { 'server-only': stand('nothing'), 'next/headers': stand('headers'), 'next/navigation': stand('navigation') } },
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'] },
      },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: { enabled: true, only: true, include: ['test/types/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
        },
      },
      { test: { name: 'package', include: ['test/package/**/*.test.ts'], testTimeout: 60_000 } },
      {
        // A real Quintet: QUINTET_BIN names the folder with its programs.
        test: {
          name: 'gateway',
          include: ['test/gateway/**/*.test.ts'],
          globalSetup: ['test/gateway/stack.ts'],
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
