import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import type { Carrier } from '#sandbox/carrier/carrier.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import type { OpenEar, SpeechClip, VoiceBank } from '#sandbox/speech/speech.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { splitAll } from '#sandbox/vendors/segments.ts';
import { AGENT_VOICE, ALL_TURNS, CALLER_VOICE, CUT_IN, STORY, TURNS } from '../script.ts';
import { monotonicMs } from '../mocks/stamps.ts';
import type { Act } from './caller.ts';
import { endChild, firstLine, startChild } from './child-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const START_WITHIN_MS = 60_000;
const END_WITHIN_MS = 5_000;

/** Times of the mocks and of the callers are on one clock, that of the machine. */
export const machineClock = (clock: Clock): Clock => ({ ...clock, now: monotonicMs });

const addressSchema = z.object({
  urls: z.object({
    deepgram: z.string(),
    openai: z.string(),
    openaiChat: z.string(),
    cartesia: z.string(),
    control: z.string(),
  }),
  keys: z.object({ deepgram: z.string(), openai: z.string(), cartesia: z.string() }),
});
/** Where the vendors are, and the key that each accepts. */
export type Vendors = z.infer<typeof addressSchema>;

const shownSchema = z.array(
  z.object({
    atMs: z.number(),
    messages: z.array(z.object({ role: z.string(), text: z.string() })),
  }),
);
/** What a model was shown, oldest first. */
export type Shown = z.infer<typeof shownSchema>[number];

const loadSchema = z.object({ eventLoopDelayMs: z.object({ p99: z.number() }) });

/** Carrier, vendors and callers, for all systems under test the same. */
export type World = {
  readonly clock: Clock;
  readonly vendors: Vendors;
  readonly carrier: Carrier;
  /** Knows the agent's words by their sound. */
  readonly openEar: OpenEar;
  /** What callers do, over and over. */
  readonly acts: readonly Act[];
  /** Everything that a model was shown since this was asked last. */
  takeShown(): Promise<readonly Shown[]>;
  /** Lets the mocks forget what they keep for the asking: under load it is much. */
  forget(): Promise<void>;
  /** The 99th percentile of the event-loop delay since this was asked last, of this process or the mocks', whichever is worse. */
  takeDelayMs(): Promise<number>;
  close(): Promise<void>;
};

/** Carrier and callers in this process, the vendors in one of their own, all of them on `core`; undefined: anywhere. */
export async function startWorld(clock: Clock, core: number | undefined): Promise<World> {
  const started = new AsyncDisposableStack();
  try {
    const child = startChild([process.execPath, 'bench/mocks/main.ts'], {
      core,
      cwd: ROOT,
      env: process.env,
    });
    started.defer(() => endChild(child, END_WITHIN_MS));
    const vendors = addressSchema.parse(JSON.parse(await firstLine(child, START_WITHIN_MS)));
    const bank = started.use(await createVoiceBank());
    const acts = await actsOf(bank);
    const carrier = started.use(await startCarrier({ clock, bank }));
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    started.defer(() => void delay.disable());
    const control = async (path: string): Promise<unknown> =>
      (await fetch(`${vendors.urls.control}${path}`)).json();
    return {
      clock,
      vendors,
      carrier,
      openEar: openEar(bank),
      acts,
      takeShown: async () => shownSchema.parse(await control('/shown')),
      async forget() {
        for (const path of ['/shown', '/stamps'])
          await (await fetch(`${vendors.urls.control}${path}`)).body?.cancel();
      },
      async takeDelayMs() {
        const ownMs = delay.percentile(99) / 1e6;
        delay.reset();
        const { eventLoopDelayMs } = loadSchema.parse(await control('/load'));
        return Math.max(ownMs, eventLoopDelayMs.p99);
      },
      close: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/** Two turns, then one that is cut in on, and so on through the script. */
async function actsOf(bank: VoiceBank): Promise<readonly Act[]> {
  const ofCaller = (line: string): Promise<SpeechClip> => bank.speak(line, CALLER_VOICE);
  const ofAgent = (reply: string): Promise<SpeechClip> => bank.speak(reply, AGENT_VOICE.bankVoice);
  for (const { reply } of ALL_TURNS) for (const piece of piecesOf(reply)) await ofAgent(piece);
  const cutIn: Act = {
    kind: 'cut-in',
    line: await ofCaller(STORY.line),
    cutIn: await ofCaller(CUT_IN.line),
    reply: await ofAgent(CUT_IN.reply),
  };
  const acts: Act[] = [];
  for (const [index, { line, reply }] of TURNS.entries()) {
    acts.push({ kind: 'ask', line: await ofCaller(line), reply: await ofAgent(reply) });
    if (index % 2 === 1) acts.push(cutIn);
  }
  return acts;
}

/** A reply whole, by sentences, and with its first clause by itself: what voices are given to say, and so what an ear must know. */
function piecesOf(reply: string): readonly string[] {
  const sentences = splitAll(reply).map((sentence) => sentence.trim());
  const comma = reply.indexOf(', ');
  const clauses =
    comma < 0
      ? []
      : [
          reply.slice(0, comma + 1),
          ...splitAll(reply.slice(comma + 2)).map((sentence) => sentence.trim()),
        ];
  return [reply, ...sentences, ...clauses];
}
