import type { Effect } from '#conversation/effect.ts';
import type { Policy } from '#conversation/policy.ts';
import { codeVersion } from './code-version.ts';
import { effectLines } from './effect-line.ts';

/** Grows with every change after which an older program would misread a journal. */
export const JOURNAL_VERSION = 1;

/** Who did what in a call, and what of it the conversation has to know. Names, never keys. */
export type Abilities = {
  readonly 'speech-to-text': {
    readonly vendor: string;
    readonly model: string;
    readonly endOfTurn: boolean;
  };
  readonly 'language-model': { readonly vendor: string; readonly model: string };
  readonly 'text-to-speech': {
    readonly vendor: string;
    readonly model: string;
    readonly wordTimes: boolean;
  };
  readonly transport: string;
};

/**
 * The first entry of a journal. The entries after it are inputs of the conversation as `step` got them,
 * each followed by `{atMs, did}` if it had effects, and notes for people. What the model is told before
 * the conversation, and every secret, is left out: nothing of it decides who speaks.
 */
export type JournalHead = {
  readonly atMs: 0;
  readonly type: 'journal';
  readonly version: number;
  readonly code: string;
  readonly language: string;
  readonly abilities: Abilities;
  readonly policy: Policy;
};

export const journalHead = (of: Pick<JournalHead, 'policy' | 'abilities' | 'language'>) =>
  ({
    atMs: 0,
    type: 'journal',
    version: JOURNAL_VERSION,
    code: codeVersion(),
    language: of.language,
    abilities: of.abilities,
    policy: of.policy,
  }) satisfies JournalHead;

/** What a step did, for the journal; undefined: nothing. */
export const journalEffects = (
  atMs: number,
  effects: readonly Effect[],
): { readonly atMs: number; readonly did: readonly string[] } | undefined =>
  effects.length === 0 ? undefined : { atMs, did: effectLines(effects) };

/** The time of an entry: ten microseconds are finer than anything that happens, and short to write. */
export const journalMs = (ms: number): number => Math.round(ms * 100) / 100;
