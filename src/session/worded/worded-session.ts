import type { WordsTransport } from '#contracts/words-transport.ts';
import { policyOf, wordedPolicy } from '#conversation/policy.ts';
import { leadCall } from '../leader.ts';
import type { LeaderParts, Session } from '../leader.ts';
import type { LeavingRecorder } from '../recorder.ts';
import type { LineSurroundings } from '../line.ts';
import { lineToolsOnly } from '../tools/toolbox.ts';
import { wordedLine } from './worded-line.ts';
import type { TurnsBefore, WordedLine } from './worded-line.ts';
import { wordedTools } from './worded-tools.ts';

export type WordedSessionParts = Omit<
  LeaderParts,
  'policy' | 'abilities' | 'openLine' | 'leave' | 'recorder' | 'answeredMs'
> & {
  readonly transport: WordsTransport;
  readonly recorder: LeavingRecorder;
  /** Another process has led the call until now; absent: it has just been answered. */
  readonly before?: TurnsBefore & { readonly startedAt: Date };
};

/** Leads a call whose sound is somebody else's, such as one that Retell carries. */
export function startWordedSession(parts: WordedSessionParts): Session {
  const { agent, before, clock, log, model, recorder, transport } = parts;
  const policy = wordedPolicy(policyOf(agent, true, { 'language-model': model.vendor }));
  const { name } = transport;
  let opened: { readonly line: WordedLine; readonly around: LineSurroundings } | undefined;
  const openTools = parts.openTools ?? lineToolsOnly(clock, log);
  return leadCall({
    ...parts,
    policy,
    abilities: {
      'speech-to-text': { vendor: name, model: '', endOfTurn: true },
      'language-model': { vendor: model.vendor, model: model.model },
      'text-to-speech': { vendor: name, model: '', wordTimes: false },
      transport: name,
    },
    ...(before && { answeredMs: before.startedAt.getTime() }),
    openLine(around) {
      const line = wordedLine(parts, around);
      opened = { line, around };
      return line;
    },
    openTools(around) {
      if (!opened) throw new Error('A line is opened before its tools.');
      return wordedTools({
        open: openTools,
        around,
        on: opened.around.take,
        line: opened.line,
        clock,
      });
    },
    // Whoever carries the call goes on with it without us, or with another of our nodes, and says how it ends.
    leave: (reason) => (reason === 'transport_lost' ? recorder.leave() : undefined),
    hangUpAtCarrier: () => (opened?.line.isEnded ? Promise.resolve(true) : parts.hangUpAtCarrier()),
  });
}
