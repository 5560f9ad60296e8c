import { demoAgent, demoBrain } from '#sandbox/demo/scenario.ts';
import { plain } from '#test/e2e/support/words.ts';
import type { Call } from '#protocol/calls.ts';
import type { Monologue } from './monologue.ts';

/**
 * The demo's caller without ears: the silences are as long as the agent's answers, and some seconds
 * more for a busy machine. The fourth sentence falls into the middle of an answer of fifteen seconds.
 */
export const scene: Monologue = [
  { afterMs: 10_000, say: 'Hi, I would like to book a table for Friday evening.' },
  { afterMs: 12_000, say: 'We will be four people, and we come at half past seven.' },
  { afterMs: 7_500, say: 'The corner by the window, please.' },
  { afterMs: 10_000, say: 'My name is Anna Keller.' },
  { afterMs: 13_000, say: 'No, that is all. Thank you very much, goodbye.' },
];
/** The sentence that the caller cuts in with. */
const CUTTING_IN = 2;
/** What is on its way to a browser that is cut short plays to its end: as many words may be heard of it. */
const ON_ITS_WAY_WORDS = 2;

/** One line of a transcript as it stands on the page. */
export type ShownTurn = {
  readonly role: 'caller' | 'agent';
  /** What was heard of it, and what was struck through; in order. */
  readonly heard: string;
  readonly unheard: string;
};

/**
 * Judges the scene: what the page shows against what the caller's voice was made to say, what the
 * model said, what the ears of the sandbox heard of the sound that came to the page, and the record.
 */
export function judgeScene(
  shown: readonly ShownTurn[],
  record: Call,
  heardByEar: readonly string[],
): readonly string[] {
  const problems: string[] = [];
  const expectSame = (
    what: string,
    is: readonly string[],
    other: string,
    was: readonly string[],
  ) => {
    const [left, right] = [JSON.stringify(is), JSON.stringify(was)];
    if (left !== right) problems.push(`${what} ${left}, ${other} ${right}`);
  };
  const agents = shown.filter(({ role }) => role === 'agent');
  const callers = shown.filter(({ role }) => role === 'caller');

  expectSame(
    'the page has of the caller',
    callers.map(({ heard }) => plain(heard)),
    'who said',
    scene.map(({ say }) => plain(say)),
  );
  expectSame(
    'the page has of the agent',
    agents.map(wholeOf),
    'whose model said',
    [demoAgent.greeting, ...scene.map(({ say }) => replyTo(say))].map(plain),
  );
  expectSame(
    'the page has heard and unheard',
    shown.map(({ role, heard, unheard }) => `${role}: ${plain(heard)} | ${plain(unheard)}`),
    'the record has',
    record.turns.map(({ role, text, heard }) => {
      const rest = plain(text).slice(plain(heard).length).trim();
      return `${role}: ${plain(heard)} | ${rest}`;
    }),
  );
  const cut = shown.flatMap(({ unheard }, at) => (unheard === '' ? [] : [at]));
  // Greeting, then each sentence with its answer.
  if (cut.length !== 1 || cut[0] !== 2 * CUTTING_IN)
    problems.push(
      `struck through are parts of the lines ${cut.join(', ') || '(none)'}, not of the one cut short`,
    );

  const written = agents
    .map(({ heard }) => plain(heard))
    .join(' ')
    .split(' ');
  const surplus = surplusOf(plain(heardByEar.join(' ')).split(' '), written);
  if (surplus === undefined)
    problems.push(
      `the page was sent the words “${heardByEar.join(' ')}”, and shows “${written.join(' ')}” as heard`,
    );
  else if (surplus > ON_ITS_WAY_WORDS)
    problems.push(`the page was sent ${surplus} words more than it shows as heard`);
  if (record.end_reason !== 'agent_hangup')
    problems.push(`the call ended with ${record.end_reason ?? 'nothing'}`);
  return problems;
}

/** Whether these are all words that the caller's voice was made to say. */
export const isWhole = (sent: readonly string[]): boolean =>
  plain(sent.join(' ')) === plain(scene.map(({ say }) => say).join(' '));

const wholeOf = ({ heard, unheard }: ShownTurn): string => plain(`${heard} ${unheard}`);

/** What the model says to it. */
export const replyTo = (text: string): string => {
  const items = [{ type: 'message', role: 'user', text }] as const;
  return demoBrain({ model: '', instructions: '', items, tools: ['end_call'] }).text ?? '';
};

/** How many words were sent besides those shown, in one place; undefined: others are missing or differ. */
function surplusOf(sent: readonly string[], shown: readonly string[]): number | undefined {
  const first = shown.findIndex((word, at) => word !== sent[at]);
  const surplus = sent.length - shown.length;
  if (surplus < 0) return undefined;
  const from = first < 0 ? shown.length : first;
  return shown.slice(from).every((word, at) => word === sent[from + surplus + at])
    ? surplus
    : undefined;
}
