import { defineConfig } from 'vitest/config'

// A real Quintet (of QUINTET_BIN, as for the client's tests), this site built and started, and Debian's Chromium.
export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    globalSetup: ['../client/test/gateway/stack.ts', 'e2e/setup.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 400_000,
  },
})
