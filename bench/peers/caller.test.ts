import { describe, expect, test } from 'vitest';
import { encodeMulaw, MULAW_SILENCE, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { FRAME_MS } from '#sandbox/caller/caller.ts';
import type { SpeechClip } from '#sandbox/speech/speech.ts';
import { benchCaller } from './caller.ts';
import type { Act } from './caller.ts';

const SOUND = encodeMulaw(new Int16Array(PHONE_FRAME_BYTES).fill(4_000));
const SILENCE = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);

/** One word of sound between 100 ms of silence on either side. */
function clipOf(text: string, soundMs: number): SpeechClip {
  const pcm = new Int16Array((soundMs + 200) * 8);
  pcm.fill(4_000, 800, 800 + soundMs * 8);
  return { text, voice: 'any', pcm, words: [{ text, startMs: 100, endMs: 100 + soundMs }] };
}

const ASK: Act = { kind: 'ask', line: clipOf('question', 1_000), reply: clipOf('reply', 1_000) };
const CUT_IN: Act = {
  kind: 'cut-in',
  line: clipOf('question', 1_000),
  cutIn: clipOf('stop', 1_000),
  reply: clipOf('reply', 1_000),
};

/**
 * An agent that answers `delayMs` after the caller's last sound with `replyMs` of sound, and falls silent
 * when the caller has been speaking for `yieldMs`. Plays the acts once.
 */
function play(
  acts: readonly Act[],
  agent: { readonly delayMs: number; readonly replyMs: number; readonly yieldMs: number },
) {
  const clock = virtualClock(0);
  const life = { isDone: false };
  const caller = benchCaller({ clock, acts, seed: 1, onDone: () => void (life.isDone = true) });
  caller.answered({ press: () => undefined, hangUp: () => undefined });
  let quietMs = 0;
  let speechMs = 0;
  let left = 0;
  for (let frame = 0; frame < 3_000 && !life.isDone; frame += 1) {
    caller.hear(left > 0 ? SOUND : SILENCE);
    left = Math.max(0, left - FRAME_MS);
    const isSpeech = caller.nextFrame()?.some((byte) => byte !== MULAW_SILENCE) ?? false;
    quietMs = isSpeech ? 0 : quietMs + FRAME_MS;
    if (isSpeech) speechMs += FRAME_MS;
    if (isSpeech && speechMs >= agent.yieldMs) left = 0;
    if (speechMs > 0 && quietMs === agent.delayMs) {
      left = agent.replyMs;
      speechMs = 0;
    }
  }
  return { caller, isDone: life.isDone };
}

describe('a caller who measures', () => {
  test('counts from the end of the last word to the first sound', () => {
    const { caller, isDone } = play([ASK, ASK], { delayMs: 800, replyMs: 1_000, yieldMs: 1 });
    expect(isDone).toBe(true);
    expect(caller.turns).toHaveLength(2);
    for (const { voiceToVoiceMs, failure } of caller.turns) {
      expect(failure).toBeUndefined();
      expect(voiceToVoiceMs).toBeGreaterThanOrEqual(800);
      expect(voiceToVoiceMs).toBeLessThanOrEqual(800 + 2 * FRAME_MS);
    }
  });

  test('notes an answer that never comes, and goes on', () => {
    const { caller, isDone } = play([ASK, ASK], { delayMs: 7_500, replyMs: 1_000, yieldMs: 1 });
    expect(isDone).toBe(true);
    expect(caller.turns.map(({ failure }) => failure)).toEqual(['no answer', 'no answer']);
    expect(caller.turns[0]?.voiceToVoiceMs).toBeUndefined();
  });

  test('notes an answer that is cut short', () => {
    const { caller } = play([ASK], { delayMs: 800, replyMs: 600, yieldMs: 1 });
    expect(caller.turns.map(({ failure }) => failure)).toEqual(['cut short']);
  });

  test('cuts in, counts until the agent is silent, and keeps what was heard', () => {
    const { caller } = play([CUT_IN], { delayMs: 800, replyMs: 8_000, yieldMs: 300 });
    const [cutIn] = caller.cutIns;
    expect(caller.cutIns).toHaveLength(1);
    expect(cutIn?.silentAfterMs).toBeGreaterThanOrEqual(300 - FRAME_MS);
    expect(cutIn?.silentAfterMs).toBeLessThanOrEqual(300 + FRAME_MS);
    const heardFrames = (cutIn?.heard.length ?? 0) / PHONE_FRAME_BYTES;
    expect(heardFrames).toBeGreaterThan(2_000 / FRAME_MS);
    expect(caller.turns).toHaveLength(2);
  });

  test('says so when the agent talks on', () => {
    const { caller } = play([CUT_IN], { delayMs: 800, replyMs: 8_000, yieldMs: Infinity });
    expect(caller.cutIns[0]?.silentAfterMs).toBeUndefined();
  });

  test('knows who ended the call', () => {
    const options = { clock: virtualClock(0), acts: [ASK], seed: 1 };
    const left = benchCaller(options);
    left.ended('other-side');
    expect(left.dropped).toBe(true);
    const leaving = benchCaller(options);
    leaving.hangUp();
    leaving.ended('other-side');
    expect(leaving.dropped).toBe(false);
  });
});
