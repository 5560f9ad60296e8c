/*
 * Loaded into a server under measurement, with --expose-gc: on SIGUSR2 it collects garbage and writes what
 * is left to MEMORY_PROBE_FILE. Plain JavaScript, because worker threads load it before anything else.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env['MEMORY_PROBE_FILE'];
if (isMainThread && file)
  process.on('SIGUSR2', () => {
    // What the first collection finds unreachable may hold more until the second.
    globalThis.gc();
    globalThis.gc();
    writeFileSync(file, JSON.stringify(process.memoryUsage()));
  });
