import type { ReplaySetting, WhatIfReport } from '#protocol/replay.ts';
import { wholeMs } from './format.ts';
import type { Tone } from './format.ts';
import { isObject } from './merge-patch.ts';
import type { Json } from './merge-patch.ts';

/** A setting that is to be otherwise, as it stands in the form. */
export type SettingChange = { readonly path: string; readonly text: string };

/** A setting's value as it stands in the form: of several texts one a line. */
export const textOf = ({ was }: Pick<ReplaySetting, 'was'>): string =>
  was === null ? '' : Array.isArray(was) ? was.join('\n') : String(was);

/**
 * The patch of the policy that the form asks for, in the policy's own shape. What should be a number
 * and is none goes as it is: the server says what it must be.
 */
export function policyPatchOf(
  changes: readonly SettingChange[],
  settings: readonly ReplaySetting[],
): Readonly<Record<string, Json>> {
  const patch: Record<string, Json> = {};
  for (const { path, text } of changes) {
    const kind = settings.find((one) => one.path === path)?.kind ?? 'text';
    const [group = '', key] = path.split('.');
    const inner = patch[group];
    patch[group] =
      key === undefined
        ? valueOf(kind, text)
        : { ...(isObject(inner) && inner), [key]: valueOf(kind, text) };
  }
  return patch;
}

function valueOf(kind: ReplaySetting['kind'], text: string): Json {
  switch (kind) {
    case 'ms':
      return /^\s*\d+\s*$/.test(text) ? Number(text) : text;
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'texts':
      return text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
    case 'text':
      return text;
  }
}

/** What a setting is about, and what it can be. */
export function hintOf({ about, kind, min, max, was }: ReplaySetting): string {
  const takes =
    kind === 'ms' ? `${min} to ${max} ms` : kind === 'texts' ? 'one on each line' : undefined;
  const then =
    kind === 'ms' && typeof was === 'number'
      ? `it was ${was} ms`
      : kind === 'flag'
        ? `it was ${String(was)}`
        : undefined;
  const rest = [takes, then].filter((one) => one !== undefined).join('; ');
  return `${about.charAt(0).toUpperCase()}${about.slice(1)}${rest === '' ? '' : ` (${rest})`}.`;
}

type Row = WhatIfReport['turns'][number];

export const verdicts: Readonly<
  Record<Row['verdict'], { readonly name: string; readonly tone: Tone }>
> = {
  same: { name: 'Same', tone: 'calm' },
  changed: { name: 'Changed', tone: 'accent' },
  gone: { name: 'Would not be', tone: 'bad' },
  new: { name: 'Would be new', tone: 'warn' },
  untold: { name: 'Not known', tone: 'calm' },
  unknown: { name: 'Not known', tone: 'warn' },
};

export const assumptionNames: Readonly<
  Record<Extract<Row, { role: string }>['assumptions'][number], string>
> = {
  'other-context':
    'taken for granted: the model answers the same, though it was heard otherwise before',
  'asked-again': 'taken for granted: asked the same again, the model answers the same',
  'line-plays-on': 'reckoned: the line plays on at its pace',
};

/** Less than anybody could hear or read. */
export const isNoChange = (changeMs: number): boolean => Math.round(changeMs) === 0;

/** −200 → `200 ms sooner`. */
export const soonerOrLater = (changeMs: number): string =>
  isNoChange(changeMs)
    ? 'no sooner, no later'
    : `${wholeMs(Math.abs(changeMs))} ${changeMs < 0 ? 'sooner' : 'later'}`;
