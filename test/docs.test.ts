import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import { vendors } from '#vendors/index.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root });

/** The first cells of a table's rows, and the rest of each row. */
const rowsOf = (text: string): readonly (readonly [string, string])[] =>
  [...text.matchAll(/^\| ([^|]+) \|(.*)\|$/gm)].map(([, first = '', rest = '']) => [
    first.trim(),
    rest,
  ]);

describe('Documentation', () => {
  test('has links that lead somewhere', () => {
    const dead = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].flatMap(([, link = '']) =>
        existsSync(join(root, dirname(page), link)) ? [] : [`${page}: ${link}`],
      ),
    );
    expect(pages.length).toBeGreaterThan(10);
    expect(dead).toEqual([]);
  });

  test('names paths of files that are there', () => {
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(/`((?:src|sandbox|test|scripts|docs)\/[\w./-]+)`/g)].flatMap(
        ([, path = '']) =>
          path.includes('acme') || existsSync(join(root, path)) ? [] : [`${page}: ${path}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  test('lists every variable of the environment, and no other', () => {
    const known = [...read('src/config.ts').matchAll(/read\.\w+\('([A-Z_]+)'/g)].map(
      ([, name]) => name,
    );
    const ofVendors = vendors.map(({ name }) => `${name.toUpperCase()}_URL`);
    const configuration = /^## Configuration$(.*?)^## /ms.exec(read('README.md'))?.[1] ?? '';
    const listed = rowsOf(configuration).flatMap(([cell]) =>
      [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
    );
    expect(known).toContain('PORT');
    expect(new Set(listed)).toEqual(new Set([...known, ...ofVendors]));
  });

  test.each([
    ['speech-to-text', 'speechToText'],
    ['language model', 'languageModel'],
    ['text-to-speech', 'textToSpeech'],
  ] as const)('says which vendors there are for %s', (cell, role) => {
    const row = rowsOf(read('README.md'))
      .find(([first]) => first === cell)?.[1]
      .toLowerCase();
    const named = vendors.map(({ name }) => name).filter((name) => row?.includes(name));
    const there = vendors.filter((vendor) => vendor[role]).map(({ name }) => name);
    expect(named).toEqual(there);
  });

  test('has an example of every route, and of no other', async () => {
    const store = await openTestStore();
    const { app } = await openTestApi(store);
    const { paths } = (await app.inject('/openapi.json')).json<{
      readonly paths: Readonly<Record<string, object>>;
    }>();
    await app.close();
    await store.close();
    const routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const shown = [
      ...read('docs/api.md').matchAll(
        /^curl -sN? (?:-X (\w+) )?(?:\$API|http:\/\/127\.0\.0\.1:8080)(\/\S+)/gm,
      ),
    ].map(([, method = 'GET', path = '']) => {
      const prefix = /^\/(?:healthz|readyz|metrics)$/.test(path) ? '' : '/v1';
      const named = path
        .replace('$ID', '{instance_id}')
        .replace('$CALL', '{call_id}')
        .replace('$KEY_ID', '{key_id}');
      return `${method} ${prefix}${named}`;
    });
    expect(new Set(shown)).toEqual(new Set(routes));
  });
});
