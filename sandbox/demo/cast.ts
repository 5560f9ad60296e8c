import { parseArgs } from 'node:util';

/** Who hears, thinks and speaks: a vendor, and its model where another than its default is wanted. */
export type Cast = Readonly<Record<Part, Player>>;
export type Part = 'stt' | 'llm' | 'tts';
export type Player = { readonly vendor: string; readonly model?: string };

/** What each vendor of the sandbox can play; the first of a row plays where nobody is named. */
export const PLAYERS = {
  stt: ['deepgram', 'openai', 'google'],
  llm: ['openai', 'anthropic', 'google'],
  tts: ['cartesia', 'elevenlabs', 'openai', 'google'],
} as const satisfies Record<Part, readonly string[]>;

export const DEFAULT_CAST: Cast = {
  stt: { vendor: PLAYERS.stt[0] },
  llm: { vendor: PLAYERS.llm[0] },
  tts: { vendor: PLAYERS.tts[0] },
};

/** Who carries the voice. */
export const PROVIDERS = ['pipecat', 'retell'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export const DEMO_USAGE = `npm run -s demo -- [--json] [--provider name] [--stt vendor[/model]] [--llm vendor[/model]] [--tts vendor[/model]]

One phone call from beginning to end: a caller of the sandbox talks to an agent of a real server,
over the real wire protocols of the carrier and of every vendor. Exits 0 if it went as it should.

  --json      one JSON object is the only output on stdout
  --provider  who carries the voice: ${PROVIDERS.join(', ')}; Retell hears and speaks by itself
  --stt       who hears:  ${PLAYERS.stt.join(', ')}
  --llm       who thinks: ${PLAYERS.llm.join(', ')}
  --tts       who speaks: ${PLAYERS.tts.join(', ')}
  --help      this text

A model goes to the vendor as it stands, as in --stt deepgram/nova-3.`;

export type DemoArgs = {
  readonly json: boolean;
  readonly help: boolean;
  readonly provider: ProviderName;
  readonly cast: Cast;
};

/** @throws Error in one sentence, naming what is wrong and what could stand there */
export function readDemoArgs(args: readonly string[]): DemoArgs {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      provider: { type: 'string' },
      stt: { type: 'string' },
      llm: { type: 'string' },
      tts: { type: 'string' },
    },
  });
  const { provider = PROVIDERS[0] } = values;
  const known = PROVIDERS.find((name) => name === provider);
  if (!known) throw new Error(`--provider takes ${PROVIDERS.join(', ')}, not "${provider}".`);
  for (const part of ['stt', 'tts'] as const)
    if (known === 'retell' && values[part] !== undefined)
      throw new Error(`--${part} is not for --provider retell: Retell hears and speaks by itself.`);
  return {
    json: values.json ?? false,
    help: values.help ?? false,
    provider: known,
    cast: {
      stt: playerOf('stt', values.stt),
      llm: playerOf('llm', values.llm),
      tts: playerOf('tts', values.tts),
    },
  };
}

function playerOf(part: Part, text: string | undefined): Player {
  if (text === undefined) return DEFAULT_CAST[part];
  const [, vendor = text, model] = /^([^/]*)\/(.*)$/s.exec(text) ?? [];
  const players: readonly string[] = PLAYERS[part];
  if (!players.includes(vendor))
    throw new Error(`--${part} takes ${players.join(', ')}, not "${vendor}".`);
  if (model === '') throw new Error(`--${part} ${text}: a model's name follows the slash.`);
  return model === undefined ? { vendor } : { vendor, model };
}

/** The voice settings of an agent that has this cast and no other. */
export function voiceOf({ stt, llm, tts }: Cast): object {
  const vendors: Record<string, Record<string, string>> = {};
  for (const [part, { vendor, model }] of Object.entries({ stt, llm, tts }))
    if (model !== undefined) vendors[vendor] = { ...vendors[vendor], [`${part}_model`]: model };
  return { stt: [stt.vendor], llm: [llm.vendor], tts: [tts.vendor], vendors };
}

/** The vendors of a cast, each once. */
export const vendorsOf = (cast: Cast): readonly string[] => [
  ...new Set(Object.values(cast).map(({ vendor }) => vendor)),
];

/** Whether the cast's voice tells the times of its words; without, one word of an interruption is a guess. */
export const hasWordTimes = ({ tts }: Cast): boolean =>
  tts.vendor === 'cartesia' || tts.vendor === 'elevenlabs';
