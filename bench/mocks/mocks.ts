import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import { sendJson, startHttp } from '#sandbox/lib/http.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import type { Brain } from '#sandbox/vendors/brain.ts';
import { startCartesia } from '#sandbox/vendors/cartesia/server.ts';
import { startDeepgram } from '#sandbox/vendors/deepgram/server.ts';
import { createFaults } from '#sandbox/faults.ts';
import { startOpenAI } from '#sandbox/vendors/openai/server.ts';
import { splitAll, splitSpeech } from '#sandbox/vendors/segments.ts';
import {
  AGENT_VOICE,
  ALL_TURNS,
  CALLER_VOICE,
  firstClauseOf,
  GREETING,
  LOST,
  scriptBrain,
} from '../script.ts';
import { startChatCompletions } from './chat-completions.ts';
import { lightEars } from './light-ear.ts';
import { monotonicMs } from './stamps.ts';
import type { Shown, Stamp } from './stamps.ts';

/** How long the vendors take, in milliseconds; the same for every system under test. */
export type Delays = {
  /** From the end of the last word, in the audio, to the message that the turn has ended. */
  readonly endOfTurnMs: number;
  /** The same for the early sign of it, where the protocol has one. */
  readonly eagerEndOfTurnMs: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
  /** From a text to its first audio. */
  readonly firstSpeechMs: number;
};

export const DELAYS: Delays = {
  endOfTurnMs: 350,
  eagerEndOfTurnMs: 150,
  firstTokenMs: 400,
  tokensPerSecond: 60,
  firstSpeechMs: 150,
};

/** `light`: knows the script's lines by their loudness. `full`: the sandbox's own ear, which knows words by their sound. */
export type EarKind = 'light' | 'full';

/** Where the vendors are, and the key that each accepts. */
export type MocksAddress = {
  readonly urls: {
    /** HTTP origin; the WebSockets are on the same port. */
    readonly deepgram: string;
    /** With its `/v1`; the Responses API. */
    readonly openai: string;
    /** With its `/v1`; the Chat Completions API. */
    readonly openaiChat: string;
    /** HTTP origin; the WebSocket is on the same port. */
    readonly cartesia: string;
    /** `GET /stamps`, `/shown` and `/load`; see `Control`. */
    readonly control: string;
  };
  readonly keys: { readonly deepgram: string; readonly openai: string; readonly cartesia: string };
};

/** The answers of the control server, each with what has come up since it was asked last. */
export type Control = {
  readonly '/stamps': readonly Stamp[];
  /** What the language model was shown, request by request. */
  readonly '/shown': readonly Shown[];
  /** How busy the mocks themselves were: they must not be what is measured. */
  readonly '/load': {
    readonly cpuMs: number;
    readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  };
};

/** Contexts and requests at one time: no account of this world has a limit. */
const NO_LIMIT = 1_000_000;
/** Plays every vendor of a measurement, on ports of this machine, and prepares all speech of the script. */
export async function startMocks(options: {
  readonly ear: EarKind;
  readonly delays: Delays;
}): Promise<MocksAddress & AsyncDisposable> {
  const { delays } = options;
  const clock = systemClock;
  const keys = {
    deepgram: newToken(30),
    openai: `sk-proj-${newToken(36)}`,
    cartesia: `sk_car_${newToken(18)}`,
  };
  let stamps: Stamp[] = [];
  let shown: Shown[] = [];
  const stamp = (kind: Stamp['kind'], text: string): void =>
    void stamps.push({ kind, atMs: monotonicMs(), text });

  const brain: Brain = (question) => {
    const messages = question.items.flatMap((item) =>
      item.type === 'message' ? [{ role: item.role, text: item.text }] : [],
    );
    stamp('asked', messages.findLast(({ role }) => role === 'user')?.text ?? '');
    shown.push({ atMs: monotonicMs(), messages });
    return scriptBrain(question);
  };

  await using started = new AsyncDisposableStack();
  const bank = started.use(await createVoiceBank());
  const lines = await Promise.all(ALL_TURNS.map(({ line }) => bank.speak(line, CALLER_VOICE)));
  for (const text of [GREETING, LOST, ...ALL_TURNS.map(({ reply }) => reply)])
    for (const piece of [text, ...splitAll(text), ...clausesOf(text)])
      await bank.speak(piece.trim(), AGENT_VOICE.bankVoice);

  const deepgram = started.adopt(
    await startDeepgram({
      openEar: options.ear === 'light' ? lightEars(lines) : openEar(bank),
      clock,
      keys: [keys.deepgram],
      faults: createFaults(),
      timing: { endOfTurnMs: delays.endOfTurnMs, eagerEndOfTurnMs: delays.eagerEndOfTurnMs },
      onSent(message) {
        if (!('event' in message) || !('transcript' in message)) return;
        if (message.event === 'EagerEndOfTurn') stamp('eager', String(message.transcript));
        if (message.event === 'EndOfTurn') stamp('end', String(message.transcript));
      },
    }),
    (server) => server.close(),
  );
  const growing = new Map<string, string>();
  const openai = started.adopt(
    await startOpenAI({
      brain,
      clock,
      keys: [keys.openai],
      faults: createFaults(),
      timing: { firstTokenMs: delays.firstTokenMs, tokensPerSecond: delays.tokensPerSecond },
      onSent({ type, fields }) {
        if (!('item_id' in fields) || typeof fields.item_id !== 'string') return;
        const { item_id: id } = fields;
        if (type === 'response.output_text.done') return void growing.delete(id);
        if (type !== 'response.output_text.delta' || !('delta' in fields)) return;
        const before = growing.get(id) ?? '';
        const text = before + String(fields.delta);
        growing.set(id, text);
        const clause = firstClauseOf(text);
        if (clause !== undefined && firstClauseOf(before) === undefined)
          stamp('clause', clause.trim());
      },
    }),
    (server) => server.close(),
  );
  const openaiChat = started.adopt(
    await startChatCompletions({ ...delays, brain, clock, key: keys.openai }),
    (server) => server.close(),
  );
  /** First text of a context whose first audio is still to leave. */
  const waiting = new Map<string, string>();
  const known = new Set<string>();
  const cartesia = started.adopt(
    await startCartesia({
      bank,
      clock,
      keys: [keys.cartesia],
      faults: createFaults(),
      maxContexts: NO_LIMIT,
      timing: { firstSpeechMs: delays.firstSpeechMs },
      onText(contextId, text) {
        if (known.has(contextId) || text.trim() === '') return;
        known.add(contextId);
        waiting.set(contextId, text.trim());
        stamp('speak', text.trim());
      },
      onSent(message) {
        if (!('context_id' in message) || !('type' in message)) return;
        const id = String(message.context_id);
        if (message.type === 'done') known.delete(id);
        const text = message.type === 'chunk' ? waiting.get(id) : undefined;
        if (text === undefined) return;
        waiting.delete(id);
        stamp('speech', text);
      },
    }),
    (server) => server.close(),
  );

  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let usage = process.cpuUsage();
  const load = (): Control['/load'] => {
    const { user, system } = process.cpuUsage(usage);
    usage = process.cpuUsage();
    const ms = (ns: number): number => Math.round(ns / 1e4) / 100;
    const eventLoopDelayMs = {
      p50: ms(delay.percentile(50)),
      p99: ms(delay.percentile(99)),
      max: ms(delay.max),
    };
    delay.reset();
    return { cpuMs: (user + system) / 1_000, eventLoopDelayMs };
  };
  const control = started.adopt(
    await startHttp({
      onRequest({ url, response }) {
        if (url.pathname === '/stamps') {
          sendJson(response, 200, stamps);
          stamps = [];
        } else if (url.pathname === '/shown') {
          sendJson(response, 200, shown);
          shown = [];
        } else if (url.pathname === '/load') sendJson(response, 200, load());
        else sendJson(response, 404, { detail: 'There are /stamps, /shown and /load.' });
      },
    }),
    (server) => server.close(),
  );
  const opened = started.move();
  return {
    urls: {
      deepgram: deepgram.url,
      openai: openai.url,
      openaiChat: `${openaiChat.origin}/v1`,
      cartesia: cartesia.url,
      control: control.origin,
    },
    keys,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The pieces that a reply is spoken in by those who begin with its first clause. */
function clausesOf(text: string): readonly string[] {
  const first = firstClauseOf(text) ?? '';
  const { segments, rest } = splitSpeech(text);
  return [first, ...splitAll(text.slice(first.length)), ...segments, rest].filter((piece) =>
    /\p{L}/u.test(piece),
  );
}
