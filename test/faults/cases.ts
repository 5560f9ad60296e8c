import type { Role } from '#contracts/vendor.ts';
import type { VendorName } from '#sandbox/vendors/index.ts';
import type { Chains, Link, Trouble } from './call.ts';
import { FIRST_ANSWER_TOKENS } from './scenario.ts';

/** What goes wrong, in the words of the command's output. */
export const FAULT_KINDS = [
  'refused connect',
  '401',
  '429',
  'closed mid-utterance',
  'half-open',
  'slow first answer',
  'garbage message',
  'wrong order',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultCase = {
  /** `text-to-speech: cartesia, half-open while the agent speaks; elevenlabs behind` */
  readonly name: string;
  readonly role: Role;
  readonly kind: FaultKind;
  readonly chains: Chains;
  readonly trouble: Trouble;
  /**
   * How long the fault cannot be told from a vendor that is merely slow: the deadline of the chain,
   * or of the vendor where that is all there is. 0 where the fault shows by itself.
   */
  readonly detectionMs: number;
};

type Row = Link & {
  readonly name: string;
  /**
   * Which messages change places with the next. Only where the vendor's protocol shows their order:
   * two pieces of text, or of sound, without a number or a time are just another text or sound. None:
   * nothing in the protocol shows the order, and its transport cannot change it.
   */
  readonly swaps: readonly number[];
};

/** Every way of every vendor, by role; the one behind it in its chain is the next of another vendor. */
export const ROWS: Readonly<Record<Role, readonly Row[]>> = {
  'speech-to-text': [
    { name: 'deepgram flux', vendor: 'deepgram', model: 'flux-general-en', swaps: [2, 5] },
    { name: 'openai', vendor: 'openai', swaps: [2, 5] },
    { name: 'deepgram nova-3', vendor: 'deepgram', model: 'nova-3', swaps: [2, 5] },
    { name: 'google', vendor: 'google', swaps: [2, 5] },
  ],
  'language-model': [
    { name: 'openai', vendor: 'openai', swaps: [3, 6, 10] },
    // The head of the message; the pieces of its text have no number.
    { name: 'anthropic', vendor: 'anthropic', swaps: [1, 2, 3] },
    // The last piece of the first answer, and the end of it.
    { name: 'google', vendor: 'google', swaps: [FIRST_ANSWER_TOKENS] },
  ],
  'text-to-speech': [
    // A piece of sound and the times of its words.
    { name: 'cartesia', vendor: 'cartesia', swaps: [1, 2] },
    { name: 'elevenlabs', vendor: 'elevenlabs', swaps: [] },
    // The head of a response.
    { name: 'openai realtime', vendor: 'openai', swaps: [1, 2, 3] },
    { name: 'google', vendor: 'google', swaps: [] },
    { name: 'openai audio/speech', vendor: 'openai', model: 'gpt-4o-mini-tts', swaps: [] },
  ],
};

const ROLES: readonly Role[] = ['speech-to-text', 'language-model', 'text-to-speech'];

/** Who does the other roles' work: not the vendor in trouble, whose faults befall all that it does. */
const healthy = (role: Role, vendor: VendorName): Link =>
  ROWS[role].find((row) => row.vendor !== vendor) ?? { vendor };

/** From the fault to the moment at which it counts as one; see docs/faults.md. */
const DEADLINES_MS: Readonly<Record<Role, number>> = {
  'speech-to-text': 5_000,
  'language-model': 1_200,
  'text-to-speech': 2_000,
};

/** Longer than any deadline; a recogniser's goes on while the caller listens to the greeting first. */
const SLOW_MS: Readonly<Record<Role, number>> = {
  'speech-to-text': 15_000,
  'language-model': 4_000,
  'text-to-speech': 4_000,
};

type Plan = Omit<Trouble, 'vendor'> & { readonly kind: FaultKind; readonly how: string };

const atStart = (kind: FaultKind, fault: Trouble['fault'], how: string): Plan => ({
  kind,
  fault,
  from: 'start',
  how,
});

/** Faults that a vendor of any role can have from the start. */
const fromTheStart = (role: Role): readonly Plan[] => [
  atStart('refused connect', { kind: 'down' }, 'from the start'),
  atStart('401', { kind: 'refuse' }, 'from the start'),
  atStart('429', { kind: 'limit' }, 'from the start'),
  atStart('half-open', { kind: 'half-open' }, 'from the start'),
  atStart('slow first answer', { kind: 'slow', delayMs: SLOW_MS[role] }, `by ${SLOW_MS[role]} ms`),
];

const garbled = (...places: readonly number[]): readonly Plan[] =>
  places.map((message) =>
    atStart('garbage message', { kind: 'garble', message }, `in place of message ${message}`),
  );
const swapped = (places: readonly number[]): readonly Plan[] =>
  places.map((message) =>
    atStart(
      'wrong order',
      { kind: 'reorder', message },
      `of messages ${message} and ${message + 1}`,
    ),
  );

const inMidSentence = (from: Exclude<Trouble['from'], 'start'>): readonly Plan[] => {
  const how = from === 'caller-speaks' ? 'while the caller speaks' : 'while the agent speaks';
  return [
    { kind: 'refused connect', fault: { kind: 'down' }, from, how },
    { kind: 'half-open', fault: { kind: 'half-open' }, from, how },
  ];
};
/** An answer, or what is spoken, breaks off in its middle. */
const brokenOff = (from: Trouble['from'], ...places: readonly number[]): readonly Plan[] =>
  places.map((afterMessages) => ({
    kind: 'closed mid-utterance',
    fault: { kind: 'die', afterMessages },
    from,
    how: `after ${afterMessages} messages`,
  }));

const PLANS: Readonly<Record<Role, readonly Plan[]>> = {
  'speech-to-text': [
    ...fromTheStart('speech-to-text'),
    ...inMidSentence('caller-speaks'),
    {
      kind: 'closed mid-utterance',
      fault: { kind: 'reset' },
      from: 'caller-speaks',
      passing: true,
      how: 'while the caller speaks',
    },
    ...garbled(2, 5),
  ],
  'language-model': [
    ...fromTheStart('language-model'),
    ...brokenOff('start', 4, 8),
    ...garbled(3, 6),
  ],
  'text-to-speech': [
    ...fromTheStart('text-to-speech'),
    ...inMidSentence('agent-speaks'),
    ...brokenOff('start', 5),
    ...brokenOff('caller-speaks', 8, 20),
    ...garbled(2, 5),
  ],
};

/** Every role × vendor × fault, each with a second vendor behind it. */
export const faultCases = (): readonly FaultCase[] =>
  ROLES.flatMap((role) =>
    ROWS[role].flatMap((row, index) =>
      [...PLANS[role], ...swapped(row.swaps)].map((plan) => caseOf(role, row, index, plan)),
    ),
  );

/** What is not played, and why. */
export const notShown = (): readonly { readonly case: string; readonly why: string }[] =>
  ROLES.flatMap((role) =>
    ROWS[role]
      .filter(({ swaps }) => swaps.length === 0)
      .map(({ name }) => ({
        case: `${role}: ${name}, wrong order`,
        why: 'it sends nothing but pieces of sound, which bear no number and no time',
      })),
  );

function caseOf(role: Role, row: Row, index: number, plan: Plan): FaultCase {
  const others = [...ROWS[role].slice(index + 1), ...ROWS[role].slice(0, index)];
  const behind = others.find(({ vendor }) => vendor !== row.vendor);
  if (!behind) throw new Error(`nobody stands behind ${row.vendor} as ${role}`);
  const { kind, how, ...trouble } = plan;
  const links = (of: Role): readonly Link[] =>
    of === role ? [row, behind] : [healthy(of, row.vendor)];
  return {
    name: `${role}: ${row.name}, ${kind} ${how}; ${behind.name} behind`,
    role,
    kind,
    chains: {
      'speech-to-text': links('speech-to-text'),
      'language-model': links('language-model'),
      'text-to-speech': links('text-to-speech'),
    },
    trouble: { vendor: row.vendor, ...trouble },
    detectionMs: detectionMs(role, plan),
  };
}

function detectionMs(role: Role, { kind }: Plan): number {
  switch (kind) {
    case 'half-open':
      return DEADLINES_MS[role];
    case 'slow first answer':
      return Math.min(SLOW_MS[role], DEADLINES_MS[role]);
    case 'refused connect':
    case '401':
    case '429':
    case 'closed mid-utterance':
    case 'garbage message':
    case 'wrong order':
      return 0;
  }
}
