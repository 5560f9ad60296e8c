import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

/**
 * What each room may import, besides itself. Lowest first; `docs/architecture.md` shows the same
 * table. A plug-in room (vendors, transports, providers) is a set of closed rooms: none sees its
 * sibling, and `top` files, such as a registry, may see them all.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  protocol: ['lib'],
  audio: ['lib'],
  contracts: ['lib', 'protocol', 'audio'],
  conversation: ['lib', 'protocol', 'audio', 'contracts'],
  replay: ['lib', 'protocol', 'contracts', 'conversation'],
  store: ['lib', 'protocol', 'audio', 'contracts', 'conversation'],
  vendors: ['lib', 'protocol', 'audio', 'contracts'],
  transports: ['lib', 'protocol', 'audio', 'contracts'],
  providers: ['lib', 'protocol', 'audio', 'contracts', 'store'],
  session: ['lib', 'protocol', 'audio', 'contracts', 'conversation', 'replay', 'store'],
  api: [
    'lib',
    'protocol',
    'audio',
    'contracts',
    'conversation',
    'replay',
    'store',
    'providers',
    'session',
    'transports',
  ],
};
const PLUG_INS = ['vendors', 'transports', 'providers'];

/** Packages that only one room (or plug-in) may name. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  pg: ['store'],
  '@electric-sql/pglite': ['store'],
  'drizzle-orm': ['store'],
  fastify: ['api'],
  '@echogarden/speex-resampler-wasm': ['audio'],
  'onnxruntime-node': ['vendors/silero'],
  openai: ['vendors/openai'],
  '@anthropic-ai/sdk': ['vendors/anthropic'],
  '@elevenlabs/elevenlabs-js': ['vendors/elevenlabs'],
  '@google-cloud/speech': ['vendors/google'],
  '@google-cloud/text-to-speech': ['vendors/google'],
  '@google/genai': ['vendors/google'],
  '@grpc/grpc-js': ['vendors/google'],
  protobufjs: ['vendors/google'],
  twilio: ['providers/pipecat', 'transports/twilio'],
};

type Place = { readonly room: string; readonly plugIn: string | undefined };

const placeOf = (path: string): Place => {
  const [room = '', second, third] = path.split('/');
  return { room, plugIn: PLUG_INS.includes(room) && third !== undefined ? second : undefined };
};

/** Also matches comments and strings: a false alarm is cheap, a miss is not. */
const IMPORT =
  /(?:from\s*|import\s*\(?\s*|new URL\(\s*|require\(\s*)['"]((?:#|\.{1,2}\/|[a-z@])[^'"]*)['"]/g;

/** What is wrong with the imports of one file; `path` is relative to `src/`. */
function faultsOf(path: string, source: string): readonly string[] {
  const here = placeOf(path);
  const faults: string[] = [];
  for (const [, specifier = ''] of source.matchAll(IMPORT)) {
    if (specifier.startsWith('#sandbox/') || specifier.startsWith('#test/'))
      faults.push(`${path} → ${specifier}: the product does not know its sandbox or tests`);
    else if (specifier.startsWith('#') || specifier.startsWith('.')) {
      const target = specifier.startsWith('#')
        ? specifier.slice(1)
        : relative('src', join('src', dirname(path), specifier));
      if (target.startsWith('..')) {
        faults.push(`${path} → ${specifier}: leaves src/`);
        continue;
      }
      const there = placeOf(target);
      if (there.room === here.room) {
        const isSibling = here.plugIn !== undefined && there.plugIn !== here.plugIn;
        if (isSibling)
          faults.push(`${path} → ${specifier}: a plug-in sees neither sibling nor registry`);
      } else if (!target.includes('/'))
        faults.push(`${path} → ${specifier}: only main.ts sees the root`);
      else if (!MAY_IMPORT[here.room]?.includes(there.room))
        faults.push(`${path} → ${specifier}: ${here.room} may not see ${there.room}`);
    } else {
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const owners = PACKAGES[name];
      const at = here.plugIn ? `${here.room}/${here.plugIn}` : here.room;
      if (owners && !owners.includes(at) && !owners.includes(here.room))
        faults.push(`${path} → ${specifier}: belongs to ${owners.join(', ')}`);
    }
  }
  return faults;
}

/** The same of the console. Values of the protocol would bring the whole of zod into the page. */
function consoleFaultsOf(path: string, source: string): readonly string[] {
  const isTest = path.endsWith('.test.ts');
  return [...source.matchAll(IMPORT)]
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => specifier.startsWith('#') || specifier.includes('../src/'))
    .filter(
      (specifier) =>
        !specifier.startsWith('#protocol/') ||
        (!isTest && !new RegExp(`import type [^;]*from\\s*'${specifier}'`).test(source)),
    )
    .map((specifier) => `console/${path} → ${specifier}`);
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
  .filter((path) => path.includes('/') && !path.endsWith('.test.ts'));

describe('the arrows of the house', () => {
  test('point down only', () => {
    const faults = files.flatMap((path) =>
      faultsOf(path, readFileSync(join(root, 'src', path), 'utf8')),
    );
    expect(faults).toEqual([]);
  });

  test('the sandbox shares nothing with the product but lib, audio and protocol', () => {
    const faults = readdirSync(join(root, 'sandbox'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) =>
        [...readFileSync(join(root, 'sandbox', path), 'utf8').matchAll(IMPORT)]
          .map(([, specifier = '']) => specifier)
          .filter((specifier) => specifier.startsWith('#') || specifier.includes('../src/'))
          .filter((specifier) => !/^#(sandbox|test|lib|audio|protocol)\//.test(specifier))
          // The sentence that a caller hears as a last resort is data of the product, made here.
          .filter((specifier) => !specifier.includes('/prepared-speech/'))
          .map((specifier) => `sandbox/${path} → ${specifier}`),
      );
    expect(faults).toEqual([]);
  });

  test('the console sees of the product what goes over the wire, and as types alone', () => {
    const seen = readdirSync(join(root, 'console'), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path) && !path.startsWith('dist'))
      .map((path) => [path, readFileSync(join(root, 'console', path), 'utf8')] as const);
    expect(seen.length).toBeGreaterThan(20);
    const faults = seen.flatMap(([path, source]) => consoleFaultsOf(path, source));
    expect(faults).toEqual([]);
  });

  test.each([
    "import { c } from '#api/calls.ts';",
    "import type { S } from '#store/store.ts';",
    "import { s } from '#sandbox/sandbox.ts';",
    "import { c } from '../../src/protocol/calls.ts';",
    "import { callSchema } from '#protocol/calls.ts';",
  ])('a planted wrong arrow in the console is seen: %s', (source) => {
    expect(consoleFaultsOf('pages/call.tsx', source)).toHaveLength(1);
  });

  test('start in rooms that stand in the table', () => {
    const rooms = new Set(files.map((path) => placeOf(path).room));
    expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  test('are drawn in the documentation as they are', () => {
    // A formatter lines the columns up.
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8').replaceAll(/ +/g, ' ');
    for (const [room, below] of Object.entries(MAY_IMPORT))
      expect(page).toContain(`| \`${room}\` | ${below.length === 0 ? '–' : below.join(', ')} |`);
  });

  test.each([
    ['lib/clock.ts', "import { x } from '#protocol/events.ts';"],
    ['contracts/vendor.ts', "import type { State } from '#conversation/state.ts';"],
    ['conversation/step.ts', "type S = import('#store/store.ts').Store;"],
    ['vendors/openai/vendor.ts', "import { d } from '../deepgram/vendor.ts';"],
    ['vendors/openai/vendor.ts', "export { v } from '#vendors/index.ts';"],
    ['providers/pipecat/provider.ts', "import type { R } from '#providers/retell/provider.ts';"],
    ['session/session.ts', "import '../api/api.ts';"],
    ['session/session.ts', "const s = await import('#sandbox/sandbox.ts');"],
    ['store/open.ts', "import { c } from '../config.ts';"],
    ['session/session.ts', "import pg from 'pg';"],
    ['api/api.ts', "import { Worker } from 'onnxruntime-node';"],
  ])('a planted wrong arrow in %s is seen: %s', (path, source) => {
    expect(faultsOf(path, source)).toHaveLength(1);
  });

  test('a file stays readable in one sitting', () => {
    const long = files.filter(
      (path) => readFileSync(join(root, 'src', path), 'utf8').split('\n').length > 320,
    );
    expect(long).toEqual([]);
  });
});
