import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyReply } from 'fastify';
import type { Api } from './route.ts';

const BUNDLE = join(import.meta.dirname, '..', '..', 'console', 'dist');

/** Addresses of the console's own pages; the page itself finds out which of them it is. */
const PAGES = ['/', '/instances', '/instances/*', '/calls/*'];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Nothing but this server's own files and its own API; no script or style inside of the page. The
 * microphone is for calls from the page.
 */
const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(self)',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

type File = {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
};

/**
 * The console at `/`: a page and its files, read once when the server starts. A request is looked up
 * among them by its whole address, so none reaches the disk. Without a bundle there is no console.
 */
export function registerConsole(api: Api, folder = BUNDLE): void {
  const files = readBundle(folder);
  const page = files.get('/index.html');
  if (!page) return;
  for (const [address, file] of files) {
    if (file === page) continue;
    // The names hold a hash of what is in them.
    api.get(address, { schema: { hide: true } }, async (request, reply) =>
      send(reply, request.headers, file, 'public, max-age=31536000, immutable'),
    );
  }
  for (const address of PAGES)
    api.get(address, { schema: { hide: true } }, async (request, reply) =>
      send(reply, request.headers, page, 'no-cache'),
    );
}

function readBundle(folder: string): ReadonlyMap<string, File> {
  if (!existsSync(folder)) return new Map();
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const plain = readFileSync(path);
        const file: File = {
          plain,
          type: TYPES[extname(entry.name)] ?? '',
          gzipped: gzipSync(plain, { level: 9 }),
          etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`,
        };
        return [path.slice(folder.length).split(sep).join('/'), file];
      }),
  );
}

function send(
  reply: FastifyReply,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  file: File,
  cacheControl: string,
): FastifyReply {
  reply
    .headers(SECURITY_HEADERS)
    .headers({ 'cache-control': cacheControl, etag: file.etag, vary: 'accept-encoding' });
  // A proxy that compressed it anew says so by a W/ before the tag.
  if (String(headers['if-none-match'] ?? '').includes(file.etag)) return reply.code(304).send();
  const isGzip = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''));
  if (isGzip) reply.header('content-encoding', 'gzip');
  return reply.type(file.type).send(isGzip ? file.gzipped : file.plain);
}
