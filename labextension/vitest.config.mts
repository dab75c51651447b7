import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 30_000,
    // One page for all files, which test/setup.ts empties after each test: to make one takes two seconds.
    pool: 'threads',
    isolate: false,
  },
});
