import type { Brain } from '#sandbox/vendors/brain.ts';

/**
 * What is said in every measurement, by every system under test: the same words, in the same voices.
 * A caller's line takes about 2.4 s and a reply as long, so that with the vendors' delays a turn comes
 * about every 6 s and the caller talks 40 % of the time.
 */
export const TURNS: readonly { readonly line: string; readonly reply: string }[] = [
  {
    line: 'Can you tell me when you open on Saturday?',
    reply: 'On Saturday, we open at nine.',
  },
  {
    line: 'I would like to move my appointment.',
    reply: 'Of course, Thursday at ten is free.',
  },
  {
    line: 'Do you have anything free on Monday?',
    reply: 'On Monday, there is one place left.',
  },
  {
    line: 'How much does a broken window cost?',
    reply: 'For a window, you pay ninety dollars.',
  },
  {
    line: 'Please send the invoice to my office.',
    reply: 'Certainly, it goes to your office.',
  },
  {
    line: 'Is there a place to park near you?',
    reply: 'Behind us, there is a free place.',
  },
  {
    line: 'My parcel has not arrived this week.',
    reply: 'I am sorry, your parcel comes tomorrow.',
  },
  {
    line: 'Could somebody call me back later?',
    reply: 'Yes, gladly, we will call at seven.',
  },
  {
    line: 'We are seven people and two children.',
    reply: 'Thank you, I have noted all of you.',
  },
  {
    line: 'Which of the contracts is better for us?',
    reply: 'For you, the second one costs less.',
  },
  {
    line: 'The heating in our kitchen is too loud.',
    reply: 'All right, somebody comes to look at it.',
  },
  {
    line: 'Please read me my number once again.',
    reply: 'Your number, it is four seven one nine.',
  },
];

/** The line that asks for a reply long enough to be cut in on. */
export const STORY = {
  line: 'Please tell me everything that I should know about it.',
  reply:
    'With pleasure, there is a lot to tell. The house was built by the river a hundred years ago, and three families have lived in it since then. The roof was made new last summer, and so were all the windows on the side of the garden. The old stairs lead to four quiet rooms under the roof. In the garden there are apple trees, and behind them stands a small hut made of wood.',
} as const;

/** What a caller says to cut in. It is no sign of listening, so it takes the floor. */
export const CUT_IN = {
  line: 'Stop there please, I have a question about the garden.',
  reply: 'Of course, what would you like to know about the garden?',
} as const;

/** Others that cut in: with another sound first each, because soft beginnings are noticed later. */
export const CUT_INS: readonly { readonly line: string; readonly reply: string }[] = [
  CUT_IN,
  {
    line: 'Wait a moment, I only want to know the price.',
    reply: 'Of course, the price is ninety dollars.',
  },
  {
    line: 'Actually I would rather talk about the windows.',
    reply: 'Of course, we can talk about the windows.',
  },
  {
    line: 'Excuse me, who was the first owner of it?',
    reply: 'For long, it was the family of a doctor.',
  },
  {
    line: 'Maybe you can tell me about the apple trees.',
    reply: 'With pleasure, there are seven of them.',
  },
];

export const ALL_TURNS = [...TURNS, STORY, ...CUT_INS];

/** The caller's voice in the sandbox's bank. */
export const CALLER_VOICE = 'rms';
/** Cartesia's "Katie", and who speaks for her in the sandbox's bank. */
export const AGENT_VOICE = { cartesiaId: 'f786b574-daa5-4673-aa0c-cbe3e8534c02', bankVoice: 'slt' };

export const GREETING = 'Hello, how can I help you?';
export const SYSTEM_PROMPT =
  'You answer the phone of a small company. You are friendly and brief, and you answer in one or two sentences.';

/** What the language model says when its last words were none of the script's: a word was lost. */
export const LOST = 'Pardon me, I did not hear that.';

const replies = new Map(ALL_TURNS.map(({ line, reply }) => [bare(line), reply]));

/** Answers the last thing that the caller said, by the script. */
export const scriptBrain: Brain = ({ items }) => {
  const last = items.findLast((item) => item.type === 'message' && item.role === 'user');
  return { text: replyTo(last?.type === 'message' ? last.text : '') };
};

/** The script's reply to a line, however a recogniser writes it. */
export const replyTo = (heard: string): string => replies.get(bare(heard)) ?? LOST;

function bare(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} ]/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** First piece of a reply, up to a mark with the white space behind it, as it is cut by those who speak soon. */
const FIRST_CLAUSE = /^[^]{6,}?[,;:.!?]\s/;

/** A text's first clause, with the white space behind it; undefined while it is not complete. */
export const firstClauseOf = (text: string): string | undefined => FIRST_CLAUSE.exec(text)?.[0];
