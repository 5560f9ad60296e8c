import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{src,sandbox,test}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores is the smallest machine the suite has to pass on.
    maxWorkers: 2,
    // Tests that run side by side wait for phone calls in real time, not for the processor.
    maxConcurrency: 32,
  },
});
