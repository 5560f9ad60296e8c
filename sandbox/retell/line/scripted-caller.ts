import type { Clock } from '#lib/clock.ts';
import type { CallRecord, Span, StepRecord } from '#sandbox/caller/record.ts';
import { checkScript } from '#sandbox/caller/script.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { WordSpan } from '#sandbox/speech/speech.ts';
import type { Line } from './line.ts';
import { gapMs, wordMs, wordsOf } from './speech.ts';

export type CallerOnLine = {
  /** Follows the script to its end, and hangs up; resolves early once the call is over. */
  follow(): Promise<void>;
  /** The call is over: what the caller did and heard. */
  ended(by: CallRecord['endedBy']): CallRecord;
};

const POLL_MS = 20;
const KEY_MS = 200;
const COUGH_MS = 300;

/**
 * A caller who follows a script, in words with times instead of sound. The steps are those of a caller
 * on the phone network, and mean the same.
 *
 * @throws RangeError when the script makes no sense
 */
export function lineCaller(options: {
  readonly clock: Clock;
  readonly line: Line;
  readonly script: readonly Step[];
  /** How long it waits for what a step needs. */
  readonly patienceMs?: number;
}): CallerOnLine {
  const { clock, line, script, patienceMs = 30_000 } = options;
  checkScript(script);
  const startedAtMs = clock.now();
  const over = new AbortController();
  const steps: StepRecord[] = [];
  let said: WordSpan[] = [];
  let hesitation: Span | undefined;
  /** When the caller last did something; what the agent says after it is an answer to it. */
  let actedUntilMs = 0;
  let problem: string | undefined;
  let isFinished = false;

  const nowMs = (): number => clock.now() - startedAtMs;
  const pause = (ms: number): Promise<void> => clock.sleep(Math.max(0, ms), over.signal);
  const wordsHeard = (): number =>
    line.sound.agentWords.filter(({ startMs }) => startMs >= actedUntilMs).length;

  const speak = async (text: string, isAssent = false): Promise<void> => {
    line.caller.starts(isAssent);
    for (const word of wordsOf(text)) {
      const startMs = nowMs();
      await pause(wordMs(word));
      said.push({ text: word, startMs, endMs: nowMs() });
      if (!isAssent) line.caller.says(word, startedAtMs + startMs);
      await pause(Math.min(gapMs(word), 120));
    }
    if (!isAssent) line.caller.stops();
    actedUntilMs = said.at(-1)?.endMs ?? nowMs();
  };
  const until = async (what: string, come: () => boolean): Promise<void> => {
    const sinceMs = nowMs();
    while (!come()) {
      if (nowMs() - sinceMs >= patienceMs) {
        problem = `waited ${patienceMs} ms for ${what}`;
        return;
      }
      await pause(POLL_MS);
    }
  };
  const untilWords = (count: number): Promise<void> =>
    until(`${count} words of the agent`, () => wordsHeard() >= count);

  const perform = async (step: Step): Promise<void> => {
    if ('say' in step) return speak(step.say);
    if ('hesitate' in step) {
      const [firstHalf, silenceMs, secondHalf] = step.hesitate;
      await speak(firstHalf);
      const startMs = actedUntilMs;
      await pause(silenceMs - (nowMs() - startMs));
      hesitation = { startMs, endMs: nowMs() };
      return speak(secondHalf);
    }
    if ('waitForAgent' in step) {
      const { silentForMs = 900 } = step;
      return until('the agent to speak and to finish', () => {
        const soundUntilMs = line.sound.agentSound.at(-1)?.endMs ?? 0;
        return (
          soundUntilMs > actedUntilMs &&
          !line.isAgentSpeaking &&
          nowMs() - soundUntilMs >= silentForMs
        );
      });
    }
    if ('interrupt' in step) {
      await untilWords(step.afterWords);
      return problem === undefined ? speak(step.interrupt) : undefined;
    }
    if ('backchannel' in step) {
      await untilWords(step.afterWords ?? 2);
      const acted = actedUntilMs;
      if (problem === undefined) await speak(step.backchannel, true);
      actedUntilMs = acted;
      return undefined;
    }
    if ('cough' in step) {
      if (step.afterWords !== undefined) await untilWords(step.afterWords);
      return pause(COUGH_MS);
    }
    if ('press' in step) {
      for (const digit of step.press) {
        line.caller.presses(digit);
        await pause(KEY_MS);
      }
      actedUntilMs = nowMs();
      return undefined;
    }
    if ('silence' in step) return pause(step.silence);
    if ('expectHangUp' in step) return until('the other side to hang up', () => false);
    return undefined;
  };

  return {
    async follow() {
      try {
        for (const [place, step] of script.entries()) {
          if ('hangUp' in step) break;
          said = [];
          hesitation = undefined;
          const startMs = nowMs();
          const words = said;
          // Noted before and after, so that a call that ends in the middle leaves what was done.
          const note = (): void =>
            void (steps[place] = { step, startMs, endMs: nowMs(), said: words, hesitation });
          note();
          await perform(step);
          note();
          if (problem !== undefined) {
            problem = `Step ${place + 1} (${JSON.stringify(step)}): ${problem}.`;
            break;
          }
        }
        isFinished = true;
        line.caller.hangsUp();
      } catch (error) {
        if (!over.signal.aborted) throw error;
      }
    },
    ended(by) {
      const durationMs = nowMs();
      over.abort();
      const last = script[steps.length - 1];
      const isExpected =
        last !== undefined && 'expectHangUp' in last && steps.length === script.length;
      if (!isFinished && problem === undefined && !isExpected)
        problem = `The call ended in step ${steps.length} of ${script.length} (${JSON.stringify(last)}).`;
      return {
        steps: steps.map((step) => ({ ...step })),
        agentWords: line.sound.agentWords,
        agentSound: line.sound.agentSound,
        durationMs,
        endedBy: by,
        problem,
      };
    },
  };
}
