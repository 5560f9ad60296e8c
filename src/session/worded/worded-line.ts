import type { TransferAtCarrier } from '#contracts/incoming-call.ts';
import type { AfterSpeech, Transcript, WordsTransport } from '#contracts/words-transport.ts';
import { PREPARED_TEXTS } from '#conversation/ending.ts';
import { hasWords, wordsAfter } from '#conversation/policies/words.ts';
import type { Conversation, Reply } from '#conversation/state.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import type { Turn } from '#protocol/calls.ts';
import type { Line, LineEffect, LineSurroundings } from '../line.ts';
import { ToolFault } from '../tools/tool.ts';
import { countSpoken, spokenTokens, wordsOfText } from './spoken-words.ts';
import type { SpeechWord } from './spoken-words.ts';
import { createToolFrames } from './tool-frames.ts';
import { contextOf, endOfTaken, unanswered, wordsOf } from './transcript.ts';

export type WordedLineParts = {
  readonly agent: AgentConfig;
  readonly transport: WordsTransport;
  /** Another process has led the call until now; absent: it has just been answered. */
  readonly before?: TurnsBefore;
};

/** What is stored of a call that goes on here. */
export type TurnsBefore = { readonly turns: readonly Turn[]; readonly turnCount: number };

export type WordedLine = Line & {
  readonly transfer: TransferAtCarrier;
  /** Whether the other side was asked for something to do after the words of the reply in hand. */
  readonly hasRequest: boolean;
  /** The other side has ended the call. */
  readonly isEnded: boolean;
};

/** What a reply has given to be spoken, and what of it was. */
type Speech = {
  readonly replyId: number;
  readonly words: SpeechWord[];
  /** What the agent had said before, in tokens. */
  readonly before: number;
  spokenCount: number;
};

/**
 * A line whose sound is the other side's. Its ears are the transcript: what the caller has said since
 * the last answer, and how far the agent's words were spoken. Its mouth is text.
 */
export function wordedLine(parts: WordedLineParts, around: LineSurroundings): WordedLine {
  const { agent, transport } = parts;
  const { take } = around;
  const toolFrames = createToolFrames(transport);
  let isTakenOver = parts.before === undefined;
  let speech: Speech | undefined;
  /** Everything the agent has said, in tokens. */
  let shown: readonly string[] = [];
  /** The caller's words that were answered. */
  let answered: readonly string[] = [];
  let interim = '';
  let keyCount = 0;
  let isCallerSpeaking = false;
  let replyId = 0;
  let finished = 0;
  let request: { readonly replyId: number; readonly of: AfterSpeech } | undefined;
  /** The transcript of a request is read before the request itself: until then nobody declines it. */
  let isBeingAsked = false;
  let isSilenced = false;
  let isEnded = false;

  const say = (reply: Reply | null, text: string): void => {
    if (!reply) return;
    if (speech?.replyId !== reply.id)
      speech = { replyId: reply.id, words: [], before: shown.length, spokenCount: 0 };
    transport.say(reply.id, text, reply);
    const words = wordsOfText(text, speech.words.at(-1)?.endMs ?? 0);
    speech.words.push(...words);
    const audioMs = speech.words.at(-1)?.endMs ?? 0;
    take({ type: 'speech-audio', replyId: reply.id, audioMs });
    take({ type: 'speech-words', replyId: reply.id, words });
  };

  const carryOut = (effect: LineEffect, { reply }: Conversation): void => {
    switch (effect.type) {
      case 'speak':
        return say(reply, effect.text);
      case 'speak-prepared':
        say(reply, PREPARED_TEXTS[effect.speech]);
        return take({ type: 'speech-done', replyId: effect.replyId });
      case 'finish-speaking':
        return take({ type: 'speech-done', replyId: effect.replyId });
      case 'stop-speaking':
        return transport.drop(effect.replyId);
      case 'hold-audio':
      case 'release-audio':
      case 'finalize-hearing':
        return undefined;
    }
  };

  /** Everything of a reply was given: says so, with what is to be done after it. */
  const finish = (reply: Reply): void => {
    finished = reply.id;
    const asked = request?.replyId === reply.id ? request.of : undefined;
    const afterwards = reply.afterwards === 'end' ? ({ type: 'end' } as const) : asked;
    const { interruptible } = reply;
    transport.finish(reply.id, { interruptible, ...(afterwards && { afterwards }) });
  };

  /** What of the speech stands in the transcript was heard, and no more. */
  const observeAgent = (transcript: Transcript): void => {
    shown = spokenTokens(transcript);
    if (!speech) return;
    const spokenCount = countSpoken(speech.words, shown.slice(speech.before));
    if (spokenCount === speech.spokenCount) return;
    speech.spokenCount = spokenCount;
    const playedMs = speech.words[spokenCount - 1]?.endMs ?? 0;
    take({ type: 'played', replyId: speech.replyId, playedMs });
  };

  const observeKeys = (transcript: Transcript): void => {
    const keys = transcript.flatMap((said) => (said.role === 'key' ? [said.digit] : []));
    for (const digit of keys.slice(keyCount)) take({ type: 'key', digit });
    keyCount = Math.max(keyCount, keys.length);
  };

  /** The caller's words that were not answered yet. */
  const newWords = (transcript: Transcript): string => {
    const words = wordsOf(transcript, 'caller');
    return words.slice(endOfTaken(answered, words)).join(' ');
  };

  const observeCaller = (transcript: Transcript): void => {
    const text = newWords(transcript);
    if (text === '' || text === interim) return;
    interim = text;
    take({ type: 'heard-interim', text });
  };

  const observe = (transcript: Transcript): void => {
    if (!isTakenOver) takeOver(transcript);
    // First what the caller did: the agent, which may be through, is not to go on to something else then.
    observeKeys(transcript);
    observeCaller(transcript);
    observeAgent(transcript);
  };

  /** The transcript knows more than what was stored: also what was said while nobody led the call. */
  const takeOver = (transcript: Transcript): void => {
    isTakenOver = true;
    const { turns = [], turnCount = 0 } = parts.before ?? {};
    const { before, text } = unanswered(transcript);
    const last = turns.at(-1);
    // A turn that is recorded is not recorded again, whoever answers it.
    const rest = last?.role === 'caller' ? wordsAfter(text, last.text) : undefined;
    const words = wordsOf(transcript, 'caller');
    const newCount = (rest ?? text).split(' ').filter((word) => word !== '').length;
    answered = words.slice(0, words.length - newCount);
    keyCount = transcript.filter((said) => said.role === 'key').length;
    const context =
      rest === undefined || last === undefined
        ? contextOf(before)
        : [...contextOf(before), { role: 'caller' as const, text: last.text }];
    take({ type: 'taken-over', context, turnCount });
  };

  const callerSpeaks = (isSpeaking: boolean): void => {
    if (isSpeaking === isCallerSpeaking) return;
    isCallerSpeaking = isSpeaking;
    take({ type: isSpeaking ? 'voice-started' : 'voice-stopped', sinceMs: around.nowMs() });
  };

  return {
    open() {
      const { before } = parts;
      const { idle, barge_in: bargeIn } = agent.voice;
      transport.describe({
        promptAfterMs: idle.prompt_after_ms,
        promptCount: idle.prompts.filter(hasWords).length + 1,
        interruptible: bargeIn.enabled,
      });
      if (!before) take({ type: 'answered' });
      else take({ type: 'taken-over', context: said(before.turns), turnCount: before.turnCount });
      transport.listen({
        said: (transcript) => (isSilenced ? undefined : observe(transcript)),
        due(why, transcript) {
          if (isSilenced) return;
          isBeingAsked = true;
          observe(transcript);
          callerSpeaks(false);
          isBeingAsked = false;
          if (why === 'prompt') return take({ type: 'prompt-due' });
          const text = newWords(transcript);
          answered = wordsOf(transcript, 'caller');
          interim = '';
          take({ type: 'answer-due', text });
        },
        turn: (of) => callerSpeaks(of === 'caller'),
        note: around.note,
        closed(by) {
          isEnded = by === 'caller';
          around.closed(by);
        },
      });
    },
    carryOut,
    settled(step) {
      const { reply } = step.after;
      toolFrames.settled(step);
      replyId = reply?.id ?? 0;
      if (!reply && !isBeingAsked) transport.yieldTurn();
      if (reply?.textDone && finished !== reply.id) finish(reply);
    },
    play(given) {
      const keys = given.replaceAll('w', '');
      if (!/^[0-9*#]+$/.test(keys))
        return Promise.reject(new ToolFault('Only 0 to 9, * and # can be sent on this line.'));
      request = { replyId, of: { type: 'keys', keys } };
      return Promise.resolve();
    },
    transfer(phoneNumber) {
      request = { replyId, of: { type: 'transfer', phoneNumber } };
      return Promise.resolve({ ok: true });
    },
    get hasRequest() {
      return request?.replyId === replyId;
    },
    get isEnded() {
      return isEnded;
    },
    silence() {
      isSilenced = true;
    },
    close: () => transport.close(),
  };
}

/** Stored turns, as the model is shown them. */
const said = (turns: readonly Turn[]) =>
  turns.flatMap(({ role, heard }) => (hasWords(heard) ? [{ role, text: heard }] : []));
