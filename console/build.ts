import { build } from 'vite';

/**
 * Builds the bundle that the server serves: `npm run -s build:console`. Another folder may be named,
 * to compare it with the one in the repository.
 */
// Whoever runs the tests has another value, and React would be built for their debugging.
process.env['NODE_ENV'] = 'production';
const outDir = process.argv[2];
await build({
  configFile: new URL('vite.config.ts', import.meta.url).pathname,
  logLevel: 'warn',
  ...(outDir !== undefined && { build: { outDir } }),
});
