import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const HOUSES = ['src', 'sandbox', 'bench', 'console', 'test'];
/** Types count; also matches comments and strings, where a false alarm is cheap. */
const IMPORT = /(?:from\s*|import\s*\(?\s*)['"]((?:#|\.{1,2}\/)[^'"]+\.tsx?)['"]/g;

type Graph = ReadonlyMap<string, readonly string[]>;

/** Which file of the repository an import names. */
function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier));
  const name = specifier.slice(1);
  return /^(?:sandbox|test)\//.test(name) ? name : join('src', name);
}

const importsOf = (path: string, source: string): readonly string[] =>
  [...source.matchAll(IMPORT)].map(([, specifier = '']) => targetOf(path, specifier));

/** Every set of files that import each other, directly or through others: Tarjan's components. */
function circlesOf(graph: Graph): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const circles: (readonly string[])[] = [];
  const visit = (file: string): number => {
    const mine = order.size;
    order.set(file, mine);
    lowest.set(file, mine);
    open.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      const reached = order.has(next)
        ? open.includes(next)
          ? (order.get(next) ?? mine)
          : mine
        : visit(next);
      lowest.set(file, Math.min(lowest.get(file) ?? mine, reached));
    }
    const low = lowest.get(file) ?? mine;
    if (low === mine) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1 || graph.get(file)?.includes(file)) circles.push(circle.toSorted());
    }
    return low;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

const graphOf = (sources: Readonly<Record<string, string>>): Graph =>
  new Map(Object.entries(sources).map(([path, source]) => [path, importsOf(path, source)]));

describe('files', () => {
  test('do not import each other in circles', () => {
    const sources: Record<string, string> = {};
    for (const house of HOUSES)
      for (const file of listed(house))
        sources[join(house, file)] = readFileSync(join(root, house, file), 'utf8');
    expect(Object.keys(sources).length).toBeGreaterThan(400);
    expect(circlesOf(graphOf(sources))).toEqual([]);
  });

  test('that do are found, also through a third one and by a type alone', () => {
    const graph = graphOf({
      'src/lib/a.ts': "import type { B } from './b.ts';",
      'src/lib/b.ts': "export { c } from '#lib/c.ts';",
      'src/lib/c.ts': "const a = await import('../lib/a.ts');",
      'src/lib/d.ts': "import { a } from './a.ts';",
    });
    expect(circlesOf(graph)).toEqual([['src/lib/a.ts', 'src/lib/b.ts', 'src/lib/c.ts']]);
  });
});

/** A house may not be built yet. */
function listed(house: string): readonly string[] {
  try {
    return readdirSync(join(root, house), { recursive: true, encoding: 'utf8' }).filter(
      (path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && !path.includes('node_modules'),
    );
  } catch {
    return [];
  }
}
