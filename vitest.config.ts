import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{src,sandbox,console,test,bench}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores is the smallest machine the suite has to pass on.
    maxWorkers: 2,
    // Tests that run side by side play phone calls in real time, each about a tenth of a core.
    maxConcurrency: 8,
    // Calls in real time share a build machine with whatever else it does; the report says what was
    // tried again. On a developer's machine a test that fails has failed.
    retry: process.env['CI'] ? 2 : 0,
  },
});
