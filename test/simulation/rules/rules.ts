import type { Evidence } from '../evidence.ts';
import { allIsReleased, callEnds, noInternalError } from './ends.ts';
import { contextIsWhatWasHeard } from './heard.ts';
import { audioAfterInterruption } from './interruption.ts';
import { journalReplays } from './journal.ts';
import { oneReply } from './replies.ts';
import type { Rule, Violation } from './rule.ts';
import { unansweredCaller, unexplainedSilence } from './silence.ts';
import { callersWords, turnsAreStored } from './turns.ts';

/** What every simulated call is held to. */
export const rules: readonly Rule[] = [
  unexplainedSilence,
  unansweredCaller,
  audioAfterInterruption,
  oneReply,
  contextIsWhatWasHeard,
  turnsAreStored,
  callersWords,
  journalReplays,
  callEnds,
  allIsReleased,
  noInternalError,
];

export const violationsOf = (evidence: Evidence): readonly Violation[] =>
  rules.flatMap(({ name, check }) =>
    check(evidence).map(({ atMs, what }) => ({ rule: name, atMs: Math.round(atMs), what })),
  );
