import { policyOf } from '#conversation/policy.ts';
import type { Abilities } from '#replay/journal.ts';
import { leadCall } from './leader.ts';
import type { LeaderParts, Session } from './leader.ts';
import { soundingLine } from './sounding-line.ts';
import type { SoundingLineParts } from './sounding-line.ts';

export type SessionParts = SoundingLineParts &
  Omit<LeaderParts, 'policy' | 'abilities' | 'openLine' | 'leave'>;

/** Leads a call whose sound is ours, such as a phone call by Twilio. */
export function startSession(parts: SessionParts): Session {
  const { agent, hearing, model, speech } = parts;
  const policy = policyOf(agent, hearing.can.endOfTurn, {
    'language-model': model.vendor,
    'text-to-speech': speech.vendor,
  });
  return leadCall({
    ...parts,
    policy,
    abilities: abilitiesOf(parts),
    openLine: (around) => soundingLine(parts, around),
  });
}

const abilitiesOf = ({ hearing, model, speech, transport }: SessionParts): Abilities => ({
  'speech-to-text': {
    vendor: hearing.vendor,
    model: hearing.model,
    endOfTurn: hearing.can.endOfTurn,
  },
  'language-model': { vendor: model.vendor, model: model.model },
  'text-to-speech': {
    vendor: speech.vendor,
    model: speech.model,
    wordTimes: speech.can.wordTimes,
  },
  transport: transport.name,
});
