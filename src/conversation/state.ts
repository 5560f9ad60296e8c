import type { ContextItem } from '#contracts/language-model.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import type { Policy } from './policy.ts';
import type { TimerName } from './timer-name.ts';
import { takesLine, TRANSFER_CALL_TOOL } from './tools.ts';

/** Speech that needs no vendor: recorded, shipped with the server. */
export type PreparedSpeech = 'apology' | 'goodbye';

/** The caller's side of the conversation. All times count from the answer. */
export type Caller = {
  /** By voice activity. */
  readonly voice: 'silent' | 'speaking';
  readonly voiceSinceMs: number;
  /** When the voice last came up. */
  readonly voiceStartMs: number;
  /** What has been heard and not yet answered. */
  readonly turn: CallerTurn | null;
  /** The turn answered last: a recogniser may repeat its words once more. */
  readonly answered: { readonly text: string; readonly atMs: number } | null;
  /** Words of the recogniser's open segment that stand in a recorded turn already: it will say them again. */
  readonly recorded: string;
  /** Keys pressed and not yet answered. */
  readonly keys: string;
  readonly keysSinceMs: number;
  /** Since when another recogniser than the first listens, which heard the last words again; null: none does. */
  readonly hearingSinceMs: number | null;
};

export type CallerTurn = {
  readonly startMs: number;
  /** Segments that will not change. */
  readonly final: string;
  readonly interim: string;
  /** When the words last changed. */
  readonly changedMs: number;
  /** End of the caller's last voice; of the last new word where that was `unvoiced`. */
  readonly speechEndMs: number;
  /** Voice activity saw nothing of the last words: they were too quiet for it. */
  readonly unvoiced: boolean;
  /** The end was decided while the agent spoke and was not to be interrupted. */
  readonly ended: boolean;
  /** Its last words came when the agent had almost finished. */
  readonly nearEnd: boolean;
  /** The words that a reply was last prepared for on trial: it is not prepared twice for the same. */
  readonly tried: string | null;
  /** Some of it was written, not spoken: nobody writes by accident. */
  readonly isTyped?: true;
};

export type ToolCall = {
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
  /** It goes on when the caller interrupts, and its result joins the context later. */
  readonly lasting?: boolean;
};

/** Absolute moments of a reply, for its waterfall. */
export type Moments = {
  readonly endDecidedMs?: number;
  readonly firstTokenMs?: number;
  readonly firstClauseMs?: number;
  readonly firstAudioMs?: number;
  readonly playedMs?: number;
};

export type ReplyAudio =
  /** None of it may be heard yet: the caller may not have finished. */
  | { readonly is: 'held' }
  | { readonly is: 'flowing' }
  /** Taken off the line, because the caller's voice came up. */
  | { readonly is: 'paused'; readonly sinceMs: number };

/** One thing the agent says, from the first thought to the last sample. There is at most one at a time. */
export type Reply = {
  readonly id: number;
  readonly kind: 'greeting' | 'answer' | 'prompt' | 'say' | 'farewell' | 'prepared';
  /** The caller's words it was thought for; null where nobody asked. */
  readonly answers: string | null;
  readonly thinking: boolean;
  /** Tools that have not given a result yet. */
  readonly runningTools: readonly ToolCall[];
  /** Tools to run once it is certain that the caller has finished. */
  readonly waitingTools: readonly ToolCall[];
  /** Tools that take the line, to run one after the other once all of the reply was heard. */
  readonly lineTools: readonly ToolCall[];
  /** When the tools that run now began; the last one, if there are several. */
  readonly toolsSinceMs: number;
  /** The agent has said that a tool takes time. */
  readonly toolFillerSaid: boolean;
  /** Calls and results of this reply so far, for the model's next round. */
  readonly toolContext: readonly ContextItem[];
  /** How many of them the model has been shown. */
  readonly toolsShown: number;
  /** Thought, not yet sent to be spoken. */
  readonly unspoken: string;
  /** Sent to be spoken. */
  readonly text: string;
  /** All of its text has been sent. */
  readonly textDone: boolean;
  /** All of its audio has been made. */
  readonly speechDone: boolean;
  readonly audioMs: number;
  readonly words: readonly WordTime[];
  readonly playedMs: number;
  readonly audio: ReplyAudio;
  readonly interruptible: boolean;
  /** Since when the floor is the agent's: a voice that came up later may interrupt. Null while held. */
  readonly dueSinceMs: number | null;
  /** The end of the caller's speech it answers; null where nobody asked. */
  readonly speechEndMs: number | null;
  readonly moments: Moments;
  /** When its first sample was heard. */
  readonly heardSinceMs: number | null;
  /** When more of it was last heard, or had reason to be. */
  readonly progressMs: number;
  /** The beginning of the silence that the journal has a reason for; null: of none. */
  readonly notedSilenceMs: number | null;
  /** Since when text waits for its first sound; null while none does. */
  readonly soundDueSinceMs: number | null;
  /** How often the watchdog has bridged a silence since the model, or a tool, last gave something. */
  readonly stalls: number;
  /** What comes after its last sample. `transfer` only where that is the other side's to do. */
  readonly afterwards: 'listen' | 'end' | 'transfer';
};

export type Phase =
  | { readonly name: 'waiting' }
  | { readonly name: 'talking' }
  /** The call ends with `reason` as soon as the agent has said its last words. */
  | {
      readonly name: 'ending';
      readonly reason: EndReason;
      readonly detail: string | null;
      readonly sinceMs: number;
    }
  | { readonly name: 'ended'; readonly reason: EndReason; readonly detail: string | null };

/** All of a conversation, as plain JSON: it can be stored, moved to another node and gone on with. */
export type Conversation = {
  readonly version: 1;
  readonly policy: Policy;
  readonly phase: Phase;
  readonly caller: Caller;
  readonly reply: Reply | null;
  /** What the owner wants said, next first. */
  readonly toSay: readonly string[];
  /** What was said and heard, oldest first: an agent's words only as far as their audio was played. */
  readonly context: readonly ContextItem[];
  readonly nextReplyId: number;
  readonly turnCount: number;
  readonly idlePrompts: number;
  /** When the agent was last through with something; voice without words does not count as speaking. */
  readonly quietSinceMs: number;
  /** What the session's timers are set to. One that fires early finds nothing due and is set anew. */
  readonly timers: Readonly<Partial<Record<TimerName, number>>>;
};

export const newConversation = (policy: Policy): Conversation => ({
  version: 1,
  policy,
  phase: { name: 'waiting' },
  caller: {
    voice: 'silent',
    voiceSinceMs: 0,
    voiceStartMs: 0,
    turn: null,
    answered: null,
    recorded: '',
    keys: '',
    keysSinceMs: 0,
    hearingSinceMs: null,
  },
  reply: null,
  toSay: [],
  context: [],
  nextReplyId: 1,
  turnCount: 0,
  idlePrompts: 0,
  quietSinceMs: 0,
  timers: {},
});

/** Everything heard in a turn so far; never empty. */
export const turnText = (turn: CallerTurn): string =>
  turn.final !== '' && turn.interim !== ''
    ? `${turn.final} ${turn.interim}`
    : turn.final + turn.interim;

/** The contract's word for where a conversation stands. */
export function callState(conversation: Conversation): CallState {
  const { phase, reply } = conversation;
  if (phase.name === 'waiting') return 'ringing';
  if (phase.name !== 'talking') return 'ending';
  if (reply?.afterwards === 'transfer') return 'transferring';
  if (reply?.runningTools.some((call) => call.name === TRANSFER_CALL_TOOL)) return 'transferring';
  if (!reply || reply.audio.is !== 'flowing') return 'listening';
  if (reply.kind === 'greeting') return 'greeting';
  return isBeingSaid(conversation.policy, reply) ? 'speaking' : 'thinking';
}

/** Of sound that is not ours only that it was asked for is known in time. */
const isBeingSaid = ({ sound }: Policy, { heardSinceMs, moments }: Reply): boolean =>
  heardSinceMs !== null || (sound === 'theirs' && moments.firstAudioMs !== undefined);

/** Whether a tool has the line: the agent neither speaks nor is interrupted. */
export const isLineTaken = (reply: Reply): boolean =>
  reply.runningTools.some((call) => takesLine(call.name));
