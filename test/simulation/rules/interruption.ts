import { agentConfigSchema } from '#protocol/agent-config.ts';
import { ONSET_MS } from '../vendors/voice-activity.ts';
import type { Evidence } from '../evidence.ts';
import { isWhole } from '../world/labelled-sound.ts';
import type { Rule } from './rule.ts';
import { contentOf, judgedSpan, roundTripMs, statesOf } from './timeline.ts';

/** From the first sample of a voice to the agent's last, on a line without delay. */
const BUDGET_MS = 350;
/** A gap in the agent's speech that is no pause of a sentence. */
const STOPPED_MS = 300;
/** From the moment of an interruption to its last sample, on a line without delay: a packet, and a frame. */
const FLUSH_MS = 60;

/**
 * A caller who says words while the agent speaks, and may be interrupted, hears it fall silent within
 * 350 ms and the line's delay; and of a reply that was interrupted nothing is heard any more.
 */
export const audioAfterInterruption: Rule = {
  name: 'audio-after-interruption',
  check: (evidence) => [...tooLate(evidence), ...goesOn(evidence)],
};

function tooLate(evidence: Evidence): readonly { atMs: number; what: string }[] {
  const judged = judgedSpan(evidence);
  const { plan, heard } = evidence;
  if (!judged || plan.carrier.lossRate !== undefined) return [];
  const limitMs = BUDGET_MS + roundTripMs(evidence);
  const { voice } = agentConfigSchema.parse(plan.agent);
  const states = statesOf(evidence);
  const mayInterrupt = (atMs: number): boolean => {
    const around = states.filter(
      ({ fromMs, untilMs }) => untilMs >= atMs - limitMs && fromMs <= atMs + limitMs,
    );
    return (
      voice.barge_in.enabled &&
      around.length > 0 &&
      around.every(
        ({ state }) =>
          state === 'speaking' ||
          state === 'listening' ||
          (state === 'greeting' && voice.greeting_interruptible),
      )
    );
  };
  return evidence.acts.flatMap(({ atMs, what }) => {
    if (what !== 'interrupt' || !mayInterrupt(atMs)) return [];
    if (atMs < judged.fromMs || atMs + limitMs + STOPPED_MS > judged.untilMs) return [];
    // Keys, tones and prepared speech are not the agent's to stop.
    const sounding = heard.filter(
      ({ word, startMs, endMs }) => word && endMs > atMs && startMs < atMs + limitMs + STOPPED_MS,
    );
    const speaks = evidence.spoken.filter(({ startMs }) => startMs >= atMs);
    const spokenMs = (speaks[0]?.endMs ?? atMs) - atMs;
    if (spokenMs < ONSET_MS + 120) return [];
    let untilMs = atMs;
    for (const { startMs, endMs } of sounding) {
      if (startMs - untilMs >= STOPPED_MS) break;
      untilMs = Math.max(untilMs, endMs);
    }
    if (untilMs - atMs <= limitMs) return [];
    return { atMs, what: `the agent spoke on for ${Math.round(untilMs - atMs)} ms` };
  });
}

function goesOn(evidence: Evidence): readonly { atMs: number; what: string }[] {
  const lateMs = FLUSH_MS + roundTripMs(evidence);
  return evidence.events.flatMap(({ atMs, what }) => {
    if (what.type !== 'interrupted') return [];
    const unheard = new Set(contentOf(what.unheard));
    const heardAnyway = evidence.heard.find(
      (piece) =>
        piece.word &&
        isWhole(piece) &&
        piece.startMs > atMs + lateMs &&
        contentOf(piece.word.text).some((token) => unheard.has(token)),
    );
    if (!heardAnyway) return [];
    return {
      atMs: heardAnyway.startMs,
      what: `"${heardAnyway.word?.text}" is heard though the reply was interrupted`,
    };
  });
}
