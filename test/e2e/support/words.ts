import type { Call, Turn } from '#protocol/calls.ts';
import type { CallRecord } from '#sandbox/caller/record.ts';

/** Words as they compare: without capitals and punctuation, single spaces. */
export const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}' ]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** Everything the agent was heard to say, by the caller's own ear. */
export const heardBy = (experience: CallRecord): string =>
  plain(experience.agentWords.map(({ text }) => text).join(' '));

/** Everything the server wrote down as heard of its agent. */
export const writtenAsHeard = (call: Call): string =>
  plain(
    agentTurns(call)
      .map(({ heard }) => heard)
      .join(' '),
  );

export const agentTurns = (call: Call): readonly Turn[] =>
  call.turns.filter(({ role }) => role === 'agent');

/** The longest stretch, in milliseconds, in which neither side made a sound, up to the end of the call. */
export function longestSilenceMs(experience: CallRecord): number {
  const sounds = [
    ...experience.agentSound,
    ...experience.steps.flatMap(({ said }) => said),
    { startMs: experience.durationMs, endMs: experience.durationMs },
  ].toSorted((left, right) => left.startMs - right.startMs);
  let untilMs = 0;
  let longestMs = 0;
  for (const { startMs, endMs } of sounds) {
    longestMs = Math.max(longestMs, startMs - untilMs);
    untilMs = Math.max(untilMs, endMs);
  }
  return longestMs;
}
